"""Holidays are kept by year and revision, and a bill says which it was rated with."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest

from central.domain.billing.cycle import Cycle
from central.domain.tariff.calendar_rules import HolidayRule
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import RunSummary
from central.service.ports.registry import NotRegisteredError
from central.service.rating.resolve_calendar import released_holidays
from central.service.registry.holidays import PublicHolidays
from firmware_bridge.contract.errors import InvalidValueError
from tests.support.actors import CHIEF, CLERK
from tests.support.books import HOURLY, NOW, TARIFF, Utility, month, timescale_utility
from tests.support.servers import Database

WITH_HOLIDAYS = TARIFF.replace(
    "  days: {work: mon-fri, weekend: rest}\n",
    "  holidays: {country: ES, subdivision: MD}\n"
    "  days: {off_day: holidays, work: mon-fri, weekend: rest}\n",
)
THURSDAY = date(2026, 10, 15)


async def run(utility: Utility) -> RunSummary:
    return await RunBills(utility.billing, lambda: NOW)(Cycle.parse("2026-10"), CLERK)


async def total(utility: Utility, summary: RunSummary) -> Decimal | None:
    (head,) = await utility.billing.heads(summary.run)
    return head.total


async def test_a_change_of_holidays_makes_drafts_stale_and_is_taken_back(utility: Utility) -> None:
    edge = await utility.found()
    await utility.enrol.tariff(WITH_HOLIDAYS, reason="holidays are cheap")
    await utility.deliver(edge, month())
    await utility.validate()
    released = await total(utility, await run(utility))
    holidays = PublicHolidays(utility.registry, CLERK, lambda: NOW)
    with pytest.raises(NotRegisteredError, match="not kept"):
        await holidays.change("ES-MD", {THURSDAY: "Bridge"}, [], "decreed")
    assert await holidays.seed() == 4
    assert await holidays.seed() == 0
    summary = await run(utility)
    assert await total(utility, summary) == released, "seeding changes no bill"

    changed = await holidays.change("ES-MD", {THURSDAY: "Bridge"}, [], "decreed")
    assert (changed.revision, THURSDAY in dict(changed.days)) == (2, True)
    stale = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    assert (stale.count, [one.code for one in stale.refused]) == (0, ["BILL_STALE"])
    assert "something else: the holidays ES-MD 2026." in stale.refused[0].message
    utility.now = NOW + timedelta(hours=1)
    await utility.enrol.tariff(WITH_HOLIDAYS.replace("0.30", "0.31"), reason="dearer")
    stale = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    both = "the tariff HOME (version from 2026-01-01); the holidays ES-MD 2026"
    assert both in stale.refused[0].message
    await utility.enrol.tariff(WITH_HOLIDAYS, reason="mistyped")
    summary = await run(utility)
    cheaper = await total(utility, summary)
    assert cheaper is not None
    assert released is not None
    assert cheaper < released
    taken = await holidays.withdraw("ES-MD", 2026, "the decree fell")
    assert (taken.revision, taken.withdrawn, THURSDAY in dict(taken.days)) == (3, True, False)
    summary = await run(utility)
    assert await total(utility, summary) == released
    approved = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    assert approved.count == 1
    assert holidays.concerned == {}
    await IssueBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
    await holidays.change("ES-MD", {THURSDAY: "Bridge"}, [], "decreed after all")
    await holidays.withdraw("ES-MD", 2026, "it fell again")
    assert {what: bills.count for what, bills in holidays.concerned.items()} == {
        f"the tariff HOME from {THURSDAY}": 1
    }
    with pytest.raises(NotRegisteredError, match="ES-MD") as misnamed:
        await holidays.change("ES-MX", {THURSDAY: "Bridge"}, [], "mistyped")
    assert "ES-MD" in str(misnamed.value.remedy)

    with pytest.raises(NotRegisteredError, match="take back"):
        await holidays.withdraw("ES-MD", 2026, "again")
    with pytest.raises(InvalidValueError, match="one year"):
        await holidays.change("ES-MD", {date(2027, 1, 2): "x", THURSDAY: "y"}, [], "two years")
    async with utility.registry.transaction(utility.now) as registry:
        history = await registry.holiday_history("ES-MD")
    kept = [entry for entry in history if entry.calendar.year == 2026]
    assert [entry.reason for entry in kept] == [
        "as the release says",
        "decreed",
        "the decree fell",
        "decreed after all",
        "it fell again",
    ]


def test_a_year_of_the_release_holds_days_off_of_its_neighbours() -> None:
    rule = HolidayRule("US", None, observed=True)
    # New Year's Day of 2028 is a Saturday: its day off lies in 2027.
    assert date(2027, 12, 31) in dict(released_holidays(rule, 2027))


async def test_a_part_keeps_which_revisions_it_was_rated_with(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        edge = await utility.found()
        await utility.enrol.tariff(WITH_HOLIDAYS, reason="holidays are cheap")
        await utility.deliver(edge, month())
        await utility.validate()
        pinned = []
        holidays = PublicHolidays(utility.registry, CLERK, lambda: NOW)
        for seeded in (False, True):
            if seeded:
                await holidays.seed()
                await holidays.change("ES-MD", {THURSDAY: "Bridge"}, [], "decreed")
            await run(utility)
            with psycopg.connect(migrated.dsn) as connection:
                row = connection.execute("SELECT holiday_revisions FROM bill_part").fetchone()
            pinned.append(row)
    assert pinned == [({"ES-MD 2026": 0},), ({"ES-MD 2026": 2},)]


async def test_holidays_that_were_taken_back_are_noted_in_a_draft_that_says_the_same(
    migrated: Database,
) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        edge = await utility.found(period_s=HOURLY)
        await utility.enrol.tariff(WITH_HOLIDAYS, reason="holidays are cheap")
        await utility.deliver(edge, month(period_s=HOURLY))
        await utility.validate()
        holidays = PublicHolidays(utility.registry, CLERK, lambda: NOW)
        await holidays.seed()
        before = await run(utility)
        (said,) = await utility.billing.heads(before.run)
        record = await utility.billing.bill(said.uid)
        await holidays.change("ES-MD", {THURSDAY: "Bridge"}, [], "decreed")
        await holidays.withdraw("ES-MD", 2026, "the decree fell")
        summary = await run(utility)
        again = await utility.billing.bill(said.uid)
        assert record is not None
        assert again is not None
        assert (again.sha256, again.made_at) == (record.sha256, record.made_at)
        with psycopg.connect(migrated.dsn) as connection:
            row = connection.execute("SELECT holiday_revisions FROM bill_part").fetchone()
        assert row == ({"ES-MD 2026": 3},)
        approved = await ApproveBills(utility.billing, lambda: NOW).run(summary.run, CHIEF)
        assert approved.count == 1
