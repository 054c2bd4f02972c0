from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.clock import (
    ClockSource,
    SteadyClock,
    StepWatch,
    SystemClock,
)
from edge_agent.polling.recorder import (
    BOOT_MARK,
    SYNCED_MARK,
    SYNCED_SINCE_BOOT_MARK,
    anchor_of,
    boot_number,
)
from edge_agent.polling.schedule import PeriodTimer, Timetable
from firmware_bridge.contract.reading import TimeQuality, to_ms
from firmware_bridge.kernel_clock import kernel_is_synchronised
from tests.support.edge_clock import HandClock

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_boundaries_come_once_each() -> None:
    beat = PeriodTimer(900, NOON + SECOND)
    assert beat.following == NOON + timedelta(minutes=15)
    assert beat.take(NOON + timedelta(minutes=14)) is None
    at = NOON + timedelta(minutes=15)
    assert beat.take(at) == at
    assert beat.take(at) is None


def test_a_small_step_back_does_not_repeat_a_boundary() -> None:
    beat = PeriodTimer(900, NOON - SECOND)
    assert beat.take(NOON) == NOON
    beat.jump(-2 * SECOND, NOON - SECOND)
    assert beat.take(NOON) is None
    assert beat.following == NOON + timedelta(minutes=15)


def test_a_small_step_forward_does_not_skip_a_boundary() -> None:
    beat = PeriodTimer(900, NOON - 10 * SECOND)
    beat.jump(20 * SECOND, NOON + 10 * SECOND)
    assert beat.take(NOON + 10 * SECOND) == NOON


@pytest.mark.parametrize("hours", [-3, 2, 24 * 365 * 56])
def test_a_large_step_starts_a_new_count_and_waits_less_than_a_period(hours: int) -> None:
    start = datetime(1990, 1, 1, 0, 5, tzinfo=UTC)
    beat = PeriodTimer(900, start)
    after = start + timedelta(hours=hours)
    beat.jump(timedelta(hours=hours), after)
    assert beat.take(after) is None
    assert 0 < beat.wait_s(after) <= 900


def test_a_stall_takes_only_the_latest_boundary() -> None:
    beat = PeriodTimer(900, NOON - SECOND)
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


def test_a_new_period_counts_from_the_last_look_so_that_a_change_skips_nothing() -> None:
    table = Timetable(NOON - SECOND, 0.0)
    assert table.poll(NOON - SECOND, 0.0, {900}) == ({}, None)
    # The meter's period changed just after noon came, before anybody looked.
    assert table.poll(NOON + SECOND, 2.0, {300}) == ({300: NOON}, None)
    five = NOON + timedelta(minutes=5)
    assert table.poll(five, 301.0, {300, 900}) == ({300: five}, None)
    quarter = NOON + timedelta(minutes=15)
    assert table.poll(quarter, 901.0, {900}) == ({900: quarter}, None)
    assert table.poll(quarter, 901.0, {300, 900}) == ({}, None)


def test_what_a_period_out_of_use_missed_is_not_made_up_for() -> None:
    table = Timetable(NOON, 0.0)
    table.poll(NOON, 0.0, {900})
    table.poll(NOON + timedelta(minutes=31), 1860.0, set())
    assert table.poll(NOON + timedelta(minutes=32), 1920.0, {900}) == ({}, None)
    assert table.wait_s(NOON + timedelta(minutes=44, seconds=59), 2.0) == 1.0
    assert table.wait_s(NOON + timedelta(minutes=32), 2.0) == 2.0


def test_nobody_sets_a_clock_that_was_right_until_it_is_right_again() -> None:
    raw = HandClock(now=NOON, known=TimeQuality.UNSYNCHRONISED)
    clock = SteadyClock(raw)
    assert clock.quality() is TimeQuality.UNSYNCHRONISED
    raw.now = NOON + timedelta(days=1)
    assert clock.wall() == raw.now
    raw.known = TimeQuality.SYNCHRONISED
    assert clock.quality() is TimeQuality.SYNCHRONISED
    raw.turn(60)
    raw.now, raw.known = datetime(1970, 1, 1, tzinfo=UTC), TimeQuality.UNSYNCHRONISED
    assert clock.quality() is TimeQuality.HOLDOVER
    assert clock.wall() == NOON + timedelta(days=1, seconds=60)
    raw.turn(10)
    assert clock.wall() == NOON + timedelta(days=1, seconds=70)
    raw.now, raw.known = NOON + timedelta(days=2), TimeQuality.SYNCHRONISED
    assert clock.wall() == NOON + timedelta(days=2)


def test_a_process_that_starts_later_in_the_boot_knows_the_time_too() -> None:
    raw = HandClock(now=datetime(1970, 1, 1, tzinfo=UTC), known=TimeQuality.UNSYNCHRONISED)
    marks = {
        BOOT_MARK: boot_number(raw.boot),
        SYNCED_MARK: to_ms(NOON),
        SYNCED_SINCE_BOOT_MARK: 400_000,
    }
    clock = SteadyClock(raw, anchor_of(marks, raw.boot))
    assert clock.quality() is TimeQuality.HOLDOVER
    assert clock.wall() == NOON + timedelta(seconds=600)
    assert anchor_of(marks, "boot-2") is None
    assert anchor_of({}, raw.boot) is None
