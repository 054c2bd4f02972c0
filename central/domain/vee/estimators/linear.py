"""Estimator: a register's advance, shared evenly over a short gap, whenever a day is validated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.exact import INT64_MAX
from central.domain.metering.intervals import Gap, Metered
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.vee.estimator import Basis, Estimator, GapSlot
from central.domain.vee.finding import ClerkText
from central.domain.vee.shares import spread


def fill(
    metered: Metered, longest: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8], tuple[Gap, ...]]:
    """Fill the gaps of at most `longest` intervals.

    What the meter's own intervals know inside a gap is kept; only the rest of the advance is
    shared. A gap without firm ends, one where the intervals exceed the register, and one in which
    nothing is missing stay as they are.

    Args:
        metered: What meters say.
        longest: Most intervals between two registers.

    Returns:
        Values, qualities, and the gaps that were filled.

    Source: docs/reference/vee.md, "Estimation"
    """
    values, quality = metered.values.copy(), metered.quality.copy()
    filled = []
    for gap in metered.gaps:
        if gap.count > longest or not gap.firm:
            continue
        where = slice(gap.first, gap.first + gap.count)
        missing = quality[where] == IntervalQuality.MISSING
        known = sum(value for value in values[where].tolist() if value != NULL)
        rest = gap.advance - known
        count = int(np.count_nonzero(missing))
        if count == 0 or rest < 0 or rest > INT64_MAX:
            continue
        values[where][missing] = _shares(rest, count, metered.exponent)
        quality[where][missing] = IntervalQuality.ESTIMATED_LINEAR
        filled.append(gap)
    return values, quality, tuple(filled)


def _shares(rest: int, count: int, exponent: int) -> list[int]:
    """Shares in the coarsest unit, at most 1, in which the rest is whole.

    A day sees a gap across midnight with the readings around it, the next day with others; shares
    at the day's own exponent, which may be finer in one of them, would not fit together.
    """
    unit = 1
    while exponent < 0 and rest % (unit * 10) == 0:
        unit *= 10
        exponent += 1
    return [share * unit for share in spread(rest // unit, count)]


def _expect(_: GapSlot, __: Basis) -> None:
    """Nothing: it fills a gap while the day is cut, by `fill`."""


ESTIMATOR = Estimator(
    name="LINEAR",
    quality=IntervalQuality.ESTIMATED_LINEAR,
    text=ClerkText(
        "equal shares of what the register advanced in a gap of at most 2 h, whenever the day is"
        " validated",
        "partes iguales de lo que avanzó el registro en un hueco de 2 h como máximo, cada vez que"
        " se valida el día",
    ),
    expect=_expect,
    anchored=True,
    chosen=False,
)
