"""Units of time of a price: how many of them some days of a bill are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from central.domain.rating.charges.draft import Span
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
    """

    name: str
    count: Callable[[DayRange], Fraction]
    arithmetic: Callable[[DayRange], str]


def _days(days: DayRange) -> Fraction:
    return Fraction(days.count)


def _days_text(days: DayRange) -> str:
    return f"{days.count} days"


UNITS: dict[str, ByMonths | ByDays] = {
    "day": ByDays("day", _days, _days_text),
    "month": ByMonths("month", Fraction(1)),
    "year": ByMonths("year", Fraction(1, _MONTHS)),
}


def fixed_time(charge: Charge, span: Span, days: DayRange) -> tuple[Fraction, str, str]:
    """How many units of time a fixed charge is for, the unit, and how that comes about.

    With `daily: month` a day is one of the 365/12 of a month, whatever days the month has.
    """
    unit = UNITS[charge.per or ""]
    if isinstance(unit, ByDays) and not (charge.per == "day" and _by_month(span)):
        count = unit.count(days)
        return count, unit.name, "" if count.denominator == 1 else unit.arithmetic(days)
    share = span.month_share(days)
    if charge.prorate == "none":
        share = Fraction(days.count, span.bill.count)
    if isinstance(unit, ByDays):
        return share * _DAYS_OF_MONTH, unit.name, "a month of 365/12 days"
    note = "" if share == 1 else f"{days.count} days: {share} of a month"
    return share * unit.per_month, unit.name, note


def _by_month(span: Span) -> bool:
    return span.document.cycle.daily == "month"


def time_share(charge: Charge, span: Span, segment: Segment) -> tuple[Fraction, str]:
    """What a price per unit of quantity is multiplied by for time, and how to say it.

    Energy and sums of daily peaks are charged as they are. Demand is charged for the share of the
    bill's days that its segment has; with `per` also for the days, or the share of a month.
    """
    unit = UNITS.get(charge.per or "")
    if isinstance(unit, ByDays):
        return unit.count(segment.days), f"x {unit.arithmetic(segment.days)}"
    if unit is not None and charge.prorate == "cycle":
        share = span.month_share(segment.days) * unit.per_month
        return share, "" if share == 1 else f"x {share} {unit.name}"
    shared = span.is_demand(charge) and not span.is_daily(charge)
    if shared and segment.days.count != span.bill.count:
        share = Fraction(segment.days.count, span.bill.count)
        return share, f"x {segment.days.count}/{span.bill.count} days"
    return Fraction(1), ""
