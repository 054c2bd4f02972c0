"""Which season, day type and period an instant is in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from central.domain.tariff.calendar_rules import (
    CalendarRules,
    Clock,
    HolidayRule,
    MonthDay,
    Schedule,
)
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.interval import MIDNIGHT, day_start, zone_info

MINUTES = 1440
DAY_S = MINUTES * 60
_REST = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CalendarError(OperatorError):
    """The calendar cannot say which period an interval is in."""

    code = "CALENDAR"
    default_remedy = "Correct the tariff's calendar, or the intervals that are rated."


class HolidaysUnresolvedError(CalendarError):
    """The resolved calendar does not hold the dates of a holiday rule."""

    code = "HOLIDAYS_UNRESOLVED"
    default_remedy = "Resolve the calendar for the years that are rated."


class StraddlingIntervalError(CalendarError):
    """An interval lies in two periods, so that its energy cannot be split."""

    code = "INTERVAL_STRADDLES_PERIODS"
    default_remedy = "Rate shorter intervals, or move the period's border."


@dataclass(frozen=True, slots=True)
class ResolvedCalendar:
    """Holiday rules as explicit dates, so that rating needs no library to know a holiday.

    Args:
        holidays: Rule to its dates.
        first_year: First year that the dates cover.
        last_year: Last year that they cover.
        tzdata: Version of the time zone data in use.
    """

    holidays: tuple[tuple[HolidayRule, tuple[date, ...]], ...] = ()
    first_year: int = 1
    last_year: int = 9999
    tzdata: str = ""

    def dates(self, rule: HolidayRule | None, day: date) -> frozenset[date]:
        """The holidays of a rule, good for the year of `day`.

        Raises:
            HolidaysUnresolvedError: The rule or the year was not resolved.
        """
        if rule is None:
            return frozenset()
        if rule.country is None:
            return _own_dates(rule, day.year)
        for known, dates in self.holidays:
            if known == rule and self.first_year <= day.year <= self.last_year:
                return frozenset(dates)
        message = f"The holidays of {rule.country} in {day.year} were not resolved."
        raise HolidaysUnresolvedError(message, value=day)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, for the hash of what went into a bill."""
        return {
            "holidays": [
                [rule.country, rule.subdivision, rule.observed, list(rule.only)]
                + [day.isoformat() for day in dates]
                for rule, dates in self.holidays
            ],
            "tzdata": self.tzdata,
        }


@lru_cache(maxsize=1024)
def _own_dates(rule: HolidayRule, year: int) -> frozenset[date]:
    return rule.own_dates(year, year)


def season_on(rules: CalendarRules, day: date) -> str:
    """The season of a local date, "" where the tariff has none."""
    rest = ""
    place = (day.month, day.day)
    for season in rules.seasons:
        if season.ranges is None:
            rest = season.name
        elif any(_within(place, first, last) for first, last in season.ranges):
            return season.name
    return rest


def _within(place: MonthDay, first: MonthDay, last: MonthDay) -> bool:
    if first <= last:
        return first <= place <= last
    return place >= first or place <= last


def day_type_on(rules: CalendarRules, day: date, resolved: ResolvedCalendar) -> str:
    """The day type of a local date, "" where the tariff has none.

    Raises:
        HolidaysUnresolvedError: A day type needs holidays that were not resolved.
    """
    for kind in rules.days:
        if kind.holidays and day in resolved.dates(rules.holidays, day):
            return kind.name
        if kind.rest or day.weekday() in kind.weekdays:
            return kind.name
    return ""


def minute_table(schedule: Schedule, season: str, day_type: str) -> NDArray[np.int16]:
    """Period number per minute of a local day of 24 hours."""
    table = np.full(MINUTES, _REST, dtype=np.int16)
    rest = _REST
    for number, period in enumerate(schedule.periods):
        if period.rules is None:
            rest = number
            continue
        for rule in period.rules:
            season_fits = not rule.seasons or season in rule.seasons
            if season_fits and (not rule.days or day_type in rule.days):
                for start, end in rule.hours:
                    table[start:end] = number
    table[table == _REST] = rest
    return table


def wall_minutes(
    day: date, zone: str, clock: Clock, step_s: int, at: time = MIDNIGHT
) -> tuple[datetime, NDArray[np.int64]]:
    """First instant of a local day, and the clock's minute of day at the start of each interval.

    On the day clocks go back, the hour that comes twice has the same minutes twice.

    Args:
        day: Local date.
        zone: IANA zone.
        clock: `wall`, or `standard` for the clock that ignores daylight saving.
        step_s: Length of the intervals. [s]
        at: When the days begin.

    Raises:
        CalendarError: The day is not a whole number of intervals.
    """
    start, end = day_start(day, zone, at), day_start(day + timedelta(days=1), zone, at)
    count, left = divmod(end - start, timedelta(seconds=step_s))
    if step_s == DAY_S:
        # A daily channel's only interval is the local day, of 23 or 25 hours where clocks change.
        count, left = 1, timedelta(0)
    if left:
        message = f"{day} in {zone} is not a whole number of intervals of {step_s} s."
        raise CalendarError(message, value=step_s)
    seconds = np.arange(count, dtype=np.int64) * step_s
    offset_first = _offset_s(start, zone, clock)
    offset_last = _offset_s(end - timedelta(seconds=1), zone, clock)
    start_s = (start - _EPOCH) // timedelta(seconds=1)
    if offset_first == offset_last:
        return start, (start_s + seconds + offset_first) // 60 % MINUTES
    offsets = [_offset_s(start + timedelta(seconds=int(second)), zone, clock) for second in seconds]
    return start, (start_s + seconds + np.array(offsets, dtype=np.int64)) // 60 % MINUTES


def _offset_s(instant: datetime, zone: str, clock: Clock) -> int:
    local = instant.astimezone(zone_info(zone))
    offset = local.utcoffset() or timedelta(0)
    if clock == "standard":
        offset -= local.dst() or timedelta(0)
    return offset // timedelta(seconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class LocalClock:
    """The clock of consecutive local days, interval by interval.

    Args:
        days: Local dates, ascending.
        minutes: Minute of day at the start of each interval.
        day_numbers: Number of the local day of each interval, from 0.
    """

    days: tuple[date, ...]
    minutes: NDArray[np.int64]
    day_numbers: NDArray[np.int64]


@lru_cache(maxsize=256)
def local_clock(  # noqa: PLR0913, PLR0917 - everything that makes a clock
    first: date, end: date, zone: str, clock: Clock, step_s: int, at: time = MIDNIGHT
) -> LocalClock:
    """The clock from one local date to another, kept since every tariff of a zone reads it.

    Args:
        first: First local date.
        end: The date after the last.
        zone: IANA zone.
        clock: `wall` or `standard`.
        step_s: Length of the intervals. [s]
        at: When the days begin.

    Raises:
        CalendarError: A day is not a whole number of intervals.
    """
    days = tuple(first + timedelta(days=number) for number in range((end - first).days))
    parts = [wall_minutes(day, zone, clock, step_s, at)[1] for day in days]
    counts = [len(part) for part in parts]
    minutes = np.concatenate(parts)
    numbers = np.repeat(np.arange(len(days), dtype=np.int64), counts)
    minutes.flags.writeable = False
    numbers.flags.writeable = False
    return LocalClock(days, minutes, numbers)


def period_numbers(
    rules: CalendarRules,
    schedule: Schedule,
    clock: LocalClock,
    step_s: int,
    resolved: ResolvedCalendar,
) -> NDArray[np.int16]:
    """Period number of each interval of consecutive local days.

    Args:
        rules: Seasons and day types.
        schedule: Periods.
        clock: Of the days.
        step_s: Length of the intervals. [s]
        resolved: Holidays.

    Raises:
        StraddlingIntervalError: An interval is in two periods.
        HolidaysUnresolvedError: Holidays are needed that were not resolved.
    """
    kinds = [(season_on(rules, day), day_type_on(rules, day, resolved)) for day in clock.days]
    known = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    tables = np.stack([minute_table(schedule, season, kind) for season, kind in known])
    rows = np.array([known[kind] for kind in kinds])[clock.day_numbers]
    changes = np.cumsum(np.diff(tables, axis=1, prepend=tables[:, :1]) != 0, axis=1)
    last = np.minimum(clock.minutes + max(1, step_s // 60) - 1, MINUTES - 1)
    straddling = changes[rows, clock.minutes] != changes[rows, last]
    if straddling.any():
        day = clock.days[int(clock.day_numbers[int(straddling.argmax())])]
        message = f"An interval of {step_s} s on {day} belongs to two periods."
        raise StraddlingIntervalError(message, value=day)
    numbers: NDArray[np.int16] = tables[rows, clock.minutes]
    return numbers
