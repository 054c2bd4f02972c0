"""What a tariff says of time: seasons, day types, holidays, schedules of periods."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Clock = Literal["wall", "standard"]
REST = "rest"
DEFAULT_SCHEDULE = "period"
MonthDay = tuple[int, int]
_WEEK = 7


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """Which dates are holidays: a country's, and further ones by date.

    Args:
        country: ISO 3166-1 alpha-2 letters; None takes `dates` alone.
        subdivision: State or province, as the holidays library names it.
        observed: Whether the day off after a holiday on a weekend counts as well.
        dates: Further dates.
        only: Names (in the library's English) that count; empty takes all.
        yearly: Month and day of further dates of every year.
        days_off: Weekday on which a holiday of the country, or of every year, gives another one
            off, and the next such weekday that it gives; 0 is Monday. What `observed` says of the
            country is left out then.
    """

    country: str | None
    subdivision: str | None
    observed: bool
    dates: tuple[date, ...] = ()
    only: tuple[str, ...] = ()
    yearly: tuple[MonthDay, ...] = ()
    days_off: tuple[tuple[int, int], ...] = ()

    def with_days_off(self, holidays: Iterable[date]) -> frozenset[date]:
        """Holidays, and the days off that some give because they lie on a weekend."""
        off = dict(self.days_off)
        days = frozenset(holidays)
        return days | {
            day + timedelta(days=_shift(day.weekday(), off[day.weekday()]))
            for day in days
            if day.weekday() in off
        }

    def own_dates(self, first_year: int, last_year: int) -> frozenset[date]:
        """The dates that the rule itself says, over some years, both included.

        A day off may lie in the year before or after.
        """
        every_year = (
            date(year, month, day)
            for year in range(max(first_year - 1, date.min.year), min(last_year + 1, 9999) + 1)
            for month, day in self.yearly
            if (month, day) != _LEAP_DAY or isleap(year)
        )
        return self.with_days_off(every_year) | frozenset(self.dates)


_LEAP_DAY = (2, 29)


def _shift(weekday: int, to: int) -> int:
    """Days to the nearest day of another weekday; those of Saturday go back to Friday."""
    ahead = (to - weekday) % _WEEK
    return ahead if ahead <= _WEEK // 2 else ahead - _WEEK


@dataclass(frozen=True, slots=True)
class Season:
    """A part of every year.

    Args:
        name: As prices name it.
        ranges: First and last (month, day), both included; a range may cross year end. None is
            what the other seasons leave.
    """

    name: str
    ranges: tuple[tuple[MonthDay, MonthDay], ...] | None


@dataclass(frozen=True, slots=True)
class DayType:
    """A kind of day; the first that matches a date wins.

    Args:
        name: As schedules name it.
        weekdays: 0 is Monday.
        holidays: Whether holidays match.
        rest: Whether every date matches.
    """

    name: str
    weekdays: frozenset[int] = frozenset()
    holidays: bool = False
    rest: bool = False


@dataclass(frozen=True, slots=True)
class PeriodRule:
    """Hours of a period: every named condition must hold.

    Args:
        seasons: Names; empty is every season.
        days: Names of day types; empty is every day.
        hours: Half-open minutes of the local day, within 0 .. 1440.
    """

    seasons: tuple[str, ...]
    days: tuple[str, ...]
    hours: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Period:
    """A labelled set of hours. `rules` None is what the other periods leave."""

    name: str
    rules: tuple[PeriodRule, ...] | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Periods that cover every minute of the year once."""

    name: str
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """Seasons, day types and schedules of a tariff."""

    holidays: HolidayRule | None = None
    seasons: tuple[Season, ...] = ()
    days: tuple[DayType, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    def schedule(self, name: str) -> Schedule:
        """The schedule of that name.

        Raises:
            KeyError: There is none.
        """
        for schedule in self.schedules:
            if schedule.name == name:
                return schedule
        raise KeyError(name)
