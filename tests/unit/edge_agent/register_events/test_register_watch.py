"""What a register's readings show, one against the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.register_events.state_machine import (
    A_DAY,
    TRANSITIONS,
    ReadingChange,
    RegisterLimits,
    RegisterState,
    RegisterWatch,
    counts_up,
)
from firmware_bridge.contract.event import ABOUT_CLOCKS, EventKind, MeterEvent, Nameplate
from firmware_bridge.contract.obis import ACTIVE_IMPORT, ACTIVE_POWER_IMPORT, GAS_VOLUME, Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, TimeQuality

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
PLATE = Nameplate("EAS", "1")
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
MODULUS = Quantity(10**8, 0, Unit.WATT_HOUR)


def readings(*values: int, channel: Channel = CHANNEL) -> list[Reading]:
    return [Reading(channel, START + i * QUARTER, value, 0) for i, value in enumerate(values)]


def seen(watch: RegisterWatch, *given: Reading) -> list[MeterEvent]:
    events: list[MeterEvent] = []
    for reading in given:
        judgement = watch.judge([reading])
        watch.commit(judgement)
        events += judgement.events
    return events


def kinds(
    *values: int, capacity_w: int | None = None, modulus: Quantity | None = None
) -> list[str]:
    watch = RegisterWatch()
    watch.learn(PLATE, ACTIVE_IMPORT, RegisterLimits(modulus, capacity_w))
    return [
        f"{event.kind.name} {event.before and event.before.mantissa}>{event.after.mantissa}"
        for event in seen(watch, *readings(*values))
    ]


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ((100, 100, 150, 900), []),
        ((0, 0, 5), []),
        ((100, 0, 100, 110), ["ZERO_GLITCH 100>100"]),
        ((100, 0, 130), ["ZERO_GLITCH 100>130"]),
        ((100, 0, 0, 3), ["RESET 100>0"]),
        ((100, 0, 7, 9), ["RESET 100>7"]),
        ((100, 90, 95), ["BACKWARD 100>90"]),
        ((100, 90, 0, 90), ["BACKWARD 100>90", "ZERO_GLITCH 90>90"]),
        ((-5, -9), ["BACKWARD -5>-9"]),
    ],
)
def test_what_is_no_counting_up_has_a_name(values: tuple[int, ...], events: list[str]) -> None:
    assert kinds(*values) == events


def test_a_rollover_is_proven_by_the_digits_and_the_capacity() -> None:
    before, after = 99_999_000, 500
    # 1,500 Wh in a quarter of an hour is 6 kW.
    assert kinds(before, after, modulus=MODULUS, capacity_w=5_455) == ["ROLLOVER 99999000>500"]
    assert kinds(before, after, modulus=MODULUS, capacity_w=5_454) == ["RESET 99999000>500"]
    assert kinds(before, after, modulus=MODULUS, capacity_w=1_000) == ["BACKWARD 99999000>500"]
    assert kinds(before, after, modulus=MODULUS) == ["BACKWARD 99999000>500"]
    assert kinds(before, after, capacity_w=10_000) == ["RESET 99999000>500"]
    assert kinds(before, 0, 4, modulus=MODULUS, capacity_w=10_000) == ["ROLLOVER 99999000>0"]


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ((100_000, 101_000, 102_000), []),  # 4 kW, and a display that steps by a kilowatt-hour
        ((100_000, 101_000, 1_010_000), ["LEAP 101000>1010000"]),
        ((100_000, 0, 1_000_000), ["LEAP 100000>1000000"]),
        # Of 10 kW 2,750 Wh in a quarter of an hour, with the margin; and what no step explains.
        ((100_000, 122_750, 145_501), ["LEAP 122750>145501"]),
    ],
)
def test_a_rise_beyond_the_capacity_is_a_leap(values: tuple[int, ...], events: list[str]) -> None:
    assert kinds(*values, capacity_w=10_000) == events
    assert not [event for event in kinds(*values) if event.startswith("LEAP")]


def test_a_leap_is_not_proven_where_a_time_is_not_known_or_nothing_flows() -> None:
    watch = RegisterWatch()
    watch.learn(PLATE, ACTIVE_IMPORT, RegisterLimits(None, 10_000))
    watch.learn(PLATE, GAS_VOLUME, RegisterLimits(None, 10_000))
    first, second = readings(100, 10_000_000)
    vague = replace(first, time_quality=TimeQuality.UNSYNCHRONISED, span_ms=5_000)
    assert not seen(watch, vague, second)
    gas = replace(CHANNEL, obis=GAS_VOLUME, unit=Unit.LITRE)
    assert not seen(watch, *readings(100, 10_000_000, channel=gas))


def test_a_rollover_is_not_proven_where_a_time_is_not_known() -> None:
    watch = RegisterWatch()
    watch.learn(PLATE, ACTIVE_IMPORT, RegisterLimits(MODULUS, 10_000))
    first, second = readings(99_999_000, 500)
    vague = replace(first, time_quality=TimeQuality.UNSYNCHRONISED, span_ms=5_000)
    (event,) = seen(watch, vague, second)
    assert event.kind is EventKind.BACKWARD


def test_zeros_that_last_are_a_reset_whatever_the_period() -> None:
    watch = RegisterWatch()
    quick = replace(CHANNEL, period_s=60)
    values = [100, *[0] * 12]
    (event,) = seen(watch, *readings(*values, channel=quick))
    assert event.kind is EventKind.RESET
    assert event.after.at == START + 11 * QUARTER  # ten minutes of zeros, by their period


def test_an_exchange_names_the_device_before_and_both_reads() -> None:
    watch = RegisterWatch()
    seen(watch, *readings(900, 950))
    successor = replace(CHANNEL, serial="2")
    reading = Reading(successor, START + 2 * QUARTER, 5, 0)
    judgement = watch.judge([reading], {Nameplate("EAS", "2"): PLATE})
    (event,) = judgement.events
    assert (event.kind, event.replaced) == (EventKind.EXCHANGE, PLATE)
    assert event.before is not None
    assert (event.before.mantissa, event.after.mantissa) == (950, 5)
    watch.commit(judgement)
    assert not seen(watch, Reading(successor, START + 3 * QUARTER, 9, 0))


def test_what_was_not_committed_is_not_remembered() -> None:
    watch = RegisterWatch()
    seen(watch, *readings(100))
    lower = readings(100, 90)[1]
    assert watch.judge([lower]).events == watch.judge([lower]).events != ()
    assert not seen(watch, readings(100, 105)[1])


def test_another_resolution_is_no_backward_step() -> None:
    watch = RegisterWatch()
    assert not seen(
        watch,
        Reading(CHANNEL, START, 13_107_199, 1),
        Reading(CHANNEL, START + QUARTER, 1_310_719, 2),
    )
    (event,) = seen(watch, Reading(CHANNEL, START + 2 * QUARTER, 131_070, 3))
    assert event.kind is EventKind.BACKWARD


def test_a_late_reading_with_the_meters_own_time_is_not_compared() -> None:
    watch = RegisterWatch()
    profile = replace(CHANNEL, source=Source.PROFILE)
    newer, older = readings(50, 40, channel=profile)
    late = replace(older, at=START - QUARTER, time_quality=TimeQuality.METER)
    assert not seen(watch, newer, late)
    stepped = replace(readings(40)[0], at=START - QUARTER)
    (event,) = seen(watch, readings(50)[0], stepped)
    assert event.kind is EventKind.BACKWARD


def test_a_register_that_flaps_all_day_does_not_flood_the_line() -> None:
    watch = RegisterWatch()
    told = withheld = 0
    for minute in range(60):
        pair = [
            Reading(CHANNEL, START + timedelta(minutes=minute), value, 0) for value in (100, 90)
        ]
        judgement = watch.judge(pair)
        watch.commit(judgement)
        told, withheld = told + len(judgement.events), withheld + judgement.withheld
    assert (told, withheld) == (A_DAY, 60 - A_DAY)
    tomorrow = [Reading(CHANNEL, START + timedelta(days=1), value, 0) for value in (100, 90)]
    assert len(watch.judge(tomorrow).events) == 1


@pytest.mark.parametrize(
    ("obis", "unit", "yes"),
    [
        ("1-0:1.8.0", Unit.WATT_HOUR, True),
        ("1-0:1.8.2", Unit.WATT_HOUR, True),
        ("0-1:24.2.1", Unit.LITRE, True),
        ("1-0:16.8.0", Unit.WATT_HOUR, False),
        ("1-0:36.8.0", Unit.WATT_HOUR, False),
        ("1-0:1.29.0", Unit.WATT_HOUR, False),
        ("1-0:1.8.0*3", Unit.WATT_HOUR, False),
        ("1-0:1.7.0", Unit.WATT, False),
    ],
)
def test_only_what_counts_up_for_ever_is_watched(obis: str, unit: Unit, yes: bool) -> None:  # noqa: FBT001 - a case
    assert counts_up(replace(CHANNEL, obis=Obis.parse(obis), unit=unit)) is yes


def test_intervals_and_power_are_not_watched() -> None:
    assert counts_up(replace(CHANNEL, obis=GAS_VOLUME, unit=Unit.LITRE))
    assert not counts_up(replace(CHANNEL, kind=Kind.INTERVAL))
    power = replace(CHANNEL, obis=ACTIVE_POWER_IMPORT, unit=Unit.WATT)
    assert not seen(RegisterWatch(), *readings(500, 0, 20, channel=power))


def test_every_sight_of_every_state_that_can_be_has_its_row() -> None:
    assert {state for state, _ in TRANSITIONS} == set(RegisterState)
    assert {sight for _, sight in TRANSITIONS} == set(ReadingChange)
    assert {kind for _, kind in TRANSITIONS.values() if kind is not None} == set(
        EventKind
    ) - ABOUT_CLOCKS
