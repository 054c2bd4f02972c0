"""What is held for too long is estimated, or somebody reads the meter: on every store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from central.domain.billing.bill import Party
from central.domain.billing.bill_window import BillWindow
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconciliation_report import ReconciledScope
from central.service.billing.retry_held import RetryTally, retry_held
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import RunSummary
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.registry.holidays import PublicHolidays
from central.service.validation.decisions import accept_finding
from central.service.validation.estimate_held import EstimateHeld, EstimateTally
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK, noted
from tests.support.books import HOURLY, NOVEMBER, NOW, OCTOBER, TARIFF, ZONE, Utility
from tests.support.daily_books import approve, issue
from tests.support.ingest import Edge, channel

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)
WINDOW = BillWindow(5, 2)
CHANNEL = PointChannelId(1)


def registers(days: Iterable[date]) -> list[Reading]:
    """What the meter shows in each hour of some days, their end included."""
    origin, found = day_start(AUGUST, ZONE), dict[int, Reading]()
    for day in days:
        at, end = day_start(day, ZONE), day_start(day + DAY, ZONE)
        while at <= end:
            number = (at - origin) // HOUR
            value = 1_000 + number * 80 + number // 24 * 24 + number % 24
            found[number] = Reading(channel("S1", period_s=HOURLY), at, value, 0)
            at += HOUR
    return [found[number] for number in sorted(found)]


def days(first: date, end: date, but: tuple[date, date] | None = None) -> list[date]:
    """The days from one to before another, without a gap."""
    found = (first + DAY * number for number in range((end - first).days))
    return [day for day in found if but is None or not but[0] <= day < but[1]]


async def found(utility: Utility) -> Edge:
    edge = Edge("gw-1")
    await utility.gateways.enrol(edge.name, noted(NOW))
    enrol = utility.enrol
    await enrol.seller(Party("Sierra Power"))
    await enrol.tariff(TARIFF)
    await enrol.service_point(
        PointRecord("SP-1", ZONE), PointChannelRecord(ACTIVE_IMPORT, HOURLY, Unit.WATT_HOUR)
    )
    start = day_start(AUGUST, ZONE)
    await enrol.installation(InstallationRecord("SP-1", "MTL", "S1", start, gateway="gw-1"))
    await enrol.account(AccountRecord("A-1", Party("Ada")))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "HOME", SEPTEMBER))
    return edge


async def metered(utility: Utility, edge: Edge, *some: list[date]) -> None:
    await utility.deliver(edge, *(registers(one) for one in some))
    await utility.validate()


async def bill(utility: Utility, *months: int) -> RunSummary:
    use_case = RunBills(utility.billing, lambda: utility.now)
    for month in months:
        summary = await use_case(Cycle(2026, month), CLERK)
    return summary


async def estimate(utility: Utility, window: BillWindow = WINDOW) -> EstimateTally:
    return await EstimateHeld(utility.window, utility.validation, lambda: utility.now)(window)


async def quality(utility: Utility, day: date) -> set[IntervalQuality]:
    key = ChannelDay(CHANNEL, day)
    block = (await utility.validation.blocks({key: None}))[key]
    return {IntervalQuality(value) for value in np.unique(block.quality).tolist()}


async def total(utility: Utility, first: date, end: date) -> int:
    keys = [ChannelDay(CHANNEL, day) for day in days(first, end)]
    blocks = await utility.validation.blocks(dict.fromkeys(keys))
    assert len({block.exponent for block in blocks.values()}) == 1
    return sum(block.total() for block in blocks.values())


async def codes(utility: Utility, first: date = SEPTEMBER, end: date = NOVEMBER) -> set[str]:
    found = await utility.validation.open_findings(CHANNEL)
    return {finding.code for finding in found if first <= finding.day < end}


SILENT, BACK = date(2026, 10, 20), date(2026, 10, 26)
MORE = 7_000
"""What was used in days without data beyond what days like them use. [Wh]"""


def late(some: list[date], more: int = MORE) -> list[Reading]:
    """What the meter shows after days in which more was used than in others."""
    return [replace(one, mantissa=one.mantissa + more) for one in registers(some)]


GAP = (date(2026, 10, 14), date(2026, 10, 24))


async def test_a_long_gap_is_estimated_to_the_register(utility: Utility) -> None:
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, GAP))
    summary = await bill(utility, 9, 10)
    assert (summary.held_count, await codes(utility)) == (1, {"MISSING_INTERVALS"})
    tally = await estimate(utility)
    assert (tally.days, tally.orders, tally.failed) == (10, 0, 0)
    first, last = registers([OCTOBER])[0], registers([NOVEMBER - DAY])[-1]
    assert await total(utility, OCTOBER, NOVEMBER) == last.mantissa - first.mantissa
    assert await quality(utility, GAP[0] + DAY) == {IntervalQuality.ESTIMATED_LIKE_DAY}
    assert await codes(utility) == {"ESTIMATED_GAP"}
    summary = await bill(utility, 10)
    assert summary.held_count == 0
    assert summary.bills[BillState.DRAFT] == 1
    assert summary.kwh == summary.validated_kwh
    assert summary.kwh * 1000 == last.mantissa - first.mantissa
    assert await estimate(utility) == EstimateTally()


async def test_validating_again_keeps_an_estimate_and_late_data_replace_it(
    utility: Utility,
) -> None:
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, GAP))
    await bill(utility, 9, 10)
    await estimate(utility)
    key = ChannelDay(CHANNEL, GAP[0] + DAY)
    before = (await utility.validation.blocks({key: None}))[key]
    async with utility.validation.transaction() as work:
        await work.reopen(CHANNEL, OCTOBER)
    await utility.validate()
    assert (await utility.validation.blocks({key: None}))[key] == before
    assert await codes(utility) == {"ESTIMATED_GAP"}
    await metered(utility, edge, days(*GAP))
    assert await quality(utility, key.day) == {IntervalQuality.ACTUAL}
    assert await codes(utility) == set()
    summary = await bill(utility, 10)
    assert summary.held_count == 0


async def test_a_bill_waits_for_its_window(utility: Utility) -> None:
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, GAP))
    await bill(utility, 9, 10)
    # 1 November + 19 days is 20 November.
    assert await estimate(utility, BillWindow(20, 2)) == EstimateTally()
    assert (await estimate(utility, BillWindow(19, 2))).days == 10


async def test_data_that_come_for_a_part_replace_their_estimates(utility: Utility) -> None:
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, (SILENT, NOVEMBER)))
    await bill(utility, 9, 10)
    assert (await estimate(utility)).days == 12
    assert (await bill(utility, 10)).held_count == 0
    before = await total(utility, OCTOBER, NOVEMBER)
    # A part of what was silent comes after all: the rest has a register at its end now.
    await utility.deliver(edge, late(days(BACK, NOVEMBER)))
    await utility.validate()
    used = late([NOVEMBER - DAY])[-1].mantissa - registers([OCTOBER])[0].mantissa
    assert used == before + MORE
    assert await total(utility, OCTOBER, NOVEMBER) == used
    assert await quality(utility, BACK) == {IntervalQuality.ACTUAL}
    summary = await bill(utility, 10)
    assert summary.held_count == 0
    assert summary.kwh * 1000 == summary.validated_kwh * 1000 == used
    assert await codes(utility) == {"ESTIMATED_GAP"}
    # The same readings validated again say the same.
    async with utility.validation.transaction() as work:
        await work.reopen(CHANNEL, SEPTEMBER)
    assert (await utility.validate()).versions == 0


async def test_a_register_that_ends_a_gap_keeps_what_was_estimated_back(utility: Utility) -> None:
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, (SILENT, NOVEMBER)))
    await bill(utility, 9, 10)
    await estimate(utility)
    assert await approve(utility, await bill(utility, 9)) == []
    assert (await bill(utility, 10)).held_count == 0
    # Days later, with none of those between: the estimates are to sum to its register.
    await utility.deliver(edge, late([date(2026, 11, 14)]))
    summary = await bill(utility, 10)
    assert {hold.code for hold in summary.held[0].holds} == {"VALIDATION_PENDING"}
    before = await total(utility, OCTOBER, NOVEMBER)
    await utility.validate()
    assert await total(utility, OCTOBER, NOVEMBER) != before
    summary = await bill(utility, 10)
    await utility.deliver(edge, late([date(2026, 11, 13)]))
    assert await approve(utility, summary) == [("A-1", "VALIDATION_PENDING")]
    await utility.validate()
    summary = await bill(utility, 10)
    # Behind days that are metered nothing reaches them.
    await utility.deliver(edge, late([date(2026, 11, 18)]))
    assert await approve(utility, summary) == []


async def issued_with_estimates(utility: Utility) -> Edge:
    """October is issued, estimated from the 20th on."""
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, (SILENT, NOVEMBER)))
    await bill(utility, 9)
    await bill(utility, 10)
    await estimate(utility)
    for month in (9, 10):
        summary = await bill(utility, month)
        assert await approve(utility, summary) == []
        assert await issue(utility, summary) == []
    return edge


async def changed(utility: Utility) -> list[tuple[date, int]]:
    """The days that differ from what their bill read, and by how much. [Wh]"""
    asked = ReconciledScope(DayRange(SEPTEMBER, NOVEMBER))
    report = await Reconcile(utility.reconciliation, lambda: utility.now)(asked)
    assert report.balanced
    return [(day.day, int(day.difference)) for day in report.changed]


async def test_what_an_issued_bill_estimated_differs_from_it_by_name(utility: Utility) -> None:
    edge = await issued_with_estimates(utility)
    billed = await bill(utility, 10)
    await utility.deliver(edge, late(days(BACK, NOVEMBER)))
    await utility.validate()
    used = late([NOVEMBER - DAY])[-1].mantissa - registers([OCTOBER])[0].mantissa
    assert await total(utility, OCTOBER, NOVEMBER) == used
    assert sum(difference for _, difference in await changed(utility)) == MORE
    assert (await bill(utility, 10)).kwh == billed.kwh


@pytest.mark.parametrize("more", [MORE, -2_000 * 12])
async def test_days_that_are_not_billed_yet_take_the_difference(
    utility: Utility, more: int
) -> None:
    edge = await issued_with_estimates(utility)
    back = date(2026, 11, 4)
    await utility.deliver(edge, late([back], more))
    await utility.validate()
    assert await total(utility, SILENT, back) == (
        late([back], more)[0].mantissa - registers([SILENT])[0].mantissa
    )
    # They cannot give back what was billed beyond the register.
    differences = [difference for _, difference in await changed(utility)]
    assert differences == [] if more > 0 else sum(differences) < 0


async def test_a_holiday_of_the_tariff_is_estimated_like_sundays(utility: Utility) -> None:
    edge = await found(utility)
    rules = "calendar:\n  holidays: {country: ES, subdivision: MD}\n"
    with_holidays = TARIFF.replace("calendar:\n", rules)
    await utility.enrol.tariff(with_holidays, reason="the calendar of Madrid")
    bridge, gap = date(2026, 10, 14), (date(2026, 10, 12), date(2026, 10, 15))
    holidays = PublicHolidays(utility.registry, CLERK, lambda: utility.now)
    await holidays.seed()
    await holidays.change("ES-MD", {bridge: "Bridge"}, [], "decreed")
    await metered(utility, edge, days(SEPTEMBER, NOVEMBER, gap))
    await bill(utility, 9)
    await bill(utility, 10)
    assert (await estimate(utility)).days == 3
    keys = [ChannelDay(CHANNEL, day) for day in days(*gap)]
    async with utility.validation.transaction() as work:
        estimates = await work.estimates(keys)
    # The national day, a day before it, and the day that is kept since.
    for key, weekday in zip(keys, (6, 1, 6), strict=True):
        evidence = json.loads(estimates[key].evidence)
        like = [date.fromisoformat(text.split(":")[0]) for text in evidence["like_days"]]
        assert {day.weekday() for day in like} == {weekday}
        assert evidence.get("holiday", False) is (weekday == 6)


async def test_after_some_estimated_bills_somebody_reads_the_meter(utility: Utility) -> None:
    edge = await found(utility)
    first_gap = (date(2026, 9, 14), date(2026, 9, 20))
    both = [day for day in days(AUGUST, NOVEMBER, GAP) if not first_gap[0] <= day < first_gap[1]]
    await metered(utility, edge, both)
    once = BillWindow(5, 1)
    await bill(utility, 9)
    assert (await estimate(utility, once)).days == 6
    assert (await bill(utility, 9)).held_count == 0
    await bill(utility, 10)
    tally = await estimate(utility, once)
    assert (tally.days, tally.orders) == (0, 1)
    assert "FIELD_ORDER" in await codes(utility, *GAP)
    assert await estimate(utility, once) == EstimateTally()
    await metered(utility, edge, days(*GAP))
    assert "FIELD_ORDER" not in await codes(utility)
    assert (await bill(utility, 10)).held_count == 0


async def test_days_without_a_meter_wait_for_an_answer(utility: Utility) -> None:
    edge = await found(utility)
    metered_days = days(AUGUST, NOVEMBER, GAP)
    silent = OCTOBER + DAY
    await metered(utility, edge, [day for day in metered_days if day != silent])
    start, out, back = (day_start(day, ZONE) for day in (AUGUST, *GAP))
    meter = InstallationRecord("SP-1", "MTL", "S1", start, out, gateway="gw-1")
    await utility.enrol.installation(meter)
    await utility.enrol.installation(replace(meter, start=back, end=None))
    await utility.validate()
    await bill(utility, 9, 10)
    # The silent day is estimated; nobody can read a meter that is not there.
    assert await estimate(utility) == EstimateTally(days=1)
    assert await codes(utility, *GAP) == {"NO_METER", "MISSING_INTERVALS"}
    summary = await bill(utility, 10)
    assert {hold.code for hold in summary.held[0].holds} >= {"NO_METER"}
    for finding in await utility.validation.open_findings(CHANNEL):
        if finding.code == "NO_METER":
            note = DecisionNote(CHIEF, "supplied without a meter", NOW)
            await accept_finding(utility.decisions, utility.validation, f"v{finding.id}", note)
    assert await estimate(utility) == EstimateTally(days=10)
    assert await total(utility, *GAP) > 0
    assert (await bill(utility, 10)).held_count == 0


async def test_a_meter_that_never_spoke_is_read_on_site(utility: Utility) -> None:
    await found(utility)
    await utility.validate()
    await bill(utility, 9)
    tally = await estimate(utility)
    assert (tally.days, tally.orders) == (0, 1)


@pytest.mark.parametrize("last", [date(2026, 11, 5), date(2026, 11, 19)])
async def test_a_gap_beyond_the_bill_is_shared_where_a_register_ends_it(
    utility: Utility, last: date
) -> None:
    edge = await found(utility)
    silent = (date(2026, 10, 25), last)
    await metered(utility, edge, days(AUGUST, date(2026, 11, 20), silent))
    await bill(utility, 9, 10)
    await estimate(utility)
    first, end = registers([silent[0]])[0], registers([last - DAY])[-1]
    assert await total(utility, *silent) == end.mantissa - first.mantissa
    assert (await bill(utility, 10)).held_count == 0


async def test_what_is_held_is_tried_again_each_night(utility: Utility) -> None:
    edge = await found(utility)
    await metered(utility, edge, days(AUGUST, NOVEMBER, GAP))
    await bill(utility, 9, 10)

    async def night() -> RetryTally:
        return await retry_held(utility.window, utility.billing, lambda: utility.now, 500)

    assert await night() == RetryTally(1, 1)
    await estimate(utility)
    assert await night() == RetryTally(1, 0)
    assert await night() == RetryTally()


async def test_of_months_that_are_held_one_run_tries_all_again(utility: Utility) -> None:
    edge = await found(utility)
    first_gap = (date(2026, 9, 14), date(2026, 9, 20))
    both = [day for day in days(AUGUST, NOVEMBER, GAP) if not first_gap[0] <= day < first_gap[1]]
    await metered(utility, edge, both)
    assert (await bill(utility, 9)).held_count == 1
    assert (await bill(utility, 10)).held_count == 1
    tally = await retry_held(utility.window, utility.billing, lambda: utility.now, 500)
    assert tally == RetryTally(1, 1)
    await metered(utility, edge, days(*first_gap))
    # The run of October tries September's bill, too, and so finds its own nearer to be billed.
    await retry_held(utility.window, utility.billing, lambda: utility.now, 500)
    assert [str(run.cycle) for run in await utility.window.held_runs()] == ["2026-10"]
    await metered(utility, edge, days(*GAP))
    tally = await retry_held(utility.window, utility.billing, lambda: utility.now, 500)
    assert (tally, await utility.window.held_runs()) == (RetryTally(1, 0), ())
