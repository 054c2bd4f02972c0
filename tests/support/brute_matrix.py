"""Every kind of charge by brute force: hour by hour and day by day, with zoneinfo and fractions.

It imports nothing of the product. A bill is a list of days, each with its version, season, facts
and hours; runs of days that are alike are its stretches, and each charge says what one comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from zoneinfo import ZoneInfo

from tests.support.brute import cents, days_between, days_of_year


@dataclass
class Hour:
    """An hour of a load.

    Args:
        clock: Local hour at which it begins.
        used: From the grid. [Wh]
        fed: Into the grid. [Wh]
        price: Of the market, in thousandths. [currency/kWh]
    """

    clock: int
    used: int
    fed: int
    price: int


@dataclass
class Day:
    """A billed day.

    Args:
        day: Local date.
        version: Number of the tariff's version, from 0.
        season: Name.
        seats: Count that the agreement has.
        exempt: Whether it is exempt.
        hours: 23, 24 or 25.
    """

    day: date
    version: int
    season: str
    seats: int
    exempt: bool
    hours: list[Hour] = field(default_factory=list)


@dataclass
class Bill:
    """What is billed.

    Args:
        days: Ascending.
        period: Number of days of the whole month.
        prices: (version, season) to price.
        numbers: Drawn for what a row's tables, parameters and posted amounts say, in cents.
        turn: Drawn day of the month on which a table or parameter says something else.
        by_exempt: Whether a charge or percent asks for the exemption, so that all are cut by it.
    """

    days: list[Day]
    period: int
    prices: dict[tuple[int, str], Fraction]
    numbers: Sequence[int] = ()
    turn: int = 1
    by_exempt: bool = False

    def on(self, days: Iterable[Day]) -> Bill:
        """The bill of some of its days."""
        return replace(self, days=list(days))


Stretch = Sequence[Day]
Pricer = Callable[[Bill], list[Decimal]]


def hours_of(first: date, end: date, zone: str, draw: Callable[[], int]) -> dict[date, list[Hour]]:
    """The hours of each local day between two dates, found by walking UTC."""
    at = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=1)
    by_day: dict[date, list[Hour]] = {day: [] for day in days_between(first, end)}
    while at < datetime(end.year, end.month, end.day, tzinfo=UTC) + timedelta(days=1):
        local = at.astimezone(ZoneInfo(zone))
        if local.date() in by_day:
            fed = draw() if 9 <= local.hour < 17 else 0
            by_day[local.date()].append(Hour(local.hour, draw(), fed, draw() % 300))
        at += timedelta(hours=1)
    return by_day


def stretches(bill: Bill, *, by_exempt: bool = False) -> list[Stretch]:
    """Runs of days under one version and season, and of one exemption where that is asked for."""

    def key(day: Day) -> object:
        return (day.version, day.season, day.exempt if by_exempt or bill.by_exempt else None)

    return [list(days) for _, days in groupby(bill.days, key=key)]


def price(bill: Bill, days: Stretch) -> Fraction:
    return bill.prices[days[0].version, days[0].season]


def kwh(days: Stretch, counts: Callable[[Hour], bool] = lambda _: True) -> Fraction:
    return Fraction(sum(hour.used for day in days for hour in day.hours if counts(hour)), 1000)


def net(days: Stretch) -> Fraction:
    return kwh(days) - Fraction(sum(hour.fed for day in days for hour in day.hours), 1000)


def peak(days: Stretch, counts: Callable[[Hour], bool] = lambda _: True) -> Fraction:
    return Fraction(max(hour.used for day in days for hour in day.hours if counts(hour)), 1000)


def seats(days: Stretch) -> Fraction:
    return Fraction(sum(day.seats for day in days), len(days))


def is_day(hour: Hour) -> bool:
    return 8 <= hour.clock < 20


def is_night(hour: Hour) -> bool:
    return not is_day(hour)


def each(
    amount: Callable[[Bill, Stretch], Fraction],
) -> Pricer:
    """A line for every stretch."""
    return lambda bill: [cents(amount(bill, days)) for days in stretches(bill)]


def month(bill: Bill, days: Stretch) -> Fraction:
    """Which part of the month a stretch is."""
    return Fraction(len(days), bill.period)


def share(bill: Bill, days: Stretch) -> Fraction:
    """Which part of the billed days a stretch is."""
    return Fraction(len(days), len(bill.days))


def by_days_of_year(bill: Bill, days: Stretch) -> Fraction:
    return price(bill, days) * sum(Fraction(1, days_of_year(day.day.year)) for day in days)


def by_hours_of_day(bill: Bill) -> list[Decimal]:
    return [
        cents(kwh(days, counts) * price(bill, days) * times)
        for days in stretches(bill)
        for counts, times in ((is_day, 1), (is_night, Fraction(1, 2)))
    ]


def demand_by_hours_of_day(bill: Bill) -> list[Decimal]:
    return [
        cents(peak(days, counts) * price(bill, days) * times * share(bill, days))
        for days in stretches(bill)
        for counts, times in ((is_day, 1), (is_night, Fraction(1, 2)))
    ]


def daily_peaks(bill: Bill, days: Stretch) -> Fraction:
    return sum((peak([day]) for day in days), Fraction(0)) * price(bill, days)


def graduated(bound: Callable[[Bill, Stretch], Fraction]) -> Pricer:
    """The price up to a bound, and twice the price beyond it."""

    def lines(bill: Bill) -> list[Decimal]:
        amounts = []
        for days in stretches(bill):
            energy, top, of = kwh(days), bound(bill, days), price(bill, days)
            amounts.append(cents(min(energy, top) * of))
            if energy > top:
                amounts.append(cents((energy - top) * of * 2))
        return amounts

    return lines


def packages(bill: Bill) -> list[Decimal]:
    """Whole packages of 7 kWh of the bill, each where it begins: the price up to the bound, and
    twice the price beyond it."""
    amounts, begun, used = [], 0, Fraction(0)
    for days in stretches(bill):
        used += kwh(days)
        energy = Fraction(7 * (-(-used // 7) - begun))
        begun = -(-used // 7)
        top, of = 300 * month(bill, days), price(bill, days)
        amounts.append(cents(min(energy, top) / 7 * of))
        if energy > top:
            amounts.append(cents((energy - top) / 7 * of * 2))
    return amounts


def reached(bill: Bill, days: Stretch) -> Fraction:
    """The price of the step that the energy reaches."""
    return price(bill, days) * (1 if kwh(days) <= 300 * month(bill, days) else 2)


def amount_reached(bill: Bill, days: Stretch) -> Fraction:
    """The one amount of the step that the energy reaches, for the bill's days that a stretch is."""
    return reached(bill, days) * share(bill, days)


def volume(bill: Bill, days: Stretch) -> Fraction:
    return kwh(days) * reached(bill, days)


def at_market(bill: Bill, days: Stretch) -> Fraction:
    del bill
    return sum(
        (Fraction(hour.used * hour.price, 10**6) for day in days for hour in day.hours),
        Fraction(0),
    )


def versions(bill: Bill) -> list[Stretch]:
    def key(day: Day) -> object:
        return (day.version, bill.by_exempt and day.exempt)

    return [list(days) for _, days in groupby(bill.days, key=key)]


def energy_line(bill: Bill, days: Stretch) -> Fraction:
    return kwh(days) * price(bill, days)


def with_tax(bill: Bill) -> list[Decimal]:
    """Energy, and 21 % of what the bill has of it."""
    lines = each(energy_line)(bill)
    return [*lines, cents(Fraction(sum(lines, Decimal(0))) * 21 / 100)]


def with_tax_of_each(bill: Bill) -> list[Decimal]:
    """Energy, and 21 % of what it is under each version."""
    amounts = []
    for of_version in versions(bill):
        lines = each(energy_line)(bill.on(of_version))
        amounts += [*lines, cents(Fraction(sum(lines, Decimal(0))) * 21 / 100)]
    return amounts


def topped_up(needed: Callable[[Bill], Fraction]) -> Pricer:
    """Energy, and what it is short of an amount, once."""

    def lines(bill: Bill) -> list[Decimal]:
        amounts = each(energy_line)(bill)
        short = needed(bill) - Fraction(sum(amounts, Decimal(0)))
        return [*amounts, *([cents(short)] if short > 0 else [])]

    return lines


def a_month(bill: Bill) -> Fraction:
    return 900 * Fraction(len(bill.days), bill.period)


def a_month_per_kw(bill: Bill) -> Fraction:
    return sum((900 * peak(days) * month(bill, days) for days in stretches(bill)), Fraction(0))


def a_term_per_kw(bill: Bill) -> Fraction:
    """Of the whole bill: the peaks of its stretches by their days."""
    return sum((900 * peak(days) * share(bill, days) for days in stretches(bill)), Fraction(0))


def a_term_per_kwh(bill: Bill) -> Fraction:
    return 3 * kwh(bill.days)


def netted(sign: int) -> Callable[[Bill], list[Decimal]]:
    """What the bill nets to, on one side, shared by what the stretches have on it."""

    def lines(bill: Bill) -> list[Decimal]:
        left = max(Fraction(0), sign * net(bill.days))
        every = [max(Fraction(0), sign * net(days)) for days in stretches(bill)]
        whole = sum(every, Fraction(0))
        return [
            cents(left * energy / whole * price(bill, days) if whole else Fraction(0))
            for energy, days in zip(every, stretches(bill), strict=True)
        ]

    return lines


def unless_exempt(bill: Bill) -> list[Decimal]:
    return [
        cents(energy_line(bill, days))
        for days in stretches(bill, by_exempt=True)
        if not days[0].exempt
    ]
