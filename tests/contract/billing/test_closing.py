"""Every local day of every installed channel is closed, night after night, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.bill import Party
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.service.billing.run_bills import RunBills
from central.service.gateways.enrolment import move_meter
from central.service.ingest.requeue import requeue
from central.service.ports.decisions import Choice, DecisionNote
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.validation.decisions import decide_conflict
from central.service.validation.validate import Validate, VeeSettings
from firmware_bridge.contract.interval import local_day, zone_info
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CLERK, OPERATOR, noted
from tests.support.books import HOURLY, TARIFF, ZONE, Utility
from tests.support.ingest import Edge, channel
from tests.support.size import sized

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST = PointChannelId(1)
STEP = 25
NIGHTS = sized("METERLINE_NIGHTS", 24, 92)


def night(day: date) -> datetime:
    """Half an hour into a local day, when the day before is over and past its grace."""
    return datetime.combine(day, time(0, 30), zone_info(ZONE)).astimezone(UTC)


def counted(first: date, end: date, since: date, serial: str = "S1") -> list[Reading]:
    """The register at every boundary from one local midnight to another, both included."""
    start, until = local_day(first, ZONE).start, local_day(end, ZONE).start
    zero = local_day(since, ZONE).start
    return [
        Reading(channel(serial, period_s=HOURLY), at, 1000 + (at - zero) // HOUR * STEP, 0)
        for at in (start + place * HOUR for place in range((until - start) // HOUR + 1))
    ]


async def opened(utility: Utility, since: date, serial: str = "S1") -> Edge:
    """A gateway, and a customer whose meter was put in on a local day."""
    edge = Edge("gw-1")
    utility.now = local_day(since, ZONE).start
    await utility.gateways.enrol(edge.name, noted(utility.now))
    enrol = utility.enrol
    await enrol.seller(Party("Sierra Power", ("Plaza 1",), "ESB1"))
    await enrol.tariff(TARIFF)
    await enrol.service_point(
        PointRecord("SP-1", ZONE), PointChannelRecord(ACTIVE_IMPORT, HOURLY, Unit.WATT_HOUR)
    )
    await enrol.installation(installed(since, serial))
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "HOME", since))
    return edge


def installed(since: date, serial: str = "S1", end: date | None = None) -> InstallationRecord:
    until = None if end is None else local_day(end, ZONE).start
    start = local_day(since, ZONE).start
    return InstallationRecord("SP-1", "MTL", serial, start, until, gateway="gw-1")


async def blocks(
    utility: Utility, first: date, end: date, key: PointChannelId = FIRST
) -> dict[date, DayBlock]:
    """The newest block of each day that has one."""
    days = [first + DAY * number for number in range((end - first).days)]
    found = await utility.validation.blocks({ChannelDay(key, day): None for day in days})
    return {channel_day.day: block for channel_day, block in found.items()}


@pytest.mark.parametrize(
    ("odd", "hours"), [(date(2026, 10, 25), 25), (date(2027, 3, 28), 23)], ids=["autumn", "spring"]
)
async def test_every_night_closes_the_day_before(utility: Utility, odd: date, hours: int) -> None:
    # The clock is changed after some nights, and as many follow.
    since = odd - DAY * (NIGHTS // 2)
    edge = await opened(utility, since)
    for day in (since + DAY * number for number in range(NIGHTS)):
        utility.now = night(day + DAY)
        await utility.deliver(edge, counted(day, day + DAY, since))
        tally = await utility.validate()
        assert (tally.closed, tally.versions, tally.findings) == (1, 1, 0), day
        block = (await blocks(utility, day, day + DAY))[day]
        assert len(block.values) == (hours if day == odd else 24)
        assert (block.missing, block.total()) == (0, len(block.values) * STEP)


async def test_a_meter_that_falls_silent_shows_as_missing_every_night(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + DAY)
    await utility.deliver(edge, counted(since, since + DAY, since))
    await utility.validate()
    for day in (since + DAY * number for number in range(1, NIGHTS)):
        utility.now = night(day + DAY)
        assert (await utility.validate()).closed == 1, day
    found = await utility.validation.open_findings(FIRST)
    days = {one.day for one in found if one.code == "MISSING_INTERVALS"}
    assert days == {since + DAY * number for number in range(1, NIGHTS)}


async def test_a_meter_that_never_spoke_is_closed_from_its_installation_on(
    utility: Utility,
) -> None:
    since = date(2026, 9, 1)
    await opened(utility, since)
    utility.now = night(since + 70 * DAY)
    assert (await utility.validate()).closed == 70
    found = await blocks(utility, since - DAY, since + 71 * DAY)
    assert list(found) == [since + DAY * number for number in range(70)]
    assert all(block.missing == len(block.values) for block in found.values())


async def test_days_that_come_late_are_filled_after_they_were_closed(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + 40 * DAY)
    await utility.deliver(edge, counted(since + 30 * DAY, since + 40 * DAY, since))
    await utility.validate()
    utility.now += timedelta(hours=3)
    # What the meter remembers comes newest first: what it says of its first days comes last.
    await utility.deliver(edge, counted(since + 10 * DAY, since + 30 * DAY, since))
    await utility.validate()
    await utility.deliver(edge, counted(since, since + 10 * DAY, since))
    await utility.validate()
    found = await blocks(utility, since, since + 40 * DAY)
    assert [block.total() for block in found.values()] == [24 * STEP] * 40
    assert await utility.validation.open_findings(FIRST) == []


async def test_a_pause_of_months_is_made_up_for_at_once(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + 3 * DAY)
    await utility.deliver(edge, counted(since, since + 3 * DAY, since))
    await utility.validate()
    utility.now = night(since + 200 * DAY)
    await utility.deliver(edge, counted(since + 3 * DAY, since + 200 * DAY, since))
    tally = await utility.validate()
    assert (tally.closed, tally.versions) == (197, 197)
    found = await blocks(utility, since, since + 201 * DAY)
    assert list(found) == [since + DAY * number for number in range(200)]
    assert not any(block.missing for block in found.values())
    assert (await utility.validate()).idle


async def test_a_long_backlog_does_not_take_the_turn_of_others(utility: Utility) -> None:
    since = date(2026, 9, 1)
    await opened(utility, since)
    utility.now = night(since + 100 * DAY)
    await utility.validate()
    export = PointChannelRecord(ACTIVE_EXPORT, HOURLY, Unit.WATT_HOUR)
    await utility.enrol.service_point(PointRecord("SP-0", ZONE), export)
    young = installed(since + 100 * DAY, "S2")
    await utility.enrol.installation(replace(young, point="SP-0"))
    await utility.enrol.service_point(PointRecord("SP-1", ZONE), export)
    utility.now = night(since + 101 * DAY)
    worker = Validate(utility.validation, lambda: utility.now, VeeSettings(closing=1, days=10))
    for _ in range(3):
        await worker.step()
    young_days = await blocks(utility, since + 100 * DAY, since + 101 * DAY, PointChannelId(2))
    assert list(young_days) == [since + 100 * DAY]
    old = await blocks(utility, since, since + 101 * DAY, PointChannelId(3))
    assert len(old) == 10
    assert (await worker.until_idle()).closed == 91


async def test_a_channel_whose_meter_was_taken_out_is_closed_until_then(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    out = since + 20 * DAY
    await utility.enrol.installation(installed(since, end=out))
    utility.now = night(since + 15 * DAY)
    await utility.deliver(edge, counted(since, since + 15 * DAY, since))
    await utility.validate()
    utility.now = night(since + 90 * DAY)
    assert (await utility.validate()).closed == 5
    assert (await utility.validate()).looked == 0
    found = await blocks(utility, since, since + 90 * DAY)
    assert list(found) == [since + DAY * number for number in range(20)]
    # Another meter, after months without any: its days follow, and those between stay without.
    again = since + 100 * DAY
    await utility.enrol.installation(installed(again, "S2"))
    utility.now = night(again + 2 * DAY)
    await utility.deliver(edge, counted(again, again + 2 * DAY, again, "S2"))
    assert (await utility.validate()).closed == 2
    found = await blocks(utility, since + 20 * DAY, again + 3 * DAY)
    assert list(found) == [again, again + DAY]


async def test_an_exchange_goes_on_with_the_other_meter(utility: Utility) -> None:
    since, swap = date(2026, 9, 20), date(2026, 10, 1)
    edge = await opened(utility, since)
    await utility.enrol.installation(installed(since, end=swap))
    await utility.enrol.installation(installed(swap, "S2"))
    for day in (since + DAY * number for number in range(20)):
        utility.now = night(day + DAY)
        serial, zero = ("S1", since) if day < swap else ("S2", swap)
        await utility.deliver(edge, counted(day, day + DAY, zero, serial))
        assert (await utility.validate()).closed == 1, day
    found = await blocks(utility, since, since + 20 * DAY)
    assert len(found) == 20
    assert not any(block.missing for block in found.values())


async def test_a_meter_entered_afterwards_is_closed_from_its_installation_on(
    utility: Utility,
) -> None:
    since = date(2026, 9, 1)
    await opened(utility, since)
    utility.now = night(since + 30 * DAY)
    await utility.validate()
    before = installed(since - 100 * DAY, "S0", since)
    assert (await utility.enrol.installation(before)).value == "added"
    tally = await utility.validate()
    assert tally.versions == 100
    assert len(await blocks(utility, since - 200 * DAY, since + 30 * DAY)) == 130
    # It comes out that the meter was there for longer, and nobody put another one in.
    await utility.enrol.installation(installed(since, end=since + 30 * DAY))
    utility.now = night(since + 60 * DAY)
    assert (await utility.validate()).closed == 0
    await utility.enrol.installation(installed(since, end=since + 45 * DAY))
    assert (await utility.validate()).closed == 15
    assert len(await blocks(utility, since, since + 60 * DAY)) == 45


async def test_an_end_that_is_corrected_after_its_days_were_closed_gives_them_back(
    utility: Utility,
) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + 20 * DAY)
    await utility.deliver(edge, counted(since, since + 20 * DAY, since))
    await utility.validate()
    for end, filled in ((since + 5 * DAY, 5), (since + 15 * DAY, 15), (None, 20)):
        await utility.enrol.installation(installed(since, end=end))
        await utility.validate()
        found = await blocks(utility, since, since + 20 * DAY)
        assert [block.missing for block in found.values()] == [0] * filled + [24] * (20 - filled)


async def test_days_after_an_end_that_is_entered_late_are_no_longer_billed(
    utility: Utility,
) -> None:
    since, out = date(2026, 9, 1), date(2026, 9, 11)
    edge = await opened(utility, since)
    utility.now = night(since + 20 * DAY)
    await utility.deliver(edge, counted(since, since + 20 * DAY, since))
    await utility.validate()
    await utility.enrol.installation(installed(since, end=out))
    await utility.validate()
    found = await blocks(utility, since, since + 20 * DAY)
    totals = {day: block.total() for day, block in found.items() if block.missing == 0}
    assert list(totals) == [since + DAY * number for number in range(10)]
    codes = {one.code for one in await utility.validation.open_findings(FIRST) if one.day >= out}
    assert codes == {"NO_METER", "MISSING_INTERVALS"}


async def test_a_batch_that_is_requeued_fills_days_that_were_closed_without_it(
    utility: Utility,
) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    await utility.gateways.enrol("gw-2", noted(utility.now))
    other = Edge("gw-2")
    utility.now = night(since + 10 * DAY)
    await utility.deliver(edge, counted(since, since + 10 * DAY, since))
    await utility.deliver(other, counted(since + 10 * DAY, since + 20 * DAY, since)[1:])
    await utility.validate()
    utility.now = night(since + 40 * DAY)
    assert (await utility.validate()).closed == 30
    await move_meter(utility.gateways, "MTL", "S1", other.name, OPERATOR, lambda: utility.now)
    released = await requeue(utility.ingest, lambda: utility.now, OPERATOR)
    assert [one.released for one in released] == [True] * len(released) != []
    assert (await utility.validate()).versions == 10
    found = await blocks(utility, since, since + 40 * DAY)
    assert [block.missing for block in found.values()] == [0] * 20 + [24] * 20


async def test_a_value_that_is_replaced_changes_the_day_that_was_closed(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + 20 * DAY)
    readings = counted(since, since + 20 * DAY, since)
    await utility.deliver(edge, readings)
    await utility.validate()
    second = readings[5 * 24]
    await utility.deliver(edge, [replace(second, mantissa=second.mantissa + 7)])
    await utility.validate()
    (conflict,) = await utility.decisions.conflicts(10)
    answer = DecisionNote(CLERK, "seen on the meter", utility.now)
    await decide_conflict(utility.decisions, conflict.id, Choice.REPLACE, answer)
    assert (await utility.validate()).closed == 0
    found = await blocks(utility, since + 4 * DAY, since + 6 * DAY)
    assert [block.total() for block in found.values()] == [24 * STEP + 7, 24 * STEP - 7]
    assert await utility.validation.open_findings(FIRST) == []


async def waiting(utility: Utility) -> list[tuple[date, str]]:
    return [(one.day, one.code) for one in await utility.validation.open_findings(FIRST)]


@pytest.mark.parametrize("choice", [Choice.KEEP, Choice.REPLACE])
async def test_a_second_value_for_a_closed_day_is_found_until_it_is_decided(
    utility: Utility, choice: Choice
) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + 20 * DAY)
    readings = counted(since, since + 20 * DAY, since)
    await utility.deliver(edge, readings)
    await utility.validate()
    second = readings[5 * 24 + 10]
    # Alone, and nothing else is new: the day of the second value is queued for itself.
    await utility.deliver(edge, [replace(second, mantissa=second.mantissa + 7)])
    assert (await utility.validate()).findings == 1
    clash_day = [(since + 5 * DAY, "CONFLICTING_READINGS")]
    assert await waiting(utility) == clash_day
    # It stays through the second night, and when the same value comes again.
    utility.now = night(since + 21 * DAY)
    await utility.deliver(edge, counted(since + 20 * DAY, since + 21 * DAY, since))
    await utility.validate()
    await utility.deliver(edge, [replace(second, mantissa=second.mantissa + 7)])
    await utility.validate()
    assert await waiting(utility) == clash_day
    for clash in await utility.decisions.conflicts(10):
        answer = DecisionNote(CLERK, "seen on the meter", utility.now)
        await decide_conflict(utility.decisions, clash.id, choice, answer)
    await utility.validate()
    assert await waiting(utility) == []


async def test_a_second_value_at_midnight_is_found_on_both_days(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    utility.now = night(since + 20 * DAY)
    readings = counted(since, since + 20 * DAY, since)
    await utility.deliver(edge, readings)
    await utility.validate()
    second = readings[5 * 24]
    await utility.deliver(edge, [replace(second, mantissa=second.mantissa + 7)])
    await utility.validate()
    both = [since + 4 * DAY, since + 5 * DAY]
    assert await waiting(utility) == [(day, "CONFLICTING_READINGS") for day in both]


async def test_the_second_month_is_billed_like_the_first(utility: Utility) -> None:
    since = date(2026, 9, 1)
    edge = await opened(utility, since)
    cycles = {"2026-09": 30 * 24, "2026-10": 31 * 24 + 1, "2026-11": 30 * 24}
    for name, count in cycles.items():
        cycle = Cycle.parse(name)
        first, end = cycle.days.first, cycle.days.end
        for part in (first, first + 10 * DAY, first + 20 * DAY):
            until = min(part + 10 * DAY, end) if part.day < 20 else end
            utility.now = night(until)
            await utility.deliver(edge, counted(part, until, since))
            await utility.validate()
        utility.now += timedelta(hours=3)
        summary = await RunBills(utility.billing, lambda: utility.now)(cycle, CLERK)
        assert summary.bills == {BillState.DRAFT: 1}, name
        assert summary.kwh == summary.validated_kwh == Decimal(count * STEP) / 1000
