"""What a tariff says of time: seasons, day types, holidays, schedules of periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Clock = Literal["wall", "standard"]
REST = "rest"
DEFAULT_SCHEDULE = "period"


@dataclass(frozen=True, slots=True)
class HolidayRule:
    """Which dates are holidays: a country's, and further ones by date.

    Args:
        country: ISO 3166-1 alpha-2 letters; None takes `dates` alone.
        subdivision: State or province, as the holidays library names it.
        observed: Whether the day off after a holiday on a weekend counts as well.
        dates: Further dates.
        only: Names (in the library's English) that count; empty takes all.
    """

    country: str | None
    subdivision: str | None
    observed: bool
    dates: tuple[date, ...] = ()
    only: tuple[str, ...] = ()


MonthDay = tuple[int, int]


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
