"""Windows, named hours, several meters and earlier peaks, by brute force as `brute_matrix`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from tests.support.brute import cents
from tests.support.brute_matrix import (
    Bill,
    Hour,
    Pricer,
    Stretch,
    each,
    is_day,
    kwh,
    peak,
    price,
    share,
    stretches,
)
from tests.support.brute_matrix_states import months_before

ZERO = Fraction(0)


def is_named(hour: Hour) -> bool:
    """Whether the system's operator named the hour."""
    return hour.price % 3 == 0


def of_another_meter(hour: Hour) -> int:
    """What a second meter of the same load counts. [Wh]"""
    return (hour.used * 7 + 123) % 1000


def coincident(bill: Bill) -> list[Decimal]:
    """The peak of the hours that were named, where a stretch has any."""
    return [
        cents(peak(days, is_named) * price(bill, days) * share(bill, days))
        for days in stretches(bill)
        if any(is_named(hour) for day in days for hour in day.hours)
    ]


def in_named_hours(*, named: bool) -> Pricer:
    """The energy of the hours that were named, or of all others."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        return kwh(days, lambda hour: is_named(hour) is named) * price(bill, days)

    return each(amount)


def of_each_meter(bill: Bill, days: Stretch) -> Fraction:
    """The peak of one meter and that of another, whenever they are."""
    other = max(of_another_meter(hour) for day in days for hour in day.hours)
    return (peak(days) + Fraction(other, 1000)) * price(bill, days) * share(bill, days)


def of_all_meters(bill: Bill, days: Stretch) -> Fraction:
    """The peak of both meters together."""
    both = max(hour.used + of_another_meter(hour) for day in days for hour in day.hours)
    return Fraction(both, 1000) * price(bill, days) * share(bill, days)


def of_the_bill(bill: Bill, days: Stretch) -> Fraction:
    """The peak of the whole bill, shared by the days of each stretch."""
    return peak(bill.days) * price(bill, days) * share(bill, days)


Cell = tuple[int, str]
"""Number of a stretch, and a period."""
Counts = Callable[[Cell, Cell], set[Cell]]
"""Where a window counts that begins in one cell and ends in another."""


def rolling(counts: Counts, times: Mapping[str, Fraction]) -> Pricer:
    """Two hours from every hour on, also across the ends of stretches.

    Args:
        counts: Where a window counts.
        times: Period to what its price is, of that of the stretch.
    """

    def lines(bill: Bill) -> list[Decimal]:
        every = stretches(bill)
        hours = [
            (hour, (number, "day" if is_day(hour) and "day" in times else [*times][-1]))
            for number, days in enumerate(every)
            for day in days
            for hour in day.hours
        ]
        highest: dict[Cell, int] = {}
        for (earlier, begins), (later, ends) in pairwise(hours):
            for cell in counts(begins, ends):
                highest[cell] = max(highest.get(cell, 0), earlier.used + later.used)
        return [
            cents(
                Fraction(watts, 2000)
                * price(bill, every[number])
                * times[label]
                * share(bill, every[number])
            )
            for (number, label), watts in highest.items()
        ]

    return lines


ALL_DAY = {"": Fraction(1)}
BY_PERIOD = {"day": Fraction(1), "night": Fraction(1, 2)}


def first(begins: Cell, _: Cell) -> set[Cell]:
    return {begins}


def last(_: Cell, ends: Cell) -> set[Cell]:
    return {ends}


def both(begins: Cell, ends: Cell) -> set[Cell]:
    return {begins, ends}


def whole(begins: Cell, ends: Cell) -> set[Cell]:
    """Windows of one period alone, where they begin."""
    return {begins} if begins[1] == ends[1] else set()


def ratchet(floor: Fraction, earlier: Sequence[Fraction]) -> Pricer:
    """A floor, the own peak, 80 % of peaks of June to September, half of the others.

    Args:
        floor: [kW]
        earlier: Peaks of the months before, the latest first. [kW]
    """

    def amount(bill: Bill, days: Stretch) -> Fraction:
        month = bill.days[0].day.replace(day=1)
        shares = [
            kw * (Fraction(8, 10) if 6 <= months_before(month, age).month <= 9 else Fraction(1, 2))
            for age, kw in enumerate(earlier, start=1)
        ]
        return max(floor, peak(days), *shares) * price(bill, days) * share(bill, days)

    return each(amount)


def ratchet_alone(earlier: Sequence[Fraction]) -> Pricer:
    """90 % of the highest peak of earlier months, whatever the own is."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        return max(earlier) * Fraction(9, 10) * price(bill, days) * share(bill, days)

    return each(amount)
