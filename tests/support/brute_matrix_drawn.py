"""Tables, parameters and posted charges with drawn numbers, by brute force as `brute_matrix`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from tests.support.brute import cents
from tests.support.brute_matrix import (
    Bill,
    Day,
    Pricer,
    Stretch,
    each,
    energy_line,
    kwh,
    price,
    share,
    versions,
)


def is_later(bill: Bill, day: Day) -> int:
    """1 from the drawn day on."""
    return int(day.day.day >= bill.turn)


def group(day: Day) -> int:
    """Which of two keys the agreement has: the first while there are 3 seats."""
    return int(day.seats != 3)


def number(bill: Bill, at: int) -> Fraction:
    return Fraction(bill.numbers[at], 100)


def by_zone(bill: Bill, day: Day) -> Fraction:
    """Numbers 0 and 1 by zone, then 2 and 3."""
    return number(bill, 2 * is_later(bill, day) + group(day))


def by_zone_and_grade(bill: Bill, day: Day) -> Fraction:
    """Numbers 0 to 3 by zone and grade, which change on one day, then 4 to 7."""
    return number(bill, 4 * is_later(bill, day) + 3 * group(day))


def by_date(bill: Bill, day: Day) -> Fraction:
    """Number 0, then 1."""
    return number(bill, is_later(bill, day))


def agreed(bill: Bill, day: Day) -> Fraction:
    """What the parameter says while there are 3 seats; then 0.4, as the agreement has it."""
    return Fraction(2, 5) if group(day) else by_date(bill, day)


def at_rate(rate: Callable[[Bill, Day], Fraction]) -> Pricer:
    """Energy at a rate: a line for every run of days under one version, season and rate."""

    def lines(bill: Bill) -> list[Decimal]:
        def key(day: Day) -> tuple[object, ...]:
            return day.version, day.season, rate(bill, day)

        return [
            cents(kwh(stretch) * rate(bill, stretch[0]))
            for stretch in (list(days) for _, days in groupby(bill.days, key=key))
        ]

    return lines


def with_losses(rate: Callable[[Bill, Day], Fraction]) -> Pricer:
    """The energy of each day times a factor of it; nothing is cut by it."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        lossy = (kwh([day]) * rate(bill, day) for day in days)
        return sum(lossy, Fraction(0)) * price(bill, days)

    return each(amount)


def as_count(rate: Callable[[Bill, Day], Fraction]) -> Pricer:
    """A number of each day, averaged over the days of a stretch, for its share of the bill."""

    def amount(bill: Bill, days: Stretch) -> Fraction:
        mean = sum((rate(bill, day) for day in days), Fraction(0)) / len(days)
        return mean * price(bill, days) * share(bill, days)

    return each(amount)


def taxed_from_table(bill: Bill) -> list[Decimal]:
    """Energy, and a tax of it at the percent that a table has on the last billed day."""
    lines = each(energy_line)(bill)
    percent = abs(by_date(bill, bill.days[-1]))
    return [*lines, cents(Fraction(sum(lines, Decimal(0))) * percent / 100)]


def posted_on(bill: Bill) -> list[tuple[Decimal, bool]]:
    """What was posted on billed days, and whether it bears the tax, as all do but the last."""
    days = {day.day.day for day in bill.days}
    return [
        (Decimal(bill.numbers[at]) / 100, at < 2)
        for at, day in enumerate((3, 15, 28))
        if day in days
    ]


def with_posted(bill: Bill) -> list[Decimal]:
    """Energy, what was posted, and 21 % of energy and of what was posted with that tax."""
    lines, posted = each(energy_line)(bill), posted_on(bill)
    taxed = sum(lines, Decimal(0)) + sum((amount for amount, bears in posted if bears), Decimal(0))
    return [*lines, *(amount for amount, _ in posted), cents(Fraction(taxed) * 21 / 100)]


def with_posted_by_day(bill: Bill) -> list[Decimal]:
    """The same where each version has its own tax: what was posted is under the last one."""
    amounts, parts, posted = [], versions(bill), posted_on(bill)
    for place, days in enumerate(parts):
        mine = each(energy_line)(bill.on(days))
        taxed = sum(mine, Decimal(0))
        amounts += mine
        if place == len(parts) - 1:
            taxed += sum((amount for amount, bears in posted if bears), Decimal(0))
            amounts += [amount for amount, _ in posted]
        amounts.append(cents(Fraction(taxed) * 21 / 100))
    return amounts
