"""Rounding: half away from zero for lines, largest remainder for quantities that sum."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact
from fractions import Fraction
from math import isqrt

UNROUNDED_DIGITS = 12
_WIDE = Context(prec=400, traps=[Inexact])


def half_away(value: Fraction, digits: int) -> Decimal:
    """Round to decimal digits, halves away from zero.

    Source: what 3 of 3 worked bills of utilities print, docs/explanation/rounding.md
    """
    scaled = value * (10**digits if digits >= 0 else Fraction(1, 10**-digits))
    whole = half_away_of(scaled.numerator, scaled.denominator)
    return Decimal(whole).scaleb(-digits, _WIDE)


def half_away_of(numerator: int, denominator: int) -> int:
    """A fraction to a whole number, halves away from zero.

    Args:
        numerator: Need not be reduced.
        denominator: Above zero.
    """
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def root(value: Fraction) -> Fraction:
    """The square root: exact where it is a fraction, else cut off after 12 decimals.

    What is cut off never changes how it is rounded to fewer decimals.

    Args:
        value: Zero or more.
    """
    over, under = isqrt(value.numerator), isqrt(value.denominator)
    if (over * over, under * under) == (value.numerator, value.denominator):
        return Fraction(over, under)
    scale = 10**UNROUNDED_DIGITS
    return Fraction(isqrt(value.numerator * scale * scale // value.denominator), scale)


def largest_remainder(
    parts: Sequence[Fraction], digits: int, total: Fraction | None = None
) -> list[Fraction]:
    """Round parts so that they sum to the rounded total.

    Each is rounded down; the units missing to the total go to the largest remainders, the earliest
    first among equals.

    Args:
        parts: Exact values.
        digits: Decimals to keep.
        total: What they sum to, one of the two nearest numbers of that many decimals; by default
            their own sum rounded half away from zero.

    Returns:
        One value per part.
    """
    scale = 10**digits
    floors = [part * scale // 1 for part in parts]
    if total is None:
        units = int(half_away(sum(parts, Fraction(0)), digits).scaleb(digits, _WIDE))
    else:
        units = int(total * scale)
    missing = units - sum(floors)
    order = sorted(
        range(len(parts)), key=lambda number: (floors[number] - parts[number] * scale, number)
    )
    for number in order[:missing]:
        floors[number] += 1
    return [Fraction(floor, scale) for floor in floors]


def exact_decimal(value: Fraction) -> Decimal | None:
    """The value as a finite decimal, None where it has none."""
    denominator, digits = value.denominator, 0
    for prime in (2, 5):
        power = 0
        while denominator % prime == 0:
            denominator //= prime
            power += 1
        digits = max(digits, power)
    if denominator != 1:
        return None
    return Decimal(value.numerator * 10**digits // value.denominator).scaleb(-digits, _WIDE)


def printed(value: Fraction, digits: int = 0) -> Decimal:
    """The value as a decimal: exact where it is finite, else to 12 decimals.

    Args:
        value: To print.
        digits: Decimals it has at least, so that a rounded number shows how it was rounded.
    """
    scale = 10**digits
    if digits and scale % value.denominator == 0:
        return Decimal(value.numerator * (scale // value.denominator)).scaleb(-digits, _WIDE)
    found = exact_decimal(value)
    return half_away(value, UNROUNDED_DIGITS) if found is None else found
