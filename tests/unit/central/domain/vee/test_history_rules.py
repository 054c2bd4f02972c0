"""Rules that look at other days: a day that shows it, and one just inside that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.installation import Installation
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.metering.series import ReadingSeries
from central.domain.metering.service_point import PointChannel
from central.domain.metering.track import InstallationSegment
from central.domain.vee.channel_class import DEFAULT_POLICIES, default_class
from central.domain.vee.finding import Severity, VeeFinding
from central.domain.vee.history import ChannelHistory, PastDay, run_until
from central.domain.vee.validate import measure_day
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from tests.support.metering import LONG_AGO, boundaries, channel, intervals, one_meter, registers

MADRID = "Europe/Madrid"
DAY = date(2026, 10, 14)
ONE = timedelta(days=1)
EXPORT = Obis.parse("1-0:2.8.0*255")
REACTIVE = Obis.parse("1-0:3.8.0*255")


def series(values: Sequence[int]) -> ReadingSeries:
    """A register that advances so in each interval of the day, from zero."""
    edges = boundaries(DAY, MADRID, margin=0)
    total = [0, *np.cumsum(values).tolist()]
    return registers(dict(zip(edges, total, strict=True)))


def found(  # noqa: PLR0913 - what a rule may look at
    code: str,
    segments: Sequence[InstallationSegment],
    before: Sequence[PastDay] = (),
    *,
    of: PointChannel | None = None,
    beside: Mapping[Obis, PastDay] | None = None,
    is_vacant: bool = False,
) -> list[VeeFinding]:
    """What a rule finds in the day; empty also where it does not have to look."""
    counted = of or channel()
    policy = DEFAULT_POLICIES[default_class(counted)]
    judged = measure_day(counted, DAY, segments, is_vacant=is_vacant)
    history = ChannelHistory(before, beside or {})
    (rules,) = policy.screened([judged])
    findings = policy.judge(judged, rules, history)
    return [finding for finding in findings if finding.code == code]


def past(day: date, values: Sequence[int], quality: int = IntervalQuality.ACTUAL) -> PastDay:
    qualities = np.full(len(values), quality, dtype=np.uint8)
    numbers = np.array(values, dtype=np.int64)
    start = local_day(day, MADRID).start
    block = DayBlock(7, day, MADRID, start, 900, 0, Unit.WATT_HOUR, numbers, qualities)
    return PastDay.of(block)


def days_before(*values: Sequence[int]) -> list[PastDay]:
    """The days before, the last of them the day before."""
    first = DAY - len(values) * ONE
    return [past(first + number * ONE, day) for number, day in enumerate(values)]


USE = [100 + place % 7 for place in range(96)]
ZERO = [0] * 96


@pytest.mark.parametrize(("zeros", "count"), [(1, 0), (2, 1), (3, 0), (32, 1)])
def test_zero_days_are_named_once_a_run_and_again_after_a_month(zeros: int, count: int) -> None:
    findings = found("ZERO_DAYS", one_meter(series(ZERO)), days_before(USE, *[ZERO] * zeros))
    assert len(findings) == count
    assert all(one.severity is Severity.CRITICAL for one in findings)
    assert all(one.evidence["days"] == str(zeros + 1) for one in findings)


def test_zero_days_that_the_channel_had_before_are_not_named() -> None:
    holiday = days_before(*[ZERO] * 9, USE, *[ZERO] * 8)
    assert not found("ZERO_DAYS", one_meter(series(ZERO)), holiday)
    longer = days_before(*[ZERO] * 9, USE, *[ZERO] * 9)
    (finding,) = found("ZERO_DAYS", one_meter(series(ZERO)), longer)
    assert finding.evidence == {
        "days": "10",
        "longest_before": "9",
        "last_use": (DAY - 10 * ONE).isoformat(),
    }


def test_what_feeds_in_may_rest() -> None:
    fed_in = replace(channel(), obis=EXPORT)
    assert not found("ZERO_DAYS", one_meter(series(ZERO)), days_before(USE, ZERO, ZERO), of=fed_in)


def test_a_day_that_was_never_closed_ends_a_run() -> None:
    history = [past(DAY - 4 * ONE, ZERO), past(DAY - 3 * ONE, ZERO), past(DAY - ONE, ZERO)]
    run = run_until(DAY, history, lambda _: True)
    assert (run.length, run.longest) == (2, 2)


def spiked(highest: int) -> list[InstallationSegment]:
    return one_meter(series([*USE[:40], highest, *USE[41:]]))


def test_five_thousand_kilowatt_hours_at_a_point_without_capacity_are_held_by_two_rules() -> None:
    (over,) = found("SERVICE_CAPACITY", spiked(5_000_000))
    assert over.severity is Severity.CRITICAL
    assert over.evidence["capacity_of"] == "class"
    (spike,) = found("SPIKE", spiked(5_000_000), days_before(*[USE] * 7))
    assert spike.severity is Severity.CRITICAL
    assert spike.evidence["highest"] == "5000000"
    assert spike.interval.duration == timedelta(minutes=15)


def test_a_spike_is_above_the_floor_and_above_what_the_channel_knows() -> None:
    usual = days_before(*[USE] * 6, [*USE[:50], 2_000, *USE[51:]])
    assert found("SPIKE", spiked(3_001), usual)
    assert not found("SPIKE", spiked(3_000), usual)
    week = days_before(*[USE] * 7)
    assert found("SPIKE", spiked(2_501), week)
    assert not found("SPIKE", spiked(2_500), week)
    assert not found("SPIKE", spiked(2_501), week[1:])


def test_a_third_high_interval_makes_it_no_spike() -> None:
    week = days_before(*[USE] * 7)
    three = [3_000 if place in {40, 41, 42} else 100 for place in range(96)]
    assert not found("SPIKE", one_meter(series(three)), week)
    two = [3_000 if place in {40, 41} else 0 for place in range(96)]
    assert found("SPIKE", one_meter(series(two)), week)


def stepped(level: int) -> list[InstallationSegment]:
    return one_meter(series([*USE[:48], *[level] * 48]))


def test_a_step_to_a_level_that_the_channel_never_had_is_named() -> None:
    (finding,) = found("STEP_CHANGE", stepped(400), days_before(USE))
    assert finding.severity is Severity.WARNING
    assert finding.interval.duration == timedelta(hours=12)
    assert not found("STEP_CHANGE", stepped(318), days_before(USE))
    assert not found("STEP_CHANGE", stepped(400), days_before([400] * 96))
    back = [*USE[:40], *[400] * 20, *USE[60:]]
    assert not found("STEP_CHANGE", one_meter(series(back)), days_before(USE))


def test_a_day_far_above_all_others_is_named_where_enough_are_known() -> None:
    usual = days_before(*[[300] * 96] * 14)
    assert found("HIGH_USE", one_meter(series([601] * 96)), usual)
    assert not found("HIGH_USE", one_meter(series([600] * 96)), usual)
    assert not found("HIGH_USE", one_meter(series([601] * 96)), usual[1:])
    assert not found("HIGH_USE", one_meter(series([499] * 96)), days_before(*[[100] * 96] * 14))
    strong = channel(capacity_w=8_100)
    assert not found("HIGH_USE", one_meter(series([601] * 96)), usual, of=strong)


def own(values: Sequence[int]) -> ReadingSeries:
    """The day as a meter's own intervals."""
    return intervals(dict(zip(boundaries(DAY, MADRID, margin=0), values, strict=False)))


def test_own_intervals_that_stand_at_one_value_for_more_than_a_day_are_named() -> None:
    flat = [25] * 96
    assert not found("STANDING_STILL", one_meter(own(flat)), days_before(USE))
    (finding,) = found("STANDING_STILL", one_meter(own(flat)), days_before(USE, flat))
    assert finding.evidence["days"] == "2"
    assert not found("STANDING_STILL", one_meter(own(flat)), days_before(flat, flat, USE, flat))
    assert not found("STANDING_STILL", one_meter(own([*flat[:95], 26])), days_before(USE, flat))
    # A register that advances evenly says that it is so.
    assert not found("STANDING_STILL", one_meter(series(flat)), days_before(USE, flat))


def test_days_of_estimates_are_named_from_the_fifth_on() -> None:
    edges = boundaries(DAY, MADRID, margin=0)
    hourly = {at: 400 * place for place, at in enumerate(edges[::4])}
    guessed = [
        past(DAY - back * ONE, USE, IntervalQuality.ESTIMATED_BY_METER) for back in (4, 3, 2, 1)
    ]
    assert found("PROLONGED_ESTIMATION", one_meter(registers(hourly)), guessed)
    assert not found("PROLONGED_ESTIMATION", one_meter(registers(hourly)), guessed[1:])
    assert not found("PROLONGED_ESTIMATION", one_meter(series(USE)), guessed)


def silent(since: datetime) -> list[InstallationSegment]:
    return [InstallationSegment(Installation("ABC 1", since), ())]


def test_a_meter_that_was_never_heard_is_named_on_its_second_day() -> None:
    since = local_day(DAY - ONE, MADRID).start
    nothing = past(DAY - ONE, [NULL] * 96, IntervalQuality.MISSING)
    (finding,) = found("FIRST_READ_MISSING", silent(since), [nothing])
    assert finding.evidence["meter"] == "ABC 1"
    assert not found("FIRST_READ_MISSING", silent(since), [])
    heard = past(DAY - 2 * ONE, USE)
    assert not found("FIRST_READ_MISSING", silent(since), [heard, nothing])
    # What is silent for longer than history knows may have been heard before.
    assert not found("FIRST_READ_MISSING", silent(LONG_AGO), [nothing])


def test_energy_at_a_point_that_all_have_left_is_named() -> None:
    assert found("INACTIVE_POINT", one_meter(series([11] * 96)), is_vacant=True)
    assert not found("INACTIVE_POINT", one_meter(series([10] * 96)), is_vacant=True)
    assert not found("INACTIVE_POINT", one_meter(series([11] * 96)))


def test_reactive_energy_without_active_energy_is_named() -> None:
    counted = replace(channel(), obis=REACTIVE, unit=Unit.VAR_HOUR)
    kvarh = replace(series([13] * 96), unit=Unit.VAR_HOUR)
    alone = {ACTIVE_IMPORT: past(DAY, ZERO)}
    assert found("REACTIVE_ALONE", one_meter(kvarh), of=counted, beside=alone)
    with_use = {ACTIVE_IMPORT: past(DAY, USE)}
    assert not found("REACTIVE_ALONE", one_meter(kvarh), of=counted, beside=with_use)
    # What is not closed yet says nothing.
    assert not found("REACTIVE_ALONE", one_meter(kvarh), of=counted)


@pytest.mark.parametrize(
    ("more", "ratio", "code"),
    [(2, "1", None), (3, "1", "SUM_CHECK"), (3, "80", "SUM_CHECK")],
)
def test_intervals_sum_to_the_register_within_two_steps(
    more: int, ratio: str, code: str | None
) -> None:
    meter = Installation("ABC 1", LONG_AGO)
    meter = replace(meter, multiplier=type(meter.multiplier)(Fraction(ratio)))
    register = series([*USE[:95], USE[95] + more])
    segments = one_meter(own(USE), register, installation=meter)
    codes = [
        one.code for name in ("SUM_CHECK", "MULTIPLIER_MISMATCH") for one in found(name, segments)
    ]
    assert codes == ([] if code is None else [code])


def test_a_source_that_has_the_multiplier_already_is_named_so() -> None:
    meter = Installation("ABC 1", LONG_AGO)
    meter = replace(meter, multiplier=type(meter.multiplier)(Fraction(80)))
    multiplied = own([value * 80 for value in USE])
    segments = one_meter(multiplied, series(USE), installation=meter)
    (finding,) = found("MULTIPLIER_MISMATCH", segments)
    assert finding.evidence["multiplier"] == "80"
    assert not found("SUM_CHECK", segments)


def test_where_one_source_does_not_say_all_of_the_day_nothing_is_compared() -> None:
    short = own(USE[:95])
    register = series([*USE[:95], USE[95] + 50])
    assert not found("SUM_CHECK", one_meter(short, register))
    late = registers({at + 1: 0 for at in boundaries(DAY, MADRID, margin=0)[-1:]})
    assert not found("SUM_CHECK", one_meter(own(USE), late))
