"""Ranges of local days, and the segments a bill is cut into."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache

from central.domain.tariff.calendar import season_on
from central.domain.tariff.version import TariffVersion, version_on
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import MIDNIGHT, Interval, day_start

_DAY = timedelta(days=1)


@lru_cache(maxsize=4096)
def _days(first: date, count: int) -> tuple[date, ...]:
    return tuple(first + timedelta(days=number) for number in range(count))


@dataclass(frozen=True, slots=True, order=True)
class DayRange:
    """Local days from `first`, included, to `end`, excluded.

    Args:
        first: First day.
        end: The day after the last.

    Raises:
        InvalidValueError: There is no day in it.
    """

    first: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.first:
            message = f"The period from {self.first} to {self.end} has no day."
            raise InvalidValueError(message, value=(self.first, self.end))

    @property
    def count(self) -> int:
        """Number of days."""
        return (self.end - self.first).days

    @property
    def last(self) -> date:
        """Last day."""
        return self.end - timedelta(days=1)

    def days(self) -> tuple[date, ...]:
        """The days, ascending."""
        return _days(self.first, self.count)

    def interval(self, zone: str, at: time = MIDNIGHT) -> Interval:
        """From the first instant of the first day to that of `end`, in UTC.

        Args:
            zone: Where the days are cut.
            at: When they begin.
        """
        return Interval(day_start(self.first, zone, at), day_start(self.end, zone, at))

    def within(self, other: DayRange) -> DayRange | None:
        """The days that both ranges hold, None where there is none."""
        first, end = max(self.first, other.first), min(self.end, other.end)
        return DayRange(first, end) if first < end else None


def days_of(days: Sequence[date]) -> tuple[DayRange, ...]:
    """Days end to end.

    Args:
        days: Local, ascending; none twice.
    """
    if days and (days[-1] - days[0]).days + 1 == len(days):
        return (DayRange(days[0], days[-1] + _DAY),)
    ranges: list[DayRange] = []
    for day in days:
        first = ranges.pop().first if ranges and ranges[-1].end == day else day
        ranges.append(DayRange(first, day + _DAY))
    return tuple(ranges)


def months_after(day: date, months: int) -> date:
    """The same day some months later, or the last of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


@dataclass(frozen=True, slots=True)
class Segment:
    """Days of one bill under one tariff version and one season.

    Args:
        number: From 0.
        days: Its local days.
        version: The version in force.
        season: Season name, "" where the tariff has none.
    """

    number: int
    days: DayRange
    version: TariffVersion
    season: str


def cut(
    days: DayRange, versions: Sequence[TariffVersion], borders: Collection[date] = ()
) -> tuple[Segment, ...]:
    """Cut a bill's days where the version or the season changes, and at other borders.

    Args:
        days: Local days billed.
        versions: As `ordered` gives them.
        borders: Days that begin a segment as well.

    Raises:
        NoTariffVersionError: A day lies before the first version.
    """
    segments: list[Segment] = []
    first, key = days.first, None
    for day in days.days():
        version = version_on(versions, day)
        now = (version, season_on(version.document.calendar, day))
        if key is not None and (now != key or day in borders):
            segments.append(Segment(len(segments), DayRange(first, day), *key))
            first = day
        key = now
    if key is None:
        raise AssertionError
    segments.append(Segment(len(segments), DayRange(first, days.end), *key))
    return tuple(segments)
