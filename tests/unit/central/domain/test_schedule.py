"""When a job is due: by local time, through clock changes, daily and once a month."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from central.domain.schedule import JobSchedule, Occurrence
from firmware_bridge.contract.errors import InvalidValueError

MADRID = "Europe/Madrid"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-10-01T12:00", date(2026, 10, 1)),
        ("2026-10-02T01:59", date(2026, 10, 1)),
        ("2026-10-02T02:00", date(2026, 10, 2)),
    ],
)
def test_a_daily_one_comes_due_at_its_time(now: str, night: date) -> None:
    assert JobSchedule("job", "job", time(2)).night(at(now), "UTC") == night


@pytest.mark.parametrize(
    ("zone", "now", "night"),
    [
        (MADRID, "2026-10-01T23:00", date(2026, 10, 2)),
        (MADRID, "2026-10-01T22:59", date(2026, 10, 1)),
        ("Pacific/Auckland", "2026-10-01T12:00", date(2026, 10, 2)),
        ("America/Bogota", "2026-10-02T05:59", date(2026, 10, 1)),
        ("America/Bogota", "2026-10-02T06:00", date(2026, 10, 2)),
    ],
)
def test_its_time_is_local(zone: str, now: str, night: date) -> None:
    assert JobSchedule("job", "job", time(1), None).night(at(now), zone) == night


def test_a_time_that_clocks_skip_comes_when_they_have_skipped_it_and_one_that_doubles_once() -> (
    None
):
    spring = JobSchedule("job", "job", time(2, 30), MADRID)
    assert spring.came_due(date(2026, 3, 29), MADRID) == at("2026-03-29T01:00")
    assert spring.next_at(at("2026-03-28T12:00"), MADRID) == at("2026-03-29T01:00")
    due = {spring.night(at("2026-10-24T20:00") + timedelta(minutes=n), MADRID) for n in range(720)}
    assert due == {date(2026, 10, 24), date(2026, 10, 25)}


@pytest.mark.parametrize(
    ("now", "night", "following"),
    [
        ("2026-11-03T04:00", date(2026, 11, 3), "2026-12-03T04:00"),
        ("2026-11-03T03:59", date(2026, 10, 3), "2026-11-03T04:00"),
        ("2027-01-01T00:00", date(2026, 12, 3), "2027-01-03T04:00"),
    ],
)
def test_a_monthly_one_comes_on_its_day(now: str, night: date, following: str) -> None:
    schedule = JobSchedule("north", "bill_run", time(4), day=3)
    assert schedule.night(at(now), "UTC") == night
    assert schedule.next_at(at(now), "UTC") == at(following)


@pytest.mark.parametrize("day", [0, 29])
def test_a_day_that_some_month_lacks_is_refused(day: int) -> None:
    with pytest.raises(InvalidValueError, match="write 1 to 28"):
        JobSchedule("north", "bill_run", time(4), day=day)


def test_an_occurrence_in_each_zone_has_its_own_name() -> None:
    each, one = (
        JobSchedule("close", "close", time(1), None),
        JobSchedule("run", "run", time(1), MADRID),
    )
    night = date(2026, 10, 1)
    assert Occurrence(each, MADRID, night).key == "close@Europe/Madrid"
    assert Occurrence(one, MADRID, night).key == "run"
