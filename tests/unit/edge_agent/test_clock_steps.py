from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.clock import ClockSource, StepWatch, SystemClock, kernel_is_synchronised
from edge_agent.timetable import Beat
from firmware_bridge.contract.reading import TimeQuality

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_boundaries_come_once_each() -> None:
    beat = Beat(900, NOON + SECOND)
    assert beat.following == NOON + timedelta(minutes=15)
    assert beat.take(NOON + timedelta(minutes=14)) is None
    at = NOON + timedelta(minutes=15)
    assert beat.take(at) == at
    assert beat.take(at) is None


def test_a_small_step_back_does_not_repeat_a_boundary() -> None:
    beat = Beat(900, NOON - SECOND)
    assert beat.take(NOON) == NOON
    beat.jump(-2 * SECOND, NOON - SECOND)
    assert beat.take(NOON) is None
    assert beat.following == NOON + timedelta(minutes=15)


def test_a_small_step_forward_does_not_skip_a_boundary() -> None:
    beat = Beat(900, NOON - 10 * SECOND)
    beat.jump(20 * SECOND, NOON + 10 * SECOND)
    assert beat.take(NOON + 10 * SECOND) == NOON


@pytest.mark.parametrize("hours", [-3, 2, 24 * 365 * 56])
def test_a_large_step_starts_a_new_count_and_waits_less_than_a_period(hours: int) -> None:
    start = datetime(1990, 1, 1, 0, 5, tzinfo=UTC)
    beat = Beat(900, start)
    after = start + timedelta(hours=hours)
    beat.jump(timedelta(hours=hours), after)
    assert beat.take(after) is None
    assert 0 < beat.wait_s(after) <= 900


def test_a_stall_takes_only_the_latest_boundary() -> None:
    beat = Beat(900, NOON - SECOND)
    assert beat.take(NOON + timedelta(minutes=50)) == NOON + timedelta(minutes=45)
    assert beat.following == NOON + timedelta(minutes=60)


def test_steps_are_told_from_slewing() -> None:
    watch = StepWatch(NOON, 0.0)
    assert watch.observe(NOON + timedelta(seconds=1000.4), 1000.0) is None
    assert watch.observe(NOON + timedelta(seconds=1012.4), 1010.0) == timedelta(seconds=2)
    assert watch.observe(NOON + timedelta(seconds=1013.4), 1011.0) is None
    assert watch.observe(datetime(1970, 1, 1, tzinfo=UTC), 1012.0) is not None


def test_the_kernel_or_a_person_vouches_for_the_clock() -> None:
    trusted = SystemClock(ClockSource.TRUSTED)
    assert trusted.quality() is TimeQuality.SYNCHRONISED
    asked = SystemClock(ClockSource.KERNEL).quality()
    if kernel_is_synchronised():
        assert asked is TimeQuality.SYNCHRONISED
    else:
        assert asked is TimeQuality.UNSYNCHRONISED
        known = SystemClock(ClockSource.KERNEL, was_synchronised=True)
        assert known.quality() is TimeQuality.HOLDOVER
    assert trusted.monotonic() > 0
    assert len(trusted.boot) == 36
