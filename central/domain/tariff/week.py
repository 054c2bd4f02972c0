"""The week of a tariff: which period each time of day is in, season by season, and its price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby

from central.domain.tariff.calendar import minute_table, season_on
from central.domain.tariff.calendar_rules import CalendarRules, Schedule
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.energy_prices import EnergyPrice, energy_prices

_DAYS_OF_WEEK = range(7)


@dataclass(frozen=True, slots=True)
class PeriodRun:
    """Minutes of a day that follow one another in one period.

    Args:
        start: Minute of the local day, 0 .. 1439.
        end: Minute after the last, 1 .. 1440.
        period: Name.
        price: Of a kWh of use, by all charges that this schedule splits and those that nothing
            splits; None where no charge of the period is by the kWh. [currency per kWh]
    """

    start: int
    end: int
    period: str
    price: Fraction | None


@dataclass(frozen=True, slots=True)
class WeekRow:
    """A day of the week, or a holiday.

    Args:
        weekday: 0 is Monday; None is a holiday.
        runs: Of 24 hours, ascending.
    """

    weekday: int | None
    runs: tuple[PeriodRun, ...]


@dataclass(frozen=True, slots=True)
class SeasonWeek:
    """The week of a schedule in one season.

    Args:
        schedule: Name.
        season: Name, "" where the tariff has none.
        dates: First and last date of each of its parts in a year of 365 days.
        rows: Monday to Sunday, then a holiday where the schedule's tariff has holidays.
    """

    schedule: str
    season: str
    dates: tuple[tuple[date, date], ...]
    rows: tuple[WeekRow, ...]


def weeks_of(document: TariffDocument) -> tuple[SeasonWeek, ...]:
    """The weeks of all schedules, by schedule and season."""
    rules = document.calendar
    prices = energy_prices(document)
    return tuple(
        SeasonWeek(
            schedule.name,
            season,
            dates,
            tuple(_rows(rules, schedule, season, prices)),
        )
        for schedule in rules.schedules
        for season, dates in season_dates(rules).items()
    )


def season_dates(rules: CalendarRules) -> dict[str, tuple[tuple[date, date], ...]]:
    """The dates of each season in a year of 365 days, in the order in which they first come."""
    first = date(2001, 1, 1)
    days = [first + timedelta(days=number) for number in range(365)]
    parts: dict[str, list[tuple[date, date]]] = {}
    for season, run in groupby(days, lambda day: season_on(rules, day)):
        of_season = list(run)
        parts.setdefault(season, []).append((of_season[0], of_season[-1]))
    return {season: tuple(dates) for season, dates in parts.items()}


def _rows(
    rules: CalendarRules, schedule: Schedule, season: str, prices: tuple[EnergyPrice, ...]
) -> Iterator[WeekRow]:
    for weekday in _DAYS_OF_WEEK:
        kinds = (kind.name for kind in rules.days if kind.rest or weekday in kind.weekdays)
        yield WeekRow(weekday, tuple(_runs(schedule, season, next(kinds, ""), prices)))
    for kind in rules.days:
        if kind.holidays:
            yield WeekRow(None, tuple(_runs(schedule, season, kind.name, prices)))
            break


def _runs(
    schedule: Schedule, season: str, kind: str, prices: tuple[EnergyPrice, ...]
) -> Iterator[PeriodRun]:
    minute = 0
    for number, run in groupby(minute_table(schedule, season, kind).tolist()):
        end = minute + len(list(run))
        period = schedule.periods[number].name
        yield PeriodRun(minute, end, period, _price(schedule.name, season, period, prices))
        minute = end


def _price(
    schedule: str, season: str, period: str, prices: tuple[EnergyPrice, ...]
) -> Fraction | None:
    split = [price for price in prices if price.by == schedule]
    if not split:
        return None
    return sum(
        (price.at(season, period) for price in prices if price.by in {"", schedule}), Fraction(0)
    )
