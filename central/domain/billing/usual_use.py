"""What an occupancy uses as a rule: of its periods of 13 months, and a year ago."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from central.domain.billing.part_use import PartUse
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import root
from central.domain.vee.rule import Limits, Threshold, ThresholdKind

PERIODS = Threshold(
    "bill_periods",
    ThresholdKind.COUNT,
    4,
    "periods",
    "how many earlier periods have to be known before their mean is usual",
)
LEAST_DEVIATION = Threshold(
    "least_deviation",
    ThresholdKind.RATIO,
    Fraction(1, 10),
    "",
    "of the mean, which a standard deviation is taken to be at least",
)
CLASS_USE = Threshold(
    "class_use",
    ThresholdKind.QUANTITY,
    Fraction(0),
    "units/day",
    "what a customer of the class uses as a rule, for those who are new; 0 where nobody knows it",
    may_be_zero=True,
)


class UsualUse(NamedTuple):
    """What an occupancy uses a day as a rule.

    Args:
        periods: How many earlier ones are known.
        mean: Of their days' use; None where they are too few. [unit/day]
        deviation: The standard deviation of that, or the least of it. [unit/day]
        last_year: At the same time of the year before; None where nobody knows it. [unit/day]
    """

    periods: int
    mean: Fraction | None
    deviation: Fraction
    last_year: Fraction | None

    @property
    def is_known(self) -> bool:
        """Whether anything is usual."""
        return self.mean is not None or self.last_year is not None

    @property
    def evidence(self) -> dict[str, Fraction]:
        """The figures that are known. [unit/day]."""
        figures: dict[str, Fraction] = {}
        if self.mean is not None:
            figures |= {"mean": self.mean, "deviation": self.deviation}
        if self.last_year is not None:
            figures["last_year"] = self.last_year
        return figures


def usual_use(days: DayRange, history: Sequence[PartUse], limits: Limits) -> UsualUse:
    """What is usual for a part.

    Args:
        days: Of the part.
        history: Earlier parts of its occupancy, ascending.
        limits: Of its class.
    """
    per_day = [use for period in history if (use := period.per_day) is not None]
    last_year = _a_year_before(days, history)
    if not per_day or len(per_day) < limits[PERIODS]:
        return UsualUse(len(per_day), None, Fraction(0), last_year)
    mean = sum(per_day, Fraction(0)) / len(per_day)
    squares = sum(((use - mean) ** 2 for use in per_day), Fraction(0))
    deviation = root(squares / len(per_day))
    least = mean * limits[LEAST_DEVIATION]
    return UsualUse(len(per_day), mean, max(deviation, least), last_year)


def _a_year_before(days: DayRange, history: Sequence[PartUse]) -> Fraction | None:
    """What a day used on the same dates of the year before, where half of them are known."""
    first, end = _year_before(days.first), _year_before(days.end)
    days_known, used = 0, Fraction(0)
    for period in history:
        overlap = (min(period.days.end, end) - max(period.days.first, first)).days
        per_day = period.per_day
        if overlap > 0 and per_day is not None:
            days_known += overlap
            used += per_day * overlap
    if not days_known or 2 * days_known < (end - first).days:
        return None
    return used / days_known


def _year_before(day: date) -> date:
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    return day.replace(year=day.year - 1, day=last)
