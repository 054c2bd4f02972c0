"""Columns as Python's exact numbers: fractions and decimals, a whole column at a time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import numpy as np

from central.domain.rating.columnar.exact_column import Column, Ints, largest, times
from central.domain.rating.rounding import UNROUNDED_DIGITS, exact_decimal, printed
from central.domain.slotted import slotted

_MAX = 2**63 - 1
_scaleb = Context(prec=400).scaleb
_STEP = 10 ** (UNROUNDED_DIGITS // 2)


class Ratios(NamedTuple):
    """Rational numbers in lowest terms.

    Args:
        tops: Numerators.
        bottoms: Denominators.
    """

    tops: list[int]
    bottoms: list[int]

    @classmethod
    def of(cls, column: Column) -> Ratios:
        """Those of a column."""
        top, bottom = _lowest(column)
        return cls(top.tolist(), bottom.tolist())

    def fractions(self) -> list[Fraction]:
        """As fractions."""
        slots = {"_numerator": self.tops, "_denominator": self.bottoms}
        return slotted(Fraction, slots, len(self.tops))

    def texts(self) -> list[str]:
        """As `line.ratio` writes them."""
        return [f"{top}/{bottom}" for top, bottom in zip(self.tops, self.bottoms, strict=True)]


def decimals(values: Iterable[int], digits: int) -> list[Decimal]:
    """Decimals of whole numbers of 10 ** -digits."""
    return list(map(_scaleb, values, repeat(Decimal(-digits))))


def printed_all(column: Column, digits: int) -> list[Decimal]:
    """As `rounding.printed` gives each number of a column.

    Args:
        column: To print.
        digits: Decimals that each has at least.
    """
    if digits and isinstance(column.bottom, int) and 10**digits % column.bottom == 0:
        return decimals(column.over(10**digits).tolist(), digits)
    top, bottom = _lowest(column)
    if not _divisible(top, bottom):
        pairs = zip(top.tolist(), bottom.tolist(), strict=True)
        return [printed(Fraction(*pair), digits) for pair in pairs]
    units = _to_12_digits(top, bottom)
    exponents = np.full(len(top), -UNROUNDED_DIGITS)
    # A finite decimal: what is left without the powers of two divides a power of five.
    finite = 5**27 % (bottom // (bottom & -bottom)) == 0
    if not finite.any():
        return decimals(units.tolist(), UNROUNDED_DIGITS)
    for kind in np.unique(bottom[finite]).tolist():
        factor, exponent = _place(kind, digits)
        rows = bottom == kind
        exact = times(top[rows], factor)
        units = units.astype(np.promote_types(units.dtype, exact.dtype), copy=False)
        units[rows], exponents[rows] = exact, exponent
    return list(map(_scaleb, units.tolist(), exponents.tolist()))


def _lowest(column: Column) -> tuple[Ints, Ints]:
    """Numerators and denominators in lowest terms."""
    top, bottom = column.top, column.bottom
    if isinstance(bottom, int) and bottom > _MAX:
        top = top.astype(object)
    divisor = np.gcd(top, bottom)
    return top // divisor, bottom // divisor


def _divisible(top: Ints, bottom: Ints) -> bool:
    """Whether 64 bits hold a long division to 12 digits."""
    if np.result_type(top, bottom) == np.object_:
        return False
    return bool(largest(bottom) <= _MAX // _STEP and largest(top // bottom) < _MAX // _STEP**2 - 1)


def _to_12_digits(top: Ints, bottom: Ints) -> Ints:
    """Quotients in units of 10 ** -12, halves away from zero."""
    whole, left = np.divmod(abs(top), bottom)
    for _ in range(2):
        digits, left = np.divmod(left * _STEP, bottom)
        whole = whole * _STEP + digits
    whole += 2 * left >= bottom
    found: Ints = np.where(top < 0, -whole, whole)
    return found


@lru_cache(maxsize=4096)
def _place(bottom: int, digits: int) -> tuple[int, int]:
    """What a numerator is multiplied by, and the exponent of the product."""
    if digits and 10**digits % bottom == 0:
        return 10**digits // bottom, -digits
    one = exact_decimal(Fraction(1, bottom))
    if one is None:
        raise AssertionError(bottom)
    exponent = int(one.as_tuple().exponent)
    return 10**-exponent // bottom, exponent


def texts(values: Iterable[Decimal]) -> list[str]:
    """Decimals as JSON tells them: never with an exponent."""
    listed = list(values)
    found = list(map(str, listed))
    return [format(value, "f") for value in listed] if "E" in "".join(found) else found
