"""What correcting issued bills would change: the tail rated forward, and nothing of it kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from central.service.billing.correction_report import CorrectionReport
from central.service.billing.rate_tail import CorrectionHeldError
from central.service.ports.billing_errors import UnknownBillError
from central.service.ports.registry import NotRegisteredError
from tests.support.corrected_books import (
    AUGUST,
    ISSUED_AT,
    NEEDS_FACT,
    NET,
    NETTED,
    OCTOBER,
    SEPTEMBER,
    UNBANKED,
    Corrected,
    corrected_utility,
    figures,
    late,
    metered,
    netting,
    three_months,
    total_of,
)
from tests.support.daily_books import DAY, bill, settle
from tests.support.servers import Database

COUNTS = """\
SELECT
    (SELECT count(*) FROM settled_version), (SELECT count(*) FROM settled_stamp),
    (SELECT count(*) FROM correction), (SELECT count(*) FROM audit_log)
"""


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Corrected]:
    async with corrected_utility(migrated.dsn) as made:
        made.utility.now = ISSUED_AT
        yield made


def said(report: CorrectionReport) -> list[tuple[str, str, str, str]]:
    """Period, charge, and amounts before and after of each line that differs."""
    return [
        (tail.head.period, each.charge, f"{each.old_amount:.2f}", f"{each.new_amount:.2f}")
        for tail in report.bills
        for each in tail.differences
    ]


@pytest.mark.begins_with(NETTED)
async def test_a_bank_carries_late_data_through_three_bills(
    books: Corrected, migrated: Database
) -> None:
    utility = books.utility
    # 310 kWh more sold than used, then 300 and 310 more used than sold.
    assert await figures(utility, "A-1", "2026-10") == [("energy", "90.00"), ("vat", "18.90")]
    assert not (await books.correct.preview("A-1")).differs
    await late(utility, AUGUST, 30_000, channel=2)
    with psycopg.connect(migrated.dsn) as owner:
        before = owner.execute(COUNTS).fetchone()
        report = await books.correct.preview("A-1")
        owner.commit()
        assert owner.execute(COUNTS).fetchone() == before
    assert [tail.head.period for tail in report.tail] == ["2026-08", "2026-09", "2026-10"]
    assert [list(map(str, tail.causes)) for tail in report.bills] == [
        ["the service point SP-1"],
        # Nothing of their days is another; they open with another state.
        [],
        [],
    ]
    assert said(report) == [
        ("2026-10", "energy", "90.00", "87.00"),
        ("2026-10", "vat", "18.90", "18.27"),
    ]
    (euros,) = report.amounts
    assert (euros.net, euros.amount) == (Decimal("-3.00"), Decimal("-3.63"))
    assert [(tax.rate, tax.amount) for tax in euros.taxes] == [(Decimal(21), Decimal("-0.63"))]
    assert not report.leaves_other
    # Asked twice, it is the same.
    assert (await books.correct.preview("A-1")).sha256 == report.sha256
    await _billed_once(books, report, late_sold=30_000)


async def _billed_once(books: Corrected, report: CorrectionReport, late_sold: int) -> None:
    """Another account, billed once from the right data, was charged just that."""
    utility = books.utility
    await netting(utility, 2)
    await metered(utility, AUGUST, 10, 20, 2)
    await metered(utility, SEPTEMBER, 20, 10, 2)
    await metered(utility, OCTOBER, 10, 0, 2)
    await late(utility, AUGUST, late_sold, channel=4)
    periods = ("2026-08", "2026-09", "2026-10")
    for period in periods:
        await settle(utility, period)
    (euros,) = report.amounts
    billed = await total_of(utility, "A-1", *periods)
    assert billed + euros.amount == await total_of(utility, "A-2", *periods)


@pytest.mark.begins_with(UNBANKED)
async def test_a_bill_that_leaves_what_it_left_ends_the_tail(books: Corrected) -> None:
    utility = books.utility
    first = await bill(utility, "A-1", "2026-08")
    await late(utility, AUGUST, 22_000)
    report = await books.correct.preview("A-1", first.uid)
    assert [tail.head.period for tail in report.tail] == ["2026-08"]
    assert said(report) == [
        ("2026-08", "energy", "93.00", "93.60"),
        ("2026-08", "vat", "19.53", "19.66"),
    ]
    assert report.kwh == 2
    assert not report.leaves_other


async def test_a_tail_whose_end_leaves_another_state_says_so(books: Corrected) -> None:
    utility = books.utility
    await three_months(utility, (10, 10, 10), (20, 20, 20))
    await late(utility, AUGUST, 21_000, channel=2)
    report = await books.correct.preview("A-1")
    assert said(report) == []
    assert (report.differs, report.leaves_other) == (True, True)


@pytest.mark.begins_with(UNBANKED)
async def test_a_tariff_corrected_for_days_gone_by_begins_where_it_does(books: Corrected) -> None:
    utility = books.utility
    utility.now += DAY
    dearer = NET.replace("0.30", "0.40").replace("2026-01-01", "2026-09-01")
    await utility.enrol.tariff(dearer)
    report = await books.correct.preview("A-1")
    assert [line[:2] for line in said(report)] == [
        ("2026-09", "energy"),
        ("2026-09", "vat"),
        ("2026-10", "energy"),
        ("2026-10", "vat"),
    ]
    assert [list(map(str, tail.causes)) for tail in report.tail] == [
        ["the tariff NET (version from 2026-09-01)"],
        ["the tariff NET (version from 2026-09-01)"],
    ]


@pytest.mark.begins_with(UNBANKED)
async def test_what_holds_a_bill_refuses_its_correction(books: Corrected) -> None:
    utility = books.utility
    await utility.enrol.tariff(NEEDS_FACT)
    with pytest.raises(CorrectionHeldError, match=r"INV-\d+ of 2026-09 .*contracted"):
        await books.correct.preview("A-1")


@pytest.mark.begins_with(UNBANKED)
async def test_who_is_not_there_has_nothing_to_correct(books: Corrected) -> None:
    utility = books.utility
    with pytest.raises(NotRegisteredError):
        await books.correct.preview("A-9")
    await netting(utility, 2)
    first = await bill(utility, "A-1", "2026-08")
    with pytest.raises(UnknownBillError):
        await books.correct.preview("A-2", first.uid)
    assert await books.correct.preview("A-2") == CorrectionReport("A-2")
