"""Integer arithmetic on numpy columns that raises where int64 would wrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.errors import RegisterOverflowError

INT64_MAX = 2**63 - 1
EXPONENT_SPAN = 18
"""By how many decimal places the readings of a day may differ."""


def largest(values: NDArray[np.int64]) -> int:
    """The largest magnitude in a column; 0 where it is empty."""
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def times(values: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
    """A column times an integer.

    Raises:
        RegisterOverflowError: A product does not fit 64 bits.
    """
    if factor == 1:
        return values
    if largest(values) * abs(factor) > INT64_MAX:
        message = f"{largest(values)} times {factor} does not fit into 64 bits."
        raise RegisterOverflowError(message, value=(largest(values), factor))
    return values * np.int64(factor)


def minus(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Element-wise difference.

    Raises:
        RegisterOverflowError: A difference does not fit 64 bits.
    """
    if largest(left) + largest(right) > INT64_MAX:
        message = "A difference of registers does not fit into 64 bits."
        raise RegisterOverflowError(message, value=(largest(left), largest(right)))
    return left - right


def running_total(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 and then the sums of the first 1, 2, ... steps.

    Raises:
        RegisterOverflowError: A sum does not fit 64 bits.
    """
    if largest(steps) * steps.size > INT64_MAX and sum(map(abs, steps.tolist())) > INT64_MAX:
        message = "A running total of registers does not fit into 64 bits."
        raise RegisterOverflowError(message, value=largest(steps))
    total = np.zeros(steps.size + 1, dtype=np.int64)
    np.cumsum(steps, out=total[1:])
    return total


def at_exponent(
    mantissa: NDArray[np.int64], exponent: NDArray[np.int16], target: int
) -> NDArray[np.int64]:
    """A column of mantissas with exponents of their own, all at one finer exponent.

    Raises:
        RegisterOverflowError: A value does not fit 64 bits there, or digits would be lost.
    """
    shift = exponent.astype(np.int64) - target
    if shift.size and int(shift.min()) < 0:
        message = f"A reading has more decimals than 10**{target}."
        raise RegisterOverflowError(message, value=int(exponent.min()))
    if shift.size == 0 or int(shift.max()) == 0:
        return mantissa
    if int(shift.max()) > EXPONENT_SPAN:
        message = f"Readings of one day differ by {int(shift.max())} decimal places."
        raise RegisterOverflowError(message, value=int(shift.max()))
    if int(shift.min()) == int(shift.max()):
        return times(mantissa, 10 ** int(shift[0]))
    factors = np.array([10**n for n in range(EXPONENT_SPAN + 1)], dtype=np.int64)[shift]
    if any(
        abs(m) * 10**s > INT64_MAX for m, s in zip(mantissa.tolist(), shift.tolist(), strict=True)
    ):
        message = f"A reading does not fit into 64 bits at 10**{target}."
        raise RegisterOverflowError(message, value=target)
    return mantissa * factors
