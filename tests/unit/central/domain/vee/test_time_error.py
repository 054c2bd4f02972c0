from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from central.domain.metering.clock_error import ClockError
from central.domain.metering.installation import Installation
from central.domain.vee.day import DayReadings, Thresholds
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import NO_HISTORY
from central.domain.vee.policy import DEFAULT_POLICY, Policy
from central.domain.vee.policy_document import VEE_SCHEMA, class_policy
from central.domain.vee.regular import regular_days
from central.domain.vee.validate import validate_day
from firmware_bridge.contract.reading import Quality, TimeQuality, from_ms
from tests.support.metering import LONG_AGO, boundaries, channel, counting, one_meter, registers

DAY = date(2026, 10, 14)
GRID = boundaries(DAY, "Europe/Madrid")
START, END = from_ms(GRID[8]), from_ms(GRID[-9])
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOON = START + 12 * HOUR


def found(
    *errors: ClockError, dated_by: TimeQuality = TimeQuality.METER, policy: Policy = DEFAULT_POLICY
) -> list[VeeFinding]:
    marks = dict.fromkeys(GRID, (Quality.ACTUAL, dated_by))
    (segment,) = one_meter(
        registers(counting(GRID), marks=marks), installation=Installation("MTL/A1", LONG_AGO)
    )
    segment = replace(segment, clock_errors=errors)
    judged = validate_day(channel(), DAY, [segment], policy=policy)
    # It is the same where the day is judged beside others.
    (regular,) = regular_days([DayReadings(channel(), DAY, [segment])], Thresholds()).values()
    (rules,) = policy.screened([regular])
    assert policy.judge(regular, rules, NO_HISTORY) == judged.findings
    return [one for one in judged.findings if one.code == "TIME_ERROR"]


def test_what_a_wrong_clock_dated_holds_the_bill_and_says_how_far_it_was_off() -> None:
    (one,) = found(ClockError(NOON, -10 * MINUTE, NOON + HOUR))
    # The quarter at 11:50 by the meter's clock was a quarter at noon.
    assert one.interval.start == NOON
    assert one.severity == "critical"
    assert one.evidence == {
        "meter": "MTL/A1",
        "readings": "4",
        "offset_s": "-600",
        "seen_at": NOON.isoformat(),
        "until": (NOON + HOUR).isoformat(),
    }


@pytest.mark.parametrize(
    ("offset", "count"),
    [
        (timedelta(minutes=3), 0),
        (timedelta(minutes=3, seconds=1), 1),
        (-timedelta(minutes=3), 0),
        (-timedelta(minutes=3, seconds=1), 1),
        (None, 1),
    ],
)
def test_it_begins_just_beyond_the_threshold(offset: timedelta | None, count: int) -> None:
    assert len(found(ClockError(NOON, offset, NOON + HOUR))) == count


def test_a_policy_of_the_class_says_how_far_a_clock_may_be_off() -> None:
    policy = class_policy("electricity", (VEE_SCHEMA.parse("thresholds: {time_error: 15min}"),))
    assert found(ClockError(NOON, 15 * MINUTE), policy=policy) == []
    assert len(found(ClockError(NOON, 16 * MINUTE), policy=policy)) == 1


@pytest.mark.parametrize("by", [TimeQuality.SYNCHRONISED, TimeQuality.HOLDOVER])
def test_readings_that_the_gateway_dated_are_right_whatever_the_meter_shows(
    by: TimeQuality,
) -> None:
    assert found(ClockError(LONG_AGO, 5 * HOUR), dated_by=by) == []


@pytest.mark.parametrize(
    ("error", "count"),
    [
        # Before the day, and after it.
        (ClockError(START - 5 * HOUR, HOUR, START - 2 * HOUR), 0),
        (ClockError(END + 2 * HOUR, -HOUR, END + 3 * HOUR), 0),
        # It ended the evening before; what was recorded until then stands in the first hours.
        (ClockError(START - 5 * HOUR, 2 * HOUR, START), 8),
        # Behind by two hours: what was seen at 01:00 was recorded from 23:00 on of the day before.
        (ClockError(END + HOUR, -2 * HOUR, None), 4),
        # Still wrong, and all day.
        (ClockError(START - 5 * HOUR, 2 * HOUR, None), 96),
        (ClockError(START - 5 * HOUR, None, None), 96),
        # Nobody can say when: by a clock at the end of time.
        (ClockError(NOON, datetime.max.replace(tzinfo=UTC) - NOON, None), 48),
    ],
)
def test_readings_count_that_either_clock_puts_into_the_time(error: ClockError, count: int) -> None:
    counts = [int(one.evidence["readings"]) for one in found(error)]
    assert counts == ([count] if count else [])


def test_several_stretches_are_one_finding_of_the_worst() -> None:
    errors = (
        ClockError(START + HOUR, 4 * MINUTE, START + 2 * HOUR),
        ClockError(START + 5 * HOUR, -20 * MINUTE, START + 6 * HOUR),
    )
    (one,) = found(*errors)
    assert one.evidence["offset_s"] == "-1200"
    assert one.interval.start == START + HOUR


def test_what_is_seen_on_a_later_day_changes_no_finding_that_somebody_may_have_accepted() -> None:
    error = ClockError(NOON, -10 * MINUTE)
    (before,) = found(error)
    for until in (END, END + 30 * HOUR):
        (after,) = found(replace(error, until=until))
        assert after == before
