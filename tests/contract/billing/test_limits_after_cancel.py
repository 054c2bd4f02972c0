"""What a run bills in the place of a cancelled bill is limited as a bill made anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal

import pytest

from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.domain.billing.correction_limit import LimitCause, LimitTerms
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.cancel_bills import CancelBills
from central.service.ports.registry import AgreementRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility, pool_of
from tests.support.corrected_books import (
    AUGUST,
    MONTHS,
    NET,
    SEPTEMBER,
    Corrected,
    corrected_utility,
    figures,
    late,
    limited,
    three_months,
)
from tests.support.daily_books import DAY, approve, bill, issue, measured, run, settle
from tests.support.servers import Database

LAW = "Law 1/2026, article 2"


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Corrected]:
    """Three issued months of 10 kWh a day at 0.30; it is 20 November."""
    async with corrected_utility(migrated.dsn) as made:
        await three_months(made.utility, (10, 10, 10), (0, 0, 0))
        yield made


async def again(utility: Utility, first: date, used: int, version: int = 2) -> None:
    """So many kWh a day of a month, otherwise than before."""
    end = (first + 31 * DAY).replace(day=1)
    await measured(utility, first, end, 1, wh=used * 1000, version=version)


async def cancelled(utility: Utility, periods: Sequence[str] = MONTHS) -> None:
    uids = [(await bill(utility, "A-1", period)).uid for period in periods]
    cancel = CancelBills(
        utility.billing, TimescaleCancellations(pool_of(utility)), lambda: utility.now
    )
    notes = await cancel(uids, CLERK, "wrong meter")
    await ApproveBills(utility.billing, lambda: utility.now).one(notes[0], CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(notes[0], CHIEF)


async def billed_anew(utility: Utility) -> list[list[tuple[str, str]]]:
    """The lines that each of the months has after energy and tax."""
    for period in MONTHS:
        await settle(utility, period)
    return [(await figures(utility, "A-1", period))[2:] for period in MONTHS]


async def test_a_run_charges_again_what_was_charged_and_no_more_beyond_the_limit(
    books: Corrected,
) -> None:
    utility = books.utility
    await limited(utility, LimitTerms(charge_months=2, source=LAW))
    await again(utility, AUGUST, 15)
    await late(utility, date(2026, 9, 19), 20_000)
    await late(utility, date(2026, 9, 20), 20_000)
    await cancelled(utility)
    august, september, october = await billed_anew(utility)
    # 31 days of 5 kWh more at 0.30; of September one day's 3.00 lies before the 20th.
    assert august == [("beyond-limit", "-46.50"), ("beyond-limit", "-9.77")]
    assert september == [("beyond-limit", "-3.00"), ("beyond-limit", "-0.63")]
    assert october == []
    # What it cut off stays cut off when it is cancelled again, whatever a limit says by then.
    await limited(utility, LimitTerms(source=LAW))
    await cancelled(utility)
    assert await billed_anew(utility) == [august, september, october]


async def test_a_run_gives_back_no_more_than_the_limit_lets_through(books: Corrected) -> None:
    utility = books.utility
    await limited(utility, LimitTerms(credit_months=2, source=LAW))
    await limited(utility, LimitTerms(charge_months=0, source=LAW), cause=LimitCause.FIRST_BILL)
    await again(utility, AUGUST, 4)
    await cancelled(utility)
    august, *others = await billed_anew(utility)
    assert august == [("beyond-limit", "55.80"), ("beyond-limit", "11.72")]
    assert others == [[], []]


async def test_days_are_compared_with_what_was_charged_for_them_last(books: Corrected) -> None:
    utility = books.utility
    await cancelled(utility)
    await again(utility, AUGUST, 12)
    assert await billed_anew(utility) == [[], [], []]
    await limited(utility, LimitTerms(charge_months=1, credit_months=1, source=LAW))
    await again(utility, AUGUST, 15, version=3)
    await cancelled(utility)
    august, *others = await billed_anew(utility)
    assert august == [("beyond-limit", "-27.90"), ("beyond-limit", "-5.86")]
    assert others == [[], []]
    assert (await bill(utility, "A-1", "2026-08")).bill.amounts.net == Decimal("111.60")


async def test_a_draft_in_a_cancelled_bills_place_is_made_again_for_a_newer_limit(
    books: Corrected,
) -> None:
    utility = books.utility
    await again(utility, SEPTEMBER, 8)
    await cancelled(utility)
    drafts = await run(utility, "2026-10")
    await limited(utility, LimitTerms(credit_months=2, source=LAW))
    assert ("A-1", "BILL_STALE") in await approve(utility, drafts)
    utility.now += DAY
    await run(utility, "2026-10")
    # 20 days of 2 kWh less at 0.30 are before 21 September.
    assert (await figures(utility, "A-1", "2026-09"))[2] == ("beyond-limit", "12.00")
    assert await approve(utility, drafts) == []
    assert await issue(utility, drafts) == []


async def test_days_that_are_cut_in_other_bills_than_before_are_compared_day_by_day(
    books: Corrected,
) -> None:
    """August was one bill, and is two: its tariff changes on the 11th."""
    utility = books.utility
    await limited(utility, LimitTerms(charge_months=2, source=LAW))
    await cancelled(utility)
    changed = NET.replace("tariff: NET", "tariff: DEARER").replace("0.30", "0.50")
    await utility.enrol.tariff(changed)
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "NET", AUGUST, date(2026, 8, 11)))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "DEARER", date(2026, 8, 11)))
    await settle(utility, "2026-08")
    # 21 days of 10 kWh at 0.20 more; the days before are charged as they were.
    assert (await figures(utility, "A-1", "2026-08"))[-2:] == [
        ("beyond-limit", "-42.00"),
        ("beyond-limit", "-8.82"),
    ]
    assert (await bill(utility, "A-1", "2026-08")).bill.amounts.net == Decimal("93.00")
