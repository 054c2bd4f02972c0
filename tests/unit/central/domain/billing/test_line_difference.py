"""Lines that differ are told by key; what is new or gone stands against nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from central.domain.billing.adjustment import OpenAdjustment, adjustment_lines
from central.domain.billing.line_difference import LineDifference, line_differences
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.bill_lines.line_text import LineTexts
from central.domain.rating.hashing import canonical

AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


def line(key: str, quantity: str, price: str, kind: str = "energy") -> RatedLine:
    """A line of a month; of a tax the quantity is what it is of."""
    amount = Decimal(quantity) * Decimal(price) / (100 if kind == "tax" else 1)
    return RatedLine(
        id=key.partition("/")[0],
        key=key,
        kind=kind,
        name=key,
        label="",
        tier=0,
        segment=0,
        first=AUGUST,
        end=SEPTEMBER,
        quantity=Decimal(quantity),
        unit="EUR" if kind == "tax" else "kWh",
        price=Decimal(price),
        exact=Fraction(amount),
        amount=amount,
        tariff_sha256="t",
    )


def differences(before: list[RatedLine], after: list[RatedLine]) -> list[LineDifference]:
    return list(line_differences("SP-1", before, after))


def test_a_line_that_says_the_same_differs_in_nothing() -> None:
    assert differences([line("energy", "10", "0.30")], [line("energy", "10", "0.30")]) == []


def test_lines_that_are_new_or_gone_stand_against_nothing() -> None:
    gone, new = line("energy/tier-2", "10", "0.30"), line("power", "3", "2")
    first, second = differences([gone], [new])
    assert (first.key, first.old_amount, first.new_amount, first.quantity) == (
        *("energy/tier-2", Decimal("3.00"), Decimal(0)),
        Decimal(-10),
    )
    assert (second.key, second.old_quantity, second.amount) == ("power", None, Decimal(6))


def test_a_tax_of_another_rate_is_two_differences() -> None:
    old, new = line("vat", "100", "21", "tax"), line("vat", "100", "10", "tax")
    assert [(each.tax_rate, each.amount) for each in differences([old], [new])] == [
        (Decimal(21), Decimal(-21)),
        (Decimal(10), Decimal(10)),
    ]


def test_two_lines_of_one_key_are_told_by_their_order() -> None:
    before = [line("energy", "10", "0.30"), line("energy", "20", "0.30")]
    after = [line("energy", "10", "0.30"), line("energy", "25", "0.30")]
    (only,) = differences(before, after)
    assert (only.old_quantity, only.new_quantity) == (Decimal(20), Decimal(25))


def test_it_is_read_back_as_it_was_written() -> None:
    (only,) = differences([line("energy", "10", "0.30")], [line("energy", "12", "0.30")])
    assert LineDifference.from_json(only.to_json()) == only


def test_an_adjustment_is_a_line_that_names_the_bill_and_is_told_as_others_are() -> None:
    before = [line("energy", "10", "0.30"), line("vat", "3", "21", "tax")]
    after = [line("energy", "12", "0.30"), line("vat", "3.60", "21", "tax")]
    opened = [
        OpenAdjustment(number, "c", "INV-7", "EUR", each)
        for number, each in enumerate(differences(before, after))
    ]
    lines = [each for _, each in adjustment_lines(opened)]
    assert [(each.kind, each.name, each.price, each.amount) for each in lines] == [
        ("adjustment", "Adjustment of INV-7: energy", None, Decimal("0.60")),
        ("tax", "Adjustment of INV-7: vat", Decimal(21), Decimal("0.126")),
    ]
    assert lines[0].note == "was 10 kWh: 3.00, is 12 kWh: 3.60"
    for each in lines:
        assert LineTexts().of(each) == canonical(each.to_json())
        assert RatedLine.from_json(each.to_json()) == each
