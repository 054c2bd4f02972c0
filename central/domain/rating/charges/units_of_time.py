"""Units of time of a price: how many of them some days of a bill are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.document import Charge

_MONTHS = 12
_DAYS_OF_MONTH = Fraction(365, 12)


@dataclass(frozen=True, slots=True)
class ByMonths:
    """A unit that is counted in months, whole where the cycle is.

    Args:
        name: As a line prints it.
        per_month: How many of them a month is.
    """

    name: str
    per_month: Fraction


@dataclass(frozen=True, slots=True)
class ByDays:
    """A unit that is counted in days, of which no cycle makes more or less.

    Args:
        name: As a line prints it.
        count: How many of them some days are.
        arithmetic: How that comes about.
        alike: The parts of some days in which one day counts as much as another.
    """

    name: str
    count: Callable[[DayRange], Fraction]
    arithmetic: Callable[[DayRange], str]
    alike: Callable[[DayRange], tuple[DayRange, ...]]


def _days(days: DayRange) -> Fraction:
    return Fraction(days.count)


def _all(days: DayRange) -> tuple[DayRange, ...]:
    return (days,)


def _days_text(days: DayRange) -> str:
    return f"{days.count} days"


def _by_calendar_year(days: DayRange) -> tuple[DayRange, ...]:
    years = range(days.first.year, (days.end - timedelta(days=1)).year + 1)
    return tuple(
        DayRange(max(days.first, date(year, 1, 1)), min(days.end, date(year + 1, 1, 1)))
        for year in years
    )


def _length(part: DayRange) -> int:
    """The days of the calendar year that a part lies in: 365 or 366."""
    return (date(part.first.year + 1, 1, 1) - date(part.first.year, 1, 1)).days


def _years(days: DayRange) -> Fraction:
    parts = _by_calendar_year(days)
    return sum((Fraction(part.count, _length(part)) for part in parts), Fraction(0))


def _years_text(days: DayRange) -> str:
    parts = [f"{part.count}/{_length(part)}" for part in _by_calendar_year(days)]
    return f"({' + '.join(parts)}) year" if len(parts) > 1 else f"{parts[0]} year"


UNITS: dict[str, ByMonths | ByDays] = {
    "day": ByDays("day", _days, _days_text, _all),
    "month": ByMonths("month", Fraction(1)),
    "year": ByMonths("year", Fraction(1, _MONTHS)),
    "year_by_days": ByDays("year", _years, _years_text, _by_calendar_year),
}


def fixed_time(charge: Charge, span: VersionSpan, days: DayRange) -> tuple[Fraction, str, str]:
    """How many units of time a fixed charge is for, the unit, and how that comes about.

    With `daily: month` a day is one of the 365/12 of a month, whatever days the month has.
    """
    unit = UNITS[charge.per or ""]
    if isinstance(unit, ByDays) and not (charge.per == "day" and _by_month(span)):
        count = unit.count(days)
        return count, unit.name, "" if count.denominator == 1 else unit.arithmetic(days)
    share = span.month_share(days)
    if charge.prorate == "none":
        share = Fraction(days.count * span.whole_months, span.occupied.count)
    if isinstance(unit, ByDays):
        return share * _DAYS_OF_MONTH, unit.name, "a month of 365/12 days"
    note = "" if share.denominator == 1 else f"{days.count} days: {share} of a month"
    return share * unit.per_month, unit.name, note


def days_alike(charge: Charge, days: DayRange) -> tuple[DayRange, ...]:
    """The parts of some days in which one day of a price counts as much as another."""
    unit = UNITS[charge.per or ""]
    return unit.alike(days) if isinstance(unit, ByDays) else (days,)


def _by_month(span: VersionSpan) -> bool:
    return span.document.cycle.daily == "month"


def time_share(charge: Charge, span: VersionSpan, segment: Segment) -> tuple[Fraction, str]:
    """What a price per unit of quantity is multiplied by for time, and how to say it.

    Energy and sums of daily peaks are charged as they are. Demand, counts and other levels are
    charged for the share of the bill's days that their segment has, and so is the one amount of a
    stair-step; with `per` also for the days, or the share of a month.
    """
    unit = UNITS.get(charge.per or "")
    if isinstance(unit, ByDays):
        return unit.count(segment.days), f"x {unit.arithmetic(segment.days)}"
    if unit is not None and charge.prorate == "cycle":
        share = span.month_share(segment.days) * unit.per_month
        return share, "" if share == 1 else f"x {share} {unit.name}"
    is_level = span.is_demand(charge) and not span.is_daily(charge)
    shared = is_level or charge.tiers.kind == "stair"
    if shared and segment.days.count != span.occupied.count:
        share = Fraction(segment.days.count, span.occupied.count)
        return share, f"x {segment.days.count}/{span.occupied.count} days"
    return Fraction(1), ""
