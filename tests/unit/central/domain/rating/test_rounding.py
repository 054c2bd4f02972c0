from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.rating.rounding import exact_decimal, half_away, largest_remainder, printed

FRACTIONS = st.fractions(min_value=-1000, max_value=1000, max_denominator=1000)


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        ("0.125", 2, "0.13"),
        ("-0.125", 2, "-0.13"),
        ("0.124999", 2, "0.12"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1234.5", -2, "1200"),
    ],
)
def test_halves_go_away_from_zero(value: str, digits: int, expected: str) -> None:
    assert half_away(Fraction(value), digits) == Decimal(expected)


@given(st.lists(FRACTIONS, min_size=1, max_size=6), st.integers(0, 4))
def test_rounded_parts_sum_to_the_rounded_total(parts: list[Fraction], digits: int) -> None:
    rounded = largest_remainder(parts, digits)
    assert sum(rounded) == Fraction(half_away(sum(parts, Fraction(0)), digits))
    for part, value in zip(parts, rounded, strict=True):
        assert abs(part - value) < Fraction(1, 10**digits)


@given(FRACTIONS)
def test_finite_decimals_are_printed_exactly(value: Fraction) -> None:
    found = exact_decimal(value)
    if found is not None:
        assert Fraction(found) == value
    assert abs(Fraction(printed(value)) - value) <= Fraction(1, 10**12)


def test_a_rounded_quantity_shows_how_it_was_rounded() -> None:
    assert str(printed(Fraction(14339, 100), 3)) == "143.390"
    assert str(printed(Fraction(337, 2), 2)) == "168.50"
    assert str(printed(Fraction(143392, 1000), 2)) == "143.392"
    assert str(printed(Fraction(1, 3), 2)) == "0.333333333333"
