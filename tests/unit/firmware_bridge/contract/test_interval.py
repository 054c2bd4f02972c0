"""Intervals and local days."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import (
    Interval,
    day_start,
    expected_count,
    floor_boundary,
    local_day,
    next_boundary,
)


@pytest.mark.parametrize(
    ("day", "zone", "quarter_hours"),
    [
        (date(2026, 10, 24), "Europe/Madrid", 96),
        (date(2026, 10, 25), "Europe/Madrid", 100),
        (date(2026, 3, 29), "Europe/Madrid", 92),
        (date(2024, 10, 6), "Australia/Lord_Howe", 94),
        (date(2025, 4, 6), "Australia/Lord_Howe", 98),
        (date(2024, 9, 8), "America/Santiago", 92),
        (date(2024, 4, 6), "America/Santiago", 100),
        (date(2024, 3, 31), "Asia/Beirut", 92),
        (date(2024, 11, 3), "America/Havana", 100),
        (date(2026, 10, 25), "Asia/Kathmandu", 96),
    ],
)
def test_local_day_has_the_quarter_hours_of_its_zone(
    day: date, zone: str, quarter_hours: int
) -> None:
    assert expected_count(local_day(day, zone), 900) == quarter_hours


def test_day_starts_after_the_gap_where_midnight_does_not_exist() -> None:
    assert day_start(date(2024, 9, 8), "America/Santiago") == datetime(2024, 9, 8, 4, tzinfo=UTC)


def test_day_starts_at_the_earlier_midnight_where_it_comes_twice() -> None:
    assert day_start(date(2024, 11, 3), "America/Havana") == datetime(2024, 11, 3, 4, tzinfo=UTC)


def test_day_that_a_zone_skipped_is_empty() -> None:
    assert local_day(date(2011, 12, 30), "Pacific/Apia").duration == timedelta(0)


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="not an IANA time zone"):
        local_day(date(2026, 1, 1), "Europe/Atlantis")


def test_naive_bounds_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="no time zone"):
        Interval(datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001 - the point of it


def test_reversed_bounds_are_refused() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidValueError, match="before it starts"):
        Interval(now, now - timedelta(seconds=1))


def test_interval_is_half_open() -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    interval = Interval(start, end)
    assert start in interval
    assert end not in interval


def test_touching_intervals_do_not_overlap() -> None:
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    assert Interval(times[0], times[1]).overlap(Interval(times[1], times[2])) is None


def test_split_refuses_a_period_that_does_not_fill() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    interval = Interval(start, start + timedelta(minutes=50))
    with pytest.raises(InvalidValueError, match="not a whole number"):
        list(interval.split(timedelta(minutes=15)))


def test_boundary_is_aligned_to_utc() -> None:
    instant = datetime(2026, 1, 1, 12, 7, 30, tzinfo=UTC)
    assert floor_boundary(instant, 900) == datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert next_boundary(instant, 900) == datetime(2026, 1, 1, 12, 15, tzinfo=UTC)


def test_next_boundary_moves_on_from_a_boundary() -> None:
    instant = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert next_boundary(instant, 900) == instant + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 10, 23), 24), (date(2026, 10, 24), 25), (date(2026, 3, 28), 23)],
)
def test_a_gas_day_has_the_hour_of_the_night_after_its_date(day: date, hours: int) -> None:
    gas_day = local_day(day, "Europe/Madrid", time(6))
    assert gas_day.duration == timedelta(hours=hours)


def test_a_start_of_day_that_clocks_skip_or_repeat_is_the_first_instant_after_or_of_it() -> None:
    half_past_two = time(2, 30)
    assert day_start(date(2026, 3, 29), "Europe/Madrid", half_past_two) == datetime(
        2026, 3, 29, 1, tzinfo=UTC
    )
    assert day_start(date(2026, 10, 25), "Europe/Madrid", half_past_two) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )
