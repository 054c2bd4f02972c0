"""Half-open UTC intervals, and local days of 23, 24 or 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firmware_bridge.contract.errors import InvalidValueError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIDNIGHT = time()
"""When days begin unless something else is said."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants from `start`, included, to `end`, excluded.

    Args:
        start: Aware; kept in UTC.
        end: Aware, not before `start`; kept in UTC.

    Raises:
        InvalidValueError: A bound is naive, or the end comes before the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            message = "The bounds of an interval have no time zone. Write 2026-01-01T00:00:00Z."
            raise InvalidValueError(message, value=(self.start, self.end))
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end < self.start:
            message = f"The interval ends at {self.end} before it starts at {self.start}."
            raise InvalidValueError(message, value=(self.start, self.end))

    @property
    def duration(self) -> timedelta:
        """Elapsed time between the bounds."""
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def overlap(self, other: Interval) -> Interval | None:
        """What both intervals hold, or None where that is nothing."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def split(self, period: timedelta) -> Iterator[Interval]:
        """Consecutive intervals of one period.

        Raises:
            InvalidValueError: The duration is not a whole number of periods.
        """
        if period <= timedelta(0) or self.duration % period:
            message = f"{self.duration} is not a whole number of {period}."
            raise InvalidValueError(message, value=period)
        for index in range(self.duration // period):
            start = self.start + index * period
            yield Interval(start, start + period)


def zone_info(zone: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        InvalidValueError: There is none.
    """
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{zone!r} is not an IANA time zone such as Europe/Madrid."
        raise InvalidValueError(message, value=zone) from None


@lru_cache(maxsize=4_096)
def day_start(day: date, zone: str, at: time = MIDNIGHT) -> datetime:
    """The first instant of a local date, in UTC.

    That time of day, or the first instant after the gap where clocks skip it (midnight in Santiago
    and Beirut). Where it comes twice, the earlier one.

    Args:
        day: Local date.
        zone: IANA zone.
        at: When the days begin, such as 06:00 for gas.

    Raises:
        InvalidValueError: The zone is unknown.
    """
    info = zone_info(zone)
    begin = datetime.combine(day, at, info)
    instant = begin.astimezone(UTC)
    if instant.astimezone(info).replace(tzinfo=None) == begin.replace(tzinfo=None):
        return instant
    # That time does not exist. Either fold of it, read as UTC, lies on one side of the gap whose
    # edge is the transition: the instant at which the offset of fold 0 gives way to that of fold 1.
    before = begin.utcoffset() or timedelta(0)
    after = begin.replace(fold=1).utcoffset() or timedelta(0)
    earliest = datetime.combine(day, at, UTC) - max(before, after)
    latest = datetime.combine(day, at, UTC) - min(before, after)
    return _transition(info, earliest, latest)


def _transition(info: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first instant in (low, high] whose offset is that of `high`."""
    offset = high.astimezone(info).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(info).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=4_096)
def local_day(day: date, zone: str, at: time = MIDNIGHT) -> Interval:
    """The interval of a local date: 23, 24 or 25 hours, 23.5 or 24.5 at Lord Howe.

    Args:
        day: Local date.
        zone: IANA zone.
        at: When the days begin.

    Raises:
        InvalidValueError: The zone is unknown.

    Source: docs/explanation/time.md
    """
    return Interval(day_start(day, zone, at), day_start(day + timedelta(days=1), zone, at))


def expected_count(interval: Interval, period_s: int) -> int:
    """How many intervals of `period_s` seconds lie in an interval.

    Raises:
        InvalidValueError: They do not fill it.
    """
    period = timedelta(seconds=period_s)
    if period_s <= 0 or interval.duration % period:
        message = f"{interval.duration} is not a whole number of intervals of {period_s} s."
        raise InvalidValueError(message, value=period_s)
    return interval.duration // period


def floor_boundary(instant: datetime, period_s: int) -> datetime:
    """The latest UTC boundary not after `instant`; boundaries are whole periods since 1970."""
    period = timedelta(seconds=period_s)
    return _EPOCH + (instant - _EPOCH) // period * period


def next_boundary(instant: datetime, period_s: int) -> datetime:
    """The earliest UTC boundary after `instant`."""
    return floor_boundary(instant, period_s) + timedelta(seconds=period_s)
