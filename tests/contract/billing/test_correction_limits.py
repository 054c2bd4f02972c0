"""What reaches back further than a limit lets through is rated, and taken off again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal

import psycopg
import pytest

from central.adapters.timescale.billing.correction_limits import TimescaleCorrectionLimits
from central.adapters.timescale.billing.credit_notes import TimescaleCancellations
from central.adapters.timescale.billing.rebills import TimescaleRebills
from central.adapters.timescale.pool import Pool, make_pool
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.correction_limit import BelowSmallestError, LimitCause, LimitTerms
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.correction_limits import CorrectionLimits
from central.service.billing.rebill_bills import RebillBills
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.ports.registry import NotRegisteredError
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK, OPERATOR, TRADER
from tests.support.books import Utility
from tests.support.corrected_books import (
    AUGUST,
    NET,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    Corrected,
    corrected_utility,
    figures,
    late,
    limited,
    metered,
    netting,
    three_months,
)
from tests.support.daily_books import DAY, approve, bill, issue, run, settle
from tests.support.servers import Database

LAW = "Law 1/2026, article 2"
USED, SOLD = (10, 10, 10), (0, 0, 0)


@pytest.fixture
async def pool(migrated: Database) -> AsyncIterator[Pool]:
    async with make_pool(migrated.dsn, max_size=4) as opened:
        yield opened


@pytest.fixture
async def books(migrated: Database) -> AsyncIterator[Corrected]:
    """Three issued months of 10 kWh a day at 0.30; it is 20 November."""
    async with corrected_utility(migrated.dsn) as made:
        await three_months(made.utility, USED, SOLD)
        yield made


async def adjusted(books: Corrected) -> None:
    uid = await books.correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "readings came late")
    await books.correct.approve(uid, CHIEF)


async def next_bill(utility: Utility) -> list[tuple[str, str]]:
    utility.now = datetime.fromisoformat("2026-12-20T12:00:00+00:00")
    await metered(utility, NOVEMBER, 10, 0)
    await settle(utility, "2026-11")
    return (await figures(utility, "A-1", "2026-11"))[2:]


async def named(utility: Utility, first: date, end: date) -> list[tuple[date, date, str, str]]:
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(
        ReconciledScope(DayRange(first, end))
    )
    assert report.balanced
    return [
        (days.days.first, days.days.end, str(days.coverage), days.adjusted.reason)
        for days in report.adjusted
        if days.adjusted is not None and days.obis.startswith("1-0:1.8.0")
    ]


async def test_a_charge_is_cut_to_what_a_limit_lets_through(books: Corrected) -> None:
    utility = books.utility
    await limited(utility, LimitTerms(charge_months=2, source=LAW))
    # 20 November less two months: what was used before 20 September is not charged any more.
    await late(utility, AUGUST, 110_000)
    await late(utility, date(2026, 9, 19), 30_000)
    await late(utility, date(2026, 9, 20), 60_000)
    (euros,) = (await books.correct.preview("A-1")).amounts
    # 50 kWh of 20 September at 0.30, and 21 % of it.
    assert (euros.net, euros.amount) == (Decimal("15.00"), Decimal("18.15"))
    await adjusted(books)
    # August: 100 kWh rated, all of it taken off. September: 70 kWh rated, 20 of them taken off.
    assert await next_bill(utility) == [
        ("adjustment", "30.00"),
        ("adjustment", "6.30"),
        ("adjustment", "-30.00"),
        ("adjustment", "-6.30"),
        ("adjustment", "21.00"),
        ("adjustment", "4.41"),
        ("adjustment", "-6.00"),
        ("adjustment", "-1.26"),
    ]
    august = await bill(utility, "A-1", "2026-08")
    lines = [entry.line for entry in (await bill(utility, "A-1", "2026-11")).bill.lines]
    assert [line.name for line in lines[4:6]] == [
        f"Adjustment of {august.number}: Beyond the limit",
        f"Adjustment of {august.number}: Beyond the limit: vat",
    ]
    assert (lines[5].kind, lines[5].price) == ("tax", Decimal(21))
    autumn = date(2026, 9, 20)
    assert await named(utility, AUGUST, OCTOBER) == [
        (AUGUST, autumn, "beyond limit", f"days before {autumn}: 2 months; {LAW}"),
        (autumn, OCTOBER, "adjusted", "readings came late"),
    ]


async def test_what_was_cut_off_is_not_given_back(books: Corrected) -> None:
    utility = books.utility
    await limited(utility, LimitTerms(charge_months=2, source=LAW))
    await late(utility, AUGUST, 110_000)
    await adjusted(books)
    # It was charged nothing more; so when the reading turns out wrong, nothing is given back.
    await late(utility, AUGUST, 10_000, version=3)
    report = await books.correct.preview("A-1")
    assert sum(sums.amount for sums in report.amounts) == 0
    # Less than was ever billed is given back in full: 5 kWh, however far back.
    await late(utility, AUGUST, 5_000, version=4)
    (euros,) = (await books.correct.preview("A-1")).amounts
    # 305 kWh: 91.50, and 19.22 of it; it was 93.00 and 19.53.
    assert euros.amount == Decimal("-1.81")
    # More again is not charged, and the first cut does not count twice.
    await late(utility, AUGUST, 210_000, version=5)
    report = await books.correct.preview("A-1")
    assert sum(sums.amount for sums in report.amounts) == 0


async def test_credits_have_a_limit_of_their_own(books: Corrected) -> None:
    utility = books.utility
    await limited(utility, LimitTerms(charge_months=1, credit_months=2, source=LAW))
    await late(utility, date(2026, 9, 10), 0)
    await late(utility, date(2026, 9, 25), 0)
    await late(utility, date(2026, 10, 5), 40_000)
    (euros,) = (await books.correct.preview("A-1")).amounts
    # 10 kWh of 25 September are given back; 30 of 5 October came too late to be charged.
    assert (euros.net, euros.amount) == (Decimal("-3.00"), Decimal("-3.63"))


async def test_a_bill_in_the_place_of_another_is_cut_as_well(books: Corrected, pool: Pool) -> None:
    utility = books.utility
    await limited(utility, LimitTerms(charge_months=1, source=LAW))
    await late(utility, AUGUST, 110_000)
    store = TimescaleCancellations(pool)
    rebill = RebillBills(utility.billing, store, TimescaleRebills(pool), lambda: utility.now)
    (anew,) = await rebill("A-1", TRADER, "late readings")
    await ApproveBills(utility.billing, lambda: utility.now).one(anew, CHIEF)
    await IssueBills(utility.billing, lambda: utility.now).one(anew, CHIEF)
    # 310 kWh and another 100 at 0.30, less the 100: it comes to what it came to.
    assert await figures(utility, "A-1", "2026-08") == [
        ("energy", "123.00"),
        ("vat", "25.83"),
        ("beyond-limit", "-30.00"),
        ("beyond-limit", "-6.30"),
    ]
    assert [row[:3] for row in await named(utility, AUGUST, SEPTEMBER)] == [
        (AUGUST, SEPTEMBER, "beyond limit")
    ]


async def test_what_is_too_little_is_left(books: Corrected, pool: Pool) -> None:
    utility = books.utility
    law = LimitTerms(smallest=Decimal("2.00"), currency="EUR", source=LAW)
    assert [await limited(utility, law) for _ in range(2)] == [1, 2]
    await late(utility, OCTOBER, 15_000)
    with pytest.raises(BelowSmallestError, match=r"1\.82 EUR is below 2\.00"):
        await books.correct.decide("A-1", CorrectionWay.ADJUST, CLERK, "late")
    store = TimescaleCancellations(pool)
    rebill = RebillBills(utility.billing, store, TimescaleRebills(pool), lambda: utility.now)
    with pytest.raises(BelowSmallestError):
        await rebill("A-1", TRADER, "late")
    uid = await books.correct.decide("A-1", CorrectionWay.LEAVE, CLERK, "too little")
    await books.correct.approve(uid, CHIEF)
    # In another currency there is none.
    francs = LimitTerms(smallest=Decimal("2.00"), currency="CHF", source=LAW)
    await limited(utility, francs)
    await late(utility, OCTOBER, 16_000, version=3)
    await adjusted(books)


async def test_the_strictest_of_its_groups_holds(
    books: Corrected, pool: Pool, migrated: Database
) -> None:
    utility = books.utility
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO named_group (name, of) VALUES ('north', 'point'), ('south', 'point')"
        )
        owner.execute(
            "INSERT INTO group_member (group_id, of, service_point_id, from_day)"
            " SELECT named_group.id, 'point', service_point.id, '2026-01-01'"
            " FROM named_group, service_point WHERE named_group.name = 'north'"
        )
    await limited(utility, LimitTerms(charge_months=6, source="Law"))
    await limited(utility, LimitTerms(charge_months=2, source="Northern law"), "north")
    await limited(utility, LimitTerms(charge_months=0, source="Southern law"), "south")
    await late(utility, AUGUST, 110_000)
    report = await books.correct.preview("A-1")
    cut = [each for each in report.bills[0].differences if each.charge == "beyond-limit"]
    assert [each.new_amount for each in cut] == [Decimal("-30.00"), Decimal("-6.30")]
    with pytest.raises(NotRegisteredError, match="east"):
        await limited(utility, LimitTerms(source=LAW), "east")
    store = TimescaleCorrectionLimits(pool)
    assert [(each.group, each.terms.charge_months) for each in await store.limits()] == [
        (None, 6),
        ("north", 2),
        ("south", 0),
    ]
    with pytest.raises(InvalidValueError, match="reason"):
        await CorrectionLimits(store).enter(LimitTerms(source=LAW), OPERATOR, " ", date(2026, 1, 1))
    with pytest.raises(psycopg.errors.RestrictViolation), psycopg.connect(migrated.dsn) as owner:
        owner.execute("UPDATE correction_limit SET charge_months = 99")


async def test_the_limit_of_a_cause_takes_the_place_of_that_of_every_cause(
    books: Corrected,
) -> None:
    utility = books.utility
    utility.now += DAY / 24
    await limited(utility, LimitTerms(charge_months=2, source=LAW))
    await late(utility, AUGUST, 110_000)
    assert (await books.correct.preview("A-1")).amounts[0].amount == 0
    # An exception: readings that come late are charged however far back.
    exception = LimitTerms(source="Law 1/2026, article 3")
    await limited(utility, exception, cause=LimitCause.READINGS)
    (euros,) = (await books.correct.preview("A-1")).amounts
    assert euros.net == Decimal("30.00")
    # Where a price is another as well, what is an exception for one cause is none for the other:
    # 10 kWh a day at 0.10 more, from 20 September on.
    await utility.enrol.tariff(NET.replace("0.30", "0.40").replace("2026-01-01", "2026-08-01"))
    (euros,) = (await books.correct.preview("A-1")).amounts
    assert euros.net == Decimal("42.00")


async def late_autumn(utility: Utility) -> None:
    """Three metered months that nobody billed; it is 20 November."""
    utility.now = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
    await netting(utility)
    for first in (AUGUST, SEPTEMBER, OCTOBER):
        await metered(utility, first, 10, 0)


async def test_days_that_are_billed_late_for_the_first_time_have_a_limit(
    migrated: Database,
) -> None:
    async with corrected_utility(migrated.dsn) as books:
        utility = books.utility
        await late_autumn(utility)
        law = LimitTerms(charge_months=2, source=LAW)
        await limited(utility, law, cause=LimitCause.FIRST_BILL)
        for period in ("2026-08", "2026-09", "2026-10"):
            await settle(utility, period)
        assert await figures(utility, "A-1", "2026-08") == [
            ("energy", "93.00"),
            ("vat", "19.53"),
            ("beyond-limit", "-93.00"),
            ("beyond-limit", "-19.53"),
        ]
        # 19 days of 3.00 of September are before the 20th.
        assert (await figures(utility, "A-1", "2026-09"))[2:] == [
            ("beyond-limit", "-57.00"),
            ("beyond-limit", "-11.97"),
        ]
        assert len(await figures(utility, "A-1", "2026-10")) == 2
        # What was not charged then is charged by no correction, also where that has no limit.
        utility.now += 40 * DAY
        await late(utility, date(2026, 9, 19), 0)
        assert (await books.correct.preview("A-1")).amounts[0].amount == 0
        await late(utility, date(2026, 9, 20), 20_000)
        (euros,) = (await books.correct.preview("A-1")).amounts
        assert euros.net == Decimal("3.00")


async def test_a_late_bill_is_issued_with_the_limit_of_that_day(migrated: Database) -> None:
    async with corrected_utility(migrated.dsn) as books:
        utility = books.utility
        await late_autumn(utility)
        drafts = await run(utility, "2026-09")
        assert len(await figures(utility, "A-1", "2026-08")) == 2
        await limited(utility, LimitTerms(charge_months=2, source=LAW))
        assert await approve(utility, drafts) == [("A-1", "BILL_STALE"), ("A-1", "BILL_STALE")]
        await run(utility, "2026-09")
        utility.now += DAY
        # All of August is cut off on every day; of September one day more.
        assert await approve(utility, drafts) == [("A-1", "BILL_STALE")]
        await run(utility, "2026-09")
        assert (await figures(utility, "A-1", "2026-09"))[2][1] == "-60.00"
        assert await approve(utility, drafts) == []
        assert await issue(utility, drafts) == []
        october = await run(utility, "2026-10")
        utility.now += 5 * DAY
        assert await approve(utility, october) == []
        utility.now += 10 * DAY
        assert await issue(utility, october) == [("A-1", "BILL_STALE")]
