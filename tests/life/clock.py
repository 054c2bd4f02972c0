"""The days on which the clock of a life stops."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.life.events import Life

_DAY = timedelta(days=1)
_QUIET = 7


def steps(life: Life) -> list[date]:
    """Days on which the clock stops: eventful days, weeks of clock change, firsts of months.

    Between them at most seven days turn in one step.
    """
    zones = {event.said["zone"] for event in life.events if event.kind == "point"}
    single = {event.day for event in life.events} | {life.first, life.end}
    single |= {
        date.fromisoformat(event.said[name])
        for event in life.events
        for name in ("found", "until")
        if name in event.said
    }
    days = [life.first + _DAY * number for number in range((life.end - life.first).days + 1)]
    for day in days:
        if day.day == 1:
            single.add(day)
        for zone in zones:
            if _offset(day, zone) != _offset(day + _DAY, zone):
                single |= {day + _DAY * near for near in (-1, 0, 1, 2)}
    found: list[date] = []
    for day in days:
        if day in single or (found and (day - found[-1]).days >= _QUIET):
            found.append(day)
    return found


def _offset(day: date, zone: str) -> timedelta | None:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).utcoffset()


def end_of_cycle(cycle: str) -> date:
    """The day after the last of a cycle's month."""
    year, month = map(int, cycle.partition("@")[0].split("-"))
    return date(year + month // 12, month % 12 + 1, 1)
