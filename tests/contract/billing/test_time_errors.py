"""What gateways say of meters' clocks is kept, and judges the readings that these clocks dated."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from central.adapters.timescale.validation.policies import TimescalePolicies
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policy_document import VEE_SCHEMA
from central.service.ingest.ingest import Ingest
from central.service.ports.validation import PointChannelId
from central.service.validation.try_policy import TryPolicy
from firmware_bridge.contract.event import EventKind, MeterEvent, Shown
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.reading import Reading, TimeQuality
from tests.contract.billing.test_asked_history import named
from tests.contract.billing.test_closing import DAY, HOUR, counted, night, opened
from tests.support.actors import OPERATOR, noted
from tests.support.books import ZONE, Utility, pool_of, timescale_utility
from tests.support.ingest import Edge
from tests.support.servers import Database

SINCE = date(2026, 9, 1)
THIRD, FOURTH = SINCE.replace(day=3), SINCE.replace(day=4)
CODE = "TIME_ERROR"


def dated(first: date, end: date) -> list[Reading]:
    """The register at every boundary, as the meter's own profile has it by its clock."""
    by_meter = TimeQuality.METER
    return [replace(one, time_quality=by_meter) for one in counted(first, end, SINCE)]


def look(
    kind: EventKind, readings: list[Reading], at: datetime, ahead: timedelta = timedelta(0)
) -> MeterEvent:
    """How the gateway saw the clock of the meter when it took one of the readings."""
    (reading,) = (one for one in readings if one.at == at)
    shown = Shown(at, reading.mantissa, reading.exponent)
    return MeterEvent(kind, reading.channel, shown, replace(shown, at=at + ahead))


async def send(utility: Utility, edge: Edge, readings: list[Reading], *events: MeterEvent) -> None:
    batch = edge.seal(readings, events=events)
    await Ingest(utility.ingest, lambda: utility.now).commit(edge.arrive(batch, batch))


def noon(day: date) -> datetime:
    return local_day(day, ZONE).start + 12 * HOUR


async def test_days_of_a_wrong_clock_are_named_until_it_is_right(utility: Utility) -> None:
    edge = await opened(utility, SINCE)
    for day in (SINCE + DAY * number for number in range(5)):
        utility.now, readings, events = night(day + DAY), dated(day, day + DAY), []
        if day == THIRD:
            events.append(look(EventKind.CLOCK_WRONG, readings, noon(day), -HOUR))
        if day == FOURTH:
            events.append(look(EventKind.CLOCK_RIGHT, readings, noon(day)))
        await send(utility, edge, readings, *events)
        await utility.validate()
    assert await named(utility, CODE) == [THIRD, FOURTH]


async def test_a_look_that_comes_late_has_the_days_since_judged_again(utility: Utility) -> None:
    edge = await opened(utility, SINCE)
    utility.now = night(SINCE + 5 * DAY)
    readings = dated(SINCE, SINCE + DAY)
    wrong = look(EventKind.CLOCK_WRONG, readings, noon(SINCE), HOUR)
    lost = edge.seal(readings, events=[wrong])
    void = edge.seal_void(lost)
    await Ingest(utility.ingest, lambda: utility.now).commit(edge.arrive(void))
    await send(utility, edge, dated(SINCE, SINCE + 3 * DAY))
    await utility.validate()
    assert await named(utility, CODE) == []
    # The batch that a void stood for is found after all.
    await Ingest(utility.ingest, lambda: utility.now).commit(edge.arrive(lost))
    await utility.validate()
    # The last reading is at the midnight with which the fourth begins.
    assert await named(utility, CODE) == [SINCE + number * DAY for number in range(4)]


async def test_only_the_gateway_of_a_meter_says_how_its_clock_is(utility: Utility) -> None:
    edge = await opened(utility, SINCE)
    utility.now = night(SINCE + DAY)
    readings = dated(SINCE, SINCE + DAY)
    await send(utility, edge, readings)
    other = Edge("gw-2")
    await utility.gateways.enrol(other.name, noted(utility.now))
    wrong = look(EventKind.CLOCK_WRONG, readings, noon(SINCE), HOUR)
    await send(utility, other, readings, wrong)
    await utility.validate()
    assert await named(utility, CODE) == []
    await send(utility, edge, readings, wrong)
    await utility.validate()
    assert await named(utility, CODE) == [SINCE]


async def test_readings_that_the_gateway_dated_are_not_judged_by_the_meters_clock(
    utility: Utility,
) -> None:
    edge = await opened(utility, SINCE)
    utility.now = night(SINCE + DAY)
    readings = counted(SINCE, SINCE + DAY, SINCE)
    await send(utility, edge, readings, look(EventKind.CLOCK_WRONG, readings, noon(SINCE), HOUR))
    await utility.validate()
    assert await named(utility, CODE) == []


async def test_a_trial_says_what_another_threshold_changes(migrated: Database) -> None:
    async with timescale_utility(migrated.dsn) as utility:
        edge = await opened(utility, SINCE)
        utility.now = night(SINCE + DAY)
        readings = dated(SINCE, SINCE + DAY)
        wrong = look(EventKind.CLOCK_WRONG, readings, noon(SINCE), HOUR / 2)
        await send(utility, edge, readings, wrong)
        await utility.validate()
        assert await named(utility, CODE) == [SINCE]
        policies = TimescalePolicies(pool_of(utility))
        tried = TryPolicy(policies, utility.validation)
        days = DayRange(SINCE, SINCE + DAY)
        for minutes, gone in ((29, {}), (30, {CODE: 1})):
            draft = VEE_SCHEMA.parse(f"thresholds: {{time_error: {minutes}min}}")
            trial = await tried("electricity", draft, days, 10)
            assert (trial.before, trial.gone) == ({CODE: 1}, gone)
        # It holds the bill until somebody answers for it.
        (finding,) = await utility.validation.open_findings(PointChannelId(1))
        assert finding.severity == "critical"
        assert await utility.validation.accept_finding(
            finding.id, OPERATOR, "checked on site", utility.now
        )
