"""Lines of another system stand beside ours, and each difference has one name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.shadow_bill import (
    ComparedBill,
    ShadowClass,
    ShadowLine,
    ShadowReport,
    compared_lines,
)


def line(amount: str, quantity: str | None = None, price: str | None = None) -> ShadowLine:
    counted, each = (None if text is None else Decimal(text) for text in (quantity, price))
    return ShadowLine("energy", "peak", Decimal(amount), counted, each)


OURS = replace(line("30.00", "100.004", "0.30"), first=date(2026, 10, 1), end=date(2026, 11, 1))


@pytest.mark.parametrize(
    ("theirs", "kind"),
    [
        (line("30.00"), ShadowClass.EQUAL),
        # Whatever they say of it: the same amount is the same.
        (line("30.00", "99", "0.31"), ShadowClass.EQUAL),
        (line("30.01", "100.00", "0.3000"), ShadowClass.ROUNDING),
        (line("30.02", "100.00", "0.30"), ShadowClass.OTHER),
        (line("27.00", "90", "0.30"), ShadowClass.QUANTITY),
        (line("31.00", "100", "0.31"), ShadowClass.PRICE),
        (line("27.90", "90", "0.31"), ShadowClass.QUANTITY),
        (line("40.40", "101", "0.40"), ShadowClass.PRICE),
        (replace(line("29.00", "97", "0.30"), first=date(2026, 10, 2)), ShadowClass.PERIOD),
        (replace(line("6.30", "30", "21"), tax=True), ShadowClass.TAX),
    ],
)
def test_each_difference_has_one_class(theirs: ShadowLine, kind: ShadowClass) -> None:
    (compared,) = compared_lines([theirs], [OURS])
    assert compared.kind is kind
    assert compared.difference == OURS.amount - theirs.amount


def test_lines_of_one_charge_are_paired_by_amount_then_by_price() -> None:
    ours = [line("10", "100", "0.10"), line("20", "100", "0.20"), line("30", "100", "0.30")]
    theirs = [line("29", "97", "0.30"), line("10", "100", "0.10"), line("44", "100", "0.44")]
    compared = compared_lines(theirs, ours)
    assert [(each.kind, each.ours) for each in compared] == [
        (ShadowClass.QUANTITY, ours[2]),
        (ShadowClass.EQUAL, ours[0]),
        (ShadowClass.PRICE, ours[1]),
    ]


def test_what_only_one_has_is_missing_or_extra_and_sums_to_the_cent() -> None:
    theirs = [line("1.10"), replace(line("2.20"), charge="meter rent")]
    ours = [line("1.10"), line("3.30"), replace(line("4.40"), label="night")]
    compared = compared_lines(theirs, ours)
    assert [each.kind for each in compared] == [
        *(ShadowClass.EQUAL, ShadowClass.MISSING, ShadowClass.EXTRA, ShadowClass.EXTRA)
    ]
    bill = ComparedBill("A-1", "2026-10", "INV-1", compared)
    assert (bill.theirs, bill.difference, bill.equal) == (
        *(Decimal("3.30"), Decimal("5.50"), False),
    )
    assert sum(each.difference for each in compared) == Decimal("5.50")


def test_the_share_of_equal_bills_is_exact() -> None:
    same = ComparedBill("A-1", "2026-10", "INV-1", compared_lines([line("1")], [line("1")]))
    # Two differences that cancel each other out come to the same bill.
    swapped = compared_lines([line("1", "1", "1"), line("2", "2", "1")], [line("3", "3", "1")])
    even = ComparedBill("A-2", "2026-10", "INV-2", swapped)
    none = ComparedBill("A-3", "2026-10", None, compared_lines([], []))
    report = ShadowReport((same, even, none))
    assert (report.equal_bills, report.share_equal) == (2, Fraction(2, 3))
    assert report.classes() == {
        ShadowClass.EQUAL: (1, Decimal(0)),
        ShadowClass.QUANTITY: (1, Decimal(2)),
        ShadowClass.MISSING: (1, Decimal(-2)),
    }
    assert ShadowReport(()).share_equal is None
