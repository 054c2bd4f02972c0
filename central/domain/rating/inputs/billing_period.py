"""The period of a bill: the days that are charged, and how many months they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

from central.domain.rating.inputs.segments import DayRange, months_after
from firmware_bridge.contract.errors import InvalidValueError


@dataclass(frozen=True, slots=True, order=True)
class WholeMonths:
    """Days that are so many months, whatever their number.

    Args:
        days: Local days of one of a cycle's own periods.
        months: How many months they are.
    """

    days: DayRange
    months: int

    def share(self, days: DayRange) -> Fraction:
        """How many months those of some days are that lie in here."""
        inside = days.within(self.days)
        return Fraction(0) if inside is None else self.each_day * inside.count

    @property
    def each_day(self) -> Fraction:
        """How much of a month one day of it is."""
        return Fraction(self.months, self.days.count)


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """The period of one bill.

    One of a cycle's own periods is so many whole months, whatever its days. One that was shortened
    or lengthened has its days measured against the own periods that they lie in.

    Args:
        name: As the cycle names it, such as 2026-10.
        days: Local days.
        months: Of the own period that it is, or that its last day lies in.
        bill_day: Local day on which its bill is due to be made.
        lies_in: The own periods that hold its days, ascending; empty where it is one itself.

    Raises:
        InvalidValueError: It is less than a month, or its own periods do not hold its days.
    """

    name: str
    days: DayRange
    months: int
    bill_day: date
    lies_in: tuple[WholeMonths, ...] = ()

    def __post_init__(self) -> None:
        if self.months < 1:
            message = f"The period {self.name} has {self.months} months. It needs at least one."
            raise InvalidValueError(message, value=self.months)
        stretches = self.measures
        tile = all(before.days.end == after.days.first for before, after in pairwise(stretches))
        if not tile or self.days.within(self._measured_days) != self.days:
            message = f"The cycle of {self.name} does not cover its days."
            raise InvalidValueError(message, value=self.name)

    @classmethod
    def month(cls, days: DayRange, name: str = "") -> BillingPeriod:
        """Days that are one month, billed on the day after the last."""
        return cls(name or f"{days.last:%Y-%m}", days, 1, days.end)

    @property
    def measures(self) -> tuple[WholeMonths, ...]:
        """The own periods that its days are measured against, ascending."""
        return self.lies_in or (WholeMonths(self.days, self.months),)

    @property
    def _measured_days(self) -> DayRange:
        return DayRange(self.measures[0].days.first, self.measures[-1].days.end)

    @property
    def whole(self) -> bool:
        """Whether its days are those of own periods, none shortened or lengthened."""
        return self._measured_days == self.days

    def whole_months(self, days: DayRange) -> int:
        """How many months some of its days begin: those of every own period that they touch."""
        return sum(stretch.months for stretch in self.measures if stretch.days.within(days))

    @property
    def months_of_it(self) -> tuple[DayRange, ...]:
        """Its months: those of each own period that it touches, from that one's first day on."""
        every: list[DayRange] = []
        for stretch in self.measures:
            first, end = stretch.days.first, stretch.days.end
            starts = [months_after(first, number) for number in range(stretch.months)]
            ends = [*starts[1:], end]
            every += [
                DayRange(start, stop)
                for start, stop in zip(starts, ends, strict=True)
                if start < stop
            ]
        return tuple(every)

    @property
    def is_longer(self) -> bool:
        """Whether it is longer than a month, or was lengthened into another."""
        return self.whole_months(self.days) > 1

    @property
    def is_one_month(self) -> bool:
        """Whether it is one of a monthly cycle's own."""
        return not self.lies_in and self.months == 1

    def share(self, days: DayRange) -> Fraction:
        """How many months some of its days are, each against the own period that it lies in."""
        return sum((stretch.share(days) for stretch in self.measures), Fraction(0))

    def __str__(self) -> str:
        return self.name

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "name": self.name,
            "first": self.days.first.isoformat(),
            "end": self.days.end.isoformat(),
            "months": self.months,
            "bill_day": self.bill_day.isoformat(),
            "lies_in": [
                [stretch.days.first.isoformat(), stretch.days.end.isoformat(), stretch.months]
                for stretch in self.lies_in
            ],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> BillingPeriod:
        """The period that `to_json` wrote."""
        return cls(
            value["name"],
            _days(value["first"], value["end"]),
            value["months"],
            date.fromisoformat(value["bill_day"]),
            tuple(
                WholeMonths(_days(first, end), months) for first, end, months in value["lies_in"]
            ),
        )


def _days(first: str, end: str) -> DayRange:
    return DayRange(date.fromisoformat(first), date.fromisoformat(end))
