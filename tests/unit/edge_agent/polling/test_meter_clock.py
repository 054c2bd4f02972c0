"""How far meters' clocks are believed, and the times that live values get."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.meter_clock import TRANSITIONS, ProfileLook, Trust
from edge_agent.polling.stamping import MeterClocks, Stamped, StampingTime, wrong_clocks
from firmware_bridge.contract.event import ABOUT_CLOCKS, EventKind, Shown, clock_sentence
from firmware_bridge.contract.obis import ACTIVE_IMPORT, ACTIVE_POWER_IMPORT, GAS_VOLUME
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, Quality, TimeQuality
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86_400))
MAIN = MeterIdentity("SEC", "12345678")
GAS = MeterIdentity("FLO", "G1")


def shown(at: datetime | None, **further: object) -> MeterValue:
    value = MeterValue(
        MAIN, ACTIVE_IMPORT, Kind.REGISTER, Quantity(123_456, 0, Unit.WATT_HOUR), meter_time=at
    )
    return replace(value, **further)  # type: ignore[arg-type]


def gas(at: datetime, clock: datetime | None) -> MeterValue:
    litres = Quantity(5_000, 0, Unit.LITRE)
    return MeterValue(
        GAS,
        GAS_VOLUME,
        Kind.REGISTER,
        litres,
        meter_time=at,
        period_s=3600,
        sampled=True,
        meter_clock=clock,
    )


@dataclass
class GatewayClock:
    """A gateway's clock, and what its buffer keeps of meters' clocks."""

    now: datetime = NOON
    passed: float = 5_000.0
    quality: TimeQuality = TimeQuality.SYNCHRONISED
    doubt: timedelta = timedelta(0)
    trust: Trust = field(default_factory=Trust)
    marks: dict[str, int] = field(default_factory=dict)
    kinds: list[EventKind] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clocks = MeterClocks(self.marks)

    def restart(self) -> None:
        self.clocks = MeterClocks(self.marks)

    def turn(self, by: timedelta) -> None:
        self.now, self.passed = self.now + by, self.passed + by.total_seconds()

    def read(self, *values: MeterValue, profile: ProfileLook | None = None) -> Stamped:
        moment = StampingTime(self.now, self.quality, self.doubt, NOON - DAY, self.passed, profile)
        found = self.clocks.stamp(MAIN, values, 900, self.trust, moment)
        self.clocks.commit(found.tracks)
        self.marks |= found.marks
        self.kinds += [event.kind for event in found.events]
        return found

    def time(self, offset: timedelta) -> tuple[timedelta, TimeQuality]:
        """How far from the gateway's a reading's time is that the meter dates so far off."""
        (reading,) = self.read(shown(self.now + offset)).readings
        return reading.at - self.now, reading.time_quality


@pytest.mark.parametrize("offset", [-3 * MINUTE, -SECOND, timedelta(0), 3 * MINUTE])
def test_a_time_within_the_tolerance_is_the_meters_own(offset: timedelta) -> None:
    gateway = GatewayClock()
    assert gateway.time(offset) == (offset, TimeQuality.METER)
    assert (gateway.kinds, gateway.marks) == ([], {})


@pytest.mark.parametrize(
    "offset",
    [-181 * SECOND, 181 * SECOND, -HOUR, DAY, datetime(2000, 11, 6, 20, tzinfo=UTC) - NOON],
)
def test_a_time_beyond_it_is_the_gateways_and_told_once(offset: timedelta) -> None:
    gateway = GatewayClock()
    for _ in range(3):
        assert gateway.time(offset) == (timedelta(0), TimeQuality.SYNCHRONISED)
        gateway.turn(15 * MINUTE)
    gateway.restart()
    assert gateway.time(offset) == (timedelta(0), TimeQuality.SYNCHRONISED)
    assert gateway.kinds == [EventKind.CLOCK_WRONG]
    assert wrong_clocks(gateway.marks) == 1


def test_the_event_names_the_meters_time_and_the_reading() -> None:
    gateway = GatewayClock()
    own = datetime(2000, 11, 6, 20, tzinfo=UTC)
    found = gateway.read(shown(own, obis=ACTIVE_POWER_IMPORT), shown(own))
    (event,) = found.events
    assert event.channel.obis == ACTIVE_IMPORT
    assert (event.after, event.before) == (Shown(NOON, 123_456, 0), Shown(own, 123_456, 0))
    assert "SEC/12345678 is wrong: it showed 2000-11-06T20:00:00+00:00" in clock_sentence(event)


@pytest.mark.parametrize(
    "own", [datetime(1960, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_a_time_that_no_message_may_name_is_told_without_it(own: datetime) -> None:
    (event,) = GatewayClock().read(shown(own)).events
    assert event.before is None
    assert "a time that is not valid" in clock_sentence(event)


def test_a_clock_is_right_again_after_an_hour_within_half_the_tolerance() -> None:
    gateway = GatewayClock()
    gateway.time(HOUR)
    for _ in range(5):
        gateway.turn(15 * MINUTE)
        used = gateway.time(SECOND)
    assert gateway.kinds == [EventKind.CLOCK_WRONG, EventKind.CLOCK_RIGHT]
    assert used == (SECOND, TimeQuality.METER)
    assert wrong_clocks(gateway.marks) == 0
    gateway.restart()
    assert gateway.time(SECOND) == (SECOND, TimeQuality.METER)
    assert gateway.time(HOUR)[1] is TimeQuality.SYNCHRONISED
    assert gateway.kinds[2:] == [EventKind.CLOCK_WRONG]


def test_a_clock_that_drifts_over_the_tolerance_and_about_it_flaps_nothing() -> None:
    gateway = GatewayClock()
    for number in range(600):
        gateway.turn(15 * MINUTE)
        wobble = 40 * SECOND * (-1) ** number
        gateway.time(number * SECOND / 2 + wobble)
    assert gateway.kinds == [EventKind.CLOCK_WRONG]


def test_two_devices_under_one_name_make_at_most_a_pair_of_events_an_hour() -> None:
    gateway = GatewayClock()
    for number in range(24 * 60):
        gateway.turn(MINUTE)
        gateway.time(DAY if number % 2 else timedelta(0))
    assert gateway.kinds == [EventKind.CLOCK_WRONG]


def test_a_step_of_the_gateways_clock_makes_one_pair_of_events() -> None:
    gateway = GatewayClock()
    true = gateway.now
    gateway.now += 2 * HOUR  # it says it is synchronised, and is not
    gateway.read(shown(true))
    for number in range(12):
        gateway.turn(15 * MINUTE)
        if not number:
            gateway.now -= 2 * HOUR
        used = gateway.time(SECOND)
    assert gateway.kinds == [EventKind.CLOCK_WRONG, EventKind.CLOCK_RIGHT]
    assert used == (SECOND, TimeQuality.METER)


def test_an_unknown_clock_judges_nothing_yet_believes_no_absurd_date() -> None:
    gateway = GatewayClock(quality=TimeQuality.UNSYNCHRONISED, now=datetime(1970, 1, 1, tzinfo=UTC))
    for own in (NOON, NOON + 300 * DAY, NOON - 2 * DAY):
        (reading,) = gateway.read(shown(own)).readings
        assert (reading.at, reading.time_quality) == (own, TimeQuality.METER)
    for own in (datetime(2000, 11, 6, tzinfo=UTC), NOON - 2 * DAY - SECOND, NOON + 9_000 * DAY):
        found = gateway.read(shown(own))
        assert found.readings == []
        assert [r.time_quality for r in found.timeless] == [TimeQuality.UNSYNCHRONISED]
    assert (gateway.kinds, gateway.marks) == ([], {})


def test_a_clock_known_to_be_wrong_waits_while_the_gateways_is_unknown() -> None:
    gateway = GatewayClock()
    gateway.time(HOUR)
    gateway.quality = TimeQuality.UNSYNCHRONISED
    gateway.restart()
    assert len(gateway.read(shown(gateway.now)).timeless) == 1
    assert gateway.kinds == [EventKind.CLOCK_WRONG]


def test_in_holdover_the_gateways_own_doubt_is_allowed_for() -> None:
    gateway = GatewayClock(quality=TimeQuality.HOLDOVER, doubt=5 * MINUTE)
    assert gateway.time(8 * MINUTE) == (8 * MINUTE, TimeQuality.METER)
    assert gateway.time(8 * MINUTE + SECOND) == (timedelta(0), TimeQuality.HOLDOVER)


def test_a_pushed_value_is_judged_by_the_moment_at_which_it_came() -> None:
    gateway = GatewayClock()
    came = NOON - 40 * MINUTE
    (good,) = gateway.read(shown(came, age_s=2400.0)).readings
    assert (good.at, good.time_quality) == (came, TimeQuality.METER)
    (bad,) = gateway.read(shown(NOON, age_s=2400.0)).readings
    assert (bad.at, bad.time_quality) == (came, TimeQuality.SYNCHRONISED)


def test_an_hourly_value_behind_a_good_clock_is_rightly_old() -> None:
    gateway = GatewayClock()
    sampled = NOON - 10 * DAY  # its radio is dead since
    found = gateway.read(shown(NOON), gas(sampled, NOON))
    assert {r.at: r.time_quality for r in found.readings} == {
        NOON: TimeQuality.METER,
        sampled: TimeQuality.METER,
    }
    assert gateway.kinds == []


def test_an_hourly_value_behind_a_wrong_clock_is_as_old_as_it_says() -> None:
    gateway = GatewayClock()
    ahead, at = 2 * HOUR, []
    for number in range(4):
        gateway.turn(15 * MINUTE)
        jitter = number * SECOND
        clock = gateway.now + ahead + jitter
        found = gateway.read(shown(clock), gas(NOON + ahead, clock))
        at.append(next(r.at for r in found.readings if r.channel.serial == "G1"))
    # The meter tells its hourly value four times, and it keeps one time.
    assert at == [NOON] * 4
    assert gateway.kinds == [EventKind.CLOCK_WRONG]


def test_a_sampled_value_without_a_clock_is_believed_but_never_of_the_future() -> None:
    gateway = GatewayClock()
    (old,) = gateway.read(gas(NOON - DAY, None)).readings
    assert (old.at, old.time_quality) == (NOON - DAY, TimeQuality.METER)
    (future,) = gateway.read(gas(NOON + HOUR, None)).readings
    assert (future.at, future.time_quality) == (NOON, TimeQuality.SYNCHRONISED)
    found = gateway.read(gas(datetime(2000, 1, 1, tzinfo=UTC), None))
    assert (found.readings, len(found.undated)) == ([], 1)


@pytest.mark.parametrize("ahead", [2 * HOUR, 22 * HOUR, 3_650 * DAY, 7_300 * DAY])
def test_a_sampled_value_later_than_the_clock_beside_it_has_a_wrong_clock_of_its_own(
    ahead: timedelta,
) -> None:
    gateway = GatewayClock()
    for number in range(2):
        found = gateway.read(shown(gateway.now), gas(gateway.now + ahead, gateway.now))
        times = {r.channel.serial: (r.at - gateway.now, r.time_quality) for r in found.readings}
        assert times == {
            "12345678": (timedelta(0), TimeQuality.METER),
            "G1": (timedelta(0), TimeQuality.SYNCHRONISED),
        }
        assert [e.channel.serial for e in found.events] == ([] if number else ["G1"])
        gateway.turn(15 * MINUTE)
    gateway.restart()
    gateway.read(shown(gateway.now), gas(gateway.now + ahead, gateway.now))
    assert gateway.kinds == [EventKind.CLOCK_WRONG]
    for _ in range(5):  # its clock was set
        gateway.turn(15 * MINUTE)
        gateway.read(shown(gateway.now), gas(gateway.now - 40 * MINUTE, gateway.now))
    assert gateway.kinds == [EventKind.CLOCK_WRONG, EventKind.CLOCK_RIGHT]
    (old,) = gateway.read(gas(gateway.now - DAY, gateway.now)).readings
    assert (old.at, old.time_quality) == (gateway.now - DAY, TimeQuality.METER)


def test_a_sampled_value_may_be_later_than_the_clock_beside_it_within_the_tolerance() -> None:
    gateway = GatewayClock()
    (reading,) = gateway.read(gas(NOON + 3 * MINUTE, NOON)).readings
    assert (reading.at, reading.time_quality) == (NOON + 3 * MINUTE, TimeQuality.METER)
    assert gateway.kinds == []


def test_a_sampled_value_of_the_future_waits_where_the_gateways_clock_is_unknown() -> None:
    gateway = GatewayClock(quality=TimeQuality.UNSYNCHRONISED)
    found = gateway.read(gas(NOON + 2 * HOUR, NOON))
    assert (found.readings, len(found.timeless)) == ([], 1)


def test_a_meter_that_sampled_later_than_its_own_clock_says_has_no_time() -> None:
    gateway = GatewayClock()
    found = gateway.read(shown(NOON), shown(NOON + HOUR, sampled=True, meter_clock=NOON))
    assert ([r.at for r in found.readings], len(found.undated)) == ([NOON], 1)
    assert gateway.kinds == []


def test_nothing_is_told_where_no_reading_could_carry_it() -> None:
    gateway = GatewayClock()
    never = datetime(2000, 1, 1, tzinfo=UTC)
    assert gateway.read(gas(never, NOON + 30 * DAY)).events == []
    assert gateway.marks == {}
    gateway.read(shown(NOON + 30 * DAY), gas(never, NOON + 30 * DAY))
    assert gateway.kinds == [EventKind.CLOCK_WRONG]


def test_the_hour_that_autumn_repeats_is_told_by_the_gateway() -> None:
    # 02:30 in Amsterdam, the second time; read as the first.
    gateway = GatewayClock(now=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    value = shown(gateway.now - HOUR, quality=Quality.SUSPECT)
    (reading,) = gateway.read(value).readings
    assert (reading.at, reading.time_quality) == (gateway.now, TimeQuality.METER)
    assert reading.quality is Quality.SUSPECT
    assert gateway.kinds == []
    # In spring nothing repeats: a clock that stayed behind is simply wrong.
    spring = GatewayClock(now=datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    assert spring.time(-HOUR) == (timedelta(0), TimeQuality.SYNCHRONISED)


def test_use_gateway_time_asks_no_meter_and_tells_nothing() -> None:
    gateway = GatewayClock(trust=Trust(use_gateway_time=True))
    assert gateway.time(timedelta(0)) == (timedelta(0), TimeQuality.SYNCHRONISED)
    assert gateway.time(DAY) == (timedelta(0), TimeQuality.SYNCHRONISED)
    clock = NOON + 2 * HOUR
    found = gateway.read(shown(clock), gas(clock - 30 * MINUTE, clock))
    assert [r.at for r in found.readings] == [NOON, NOON - 30 * MINUTE]
    assert gateway.kinds == []


def test_use_gateway_time_ends_a_wrong_standing() -> None:
    gateway = GatewayClock()
    gateway.time(DAY)
    gateway.trust = Trust(use_gateway_time=True)
    gateway.time(DAY)
    assert wrong_clocks(gateway.marks) == 0
    gateway.restart()
    gateway.trust = Trust()
    assert gateway.time(SECOND) == (SECOND, TimeQuality.METER)


def test_the_clock_of_a_load_profile_is_told_with_a_live_reading_that_has_no_time() -> None:
    gateway = GatewayClock()

    def look(offset: timedelta) -> list[tuple[datetime, TimeQuality]]:
        seen = ProfileLook(MAIN, offset, gateway.now + offset, gateway.passed)
        found = gateway.read(shown(None), profile=seen)
        gateway.turn(15 * MINUTE)
        return [(r.at, r.time_quality) for r in found.readings]

    for offset in (2 * HOUR, 2 * HOUR, *[timedelta(0)] * 5, -HOUR):
        now = gateway.now
        assert look(offset) == [(now, TimeQuality.SYNCHRONISED)]
    wrong, right = EventKind.CLOCK_WRONG, EventKind.CLOCK_RIGHT
    assert gateway.kinds == [wrong, right, wrong]
    assert wrong_clocks(gateway.marks) == 1


def test_each_meter_has_its_own_clock() -> None:
    gateway = GatewayClock()
    other = shown(NOON - DAY, meter=GAS)
    found = gateway.read(shown(NOON), other)
    assert {r.channel.serial: r.time_quality for r in found.readings} == {
        "12345678": TimeQuality.METER,
        "G1": TimeQuality.SYNCHRONISED,
    }
    assert list(gateway.marks) == ["clock\tFLO\tG1"]
    assert [event.channel.serial for event in found.events] == ["G1"]


def test_what_a_broker_kept_has_its_own_time_and_says_nothing_of_the_clock() -> None:
    gateway = GatewayClock()
    (reading,) = gateway.read(shown(NOON - HOUR, kept=True)).readings
    assert (reading.at, reading.time_quality) == (NOON - HOUR, TimeQuality.METER)
    assert gateway.kinds == []


def test_every_event_about_clocks_can_happen() -> None:
    assert {kind for _, kind in TRANSITIONS.values() if kind is not None} == set(ABOUT_CLOCKS)


FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("own", [FIRST, LAST])
@pytest.mark.parametrize("clock", [FIRST, LAST, None])
@pytest.mark.parametrize("quality", list(TimeQuality)[:3])
def test_no_time_however_absurd_ends_anything_or_reaches_a_message(
    own: datetime, clock: datetime | None, quality: TimeQuality
) -> None:
    for trust in (Trust(), Trust(use_gateway_time=True)):
        gateway = GatewayClock(quality=quality, trust=trust)
        for _ in range(2):
            found = gateway.read(shown(own, quality=Quality.SUSPECT), gas(own, clock))
            alone = gateway.read(gas(own, clock))
            at = {reading.at for reading in [*found.readings, *alone.readings]}
            assert all(abs(one - NOON) < DAY for one in at)
