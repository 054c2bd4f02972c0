"""What a customer must be charged, by brute force: day by day and in fractions.

It imports nothing of the product: a tariff of five charges, with what crosses from month to month,
as a clerk would compute it from register reads, prices and facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Prices:
    """What a customer pays.

    Args:
        standing: A month.
        power: Per kW that is agreed, and month.
        energy: Per kWh.
        tax: Percent.
        promise: What energy comes to, at least, in the first `months`; None for nothing.
        months: So many.
    """

    standing: Fraction
    power: Fraction
    energy: Fraction
    tax: Fraction
    promise: Fraction | None = None
    months: int = 2


@dataclass(frozen=True)
class Facts:
    """All that a bill is made from.

    Args:
        used: By day. [kWh]
        spot: By day, the price of the pool.
        power: What is agreed, by day. [kW]
        prices: Of the tariff.
    """

    used: Mapping[date, Fraction]
    spot: Mapping[date, Fraction]
    power: Mapping[date, Fraction]
    prices: Prices


@dataclass(frozen=True)
class Charged:
    """What some days come to.

    Args:
        lines: Amounts by charge; those of zero are left out.
        rate: Of the tax. [percent]
        energy: What energy came to since the promise began.
        month: The number of the bill, from 1 on.
    """

    lines: Mapping[str, Decimal] = field(default_factory=dict)
    rate: Fraction = Fraction(0)
    energy: Fraction = Fraction(0)
    month: int = 0

    @property
    def total(self) -> Decimal:
        return sum(self.lines.values(), Decimal(0))


def usage(reads: Sequence[tuple[date, int]], ratio: Fraction = Fraction(1)) -> dict[date, Fraction]:
    """What a register counted on each day. [kWh].

    Args:
        reads: At the beginning of days, ascending and without a hole. [Wh]
        ratio: What a count stands for.
    """
    by_day = {}
    for (day, before), (after_day, after) in pairwise(reads):
        assert after_day == day + DAY, day
        by_day[day] = Fraction(after - before) * ratio / 1000
    return by_day


def charge(facts: Facts, first: date, end: date, before: Charged) -> Charged:
    """Charge the days of a bill.

    Args:
        facts: All that it is made from.
        first: Its first day.
        end: The day after its last.
        before: The bill before it; one without a month for none.
    """
    prices = facts.prices
    days = [first + DAY * number for number in range((end - first).days)]
    share = Fraction(1) if 27 <= len(days) <= 33 else Fraction(len(days), 30)
    lines = {"standing": cents(prices.standing * share)}
    for power, same in groupby(days, key=lambda day: facts.power[day]):
        weight = Fraction(len(list(same)), len(days))
        amount = cents(power * prices.power * share * weight)
        lines["power"] = lines.get("power", Decimal(0)) + amount
    lines["pool"] = cents(sum((facts.used[day] * facts.spot[day] for day in days), Fraction(0)))
    lines["energy"] = cents(prices.energy * sum((facts.used[day] for day in days), Fraction(0)))
    energy = before.energy + Fraction(lines["energy"])
    month = before.month + 1
    if prices.promise is not None and month == prices.months:
        lines["promise"] = cents(max(Fraction(0), prices.promise - energy))
    net = sum(lines.values(), Decimal(0))
    lines["vat"] = cents(Fraction(net) * prices.tax / 100)
    amounts = {name: amount for name, amount in lines.items() if amount}
    return Charged(amounts, prices.tax, energy, month)


def charge_all(
    facts: Facts, periods: Iterable[tuple[date, date]], before: Charged
) -> Iterator[Charged]:
    """Charge bills that follow one another."""
    for first, end in periods:
        before = charge(facts, first, end, before)
        yield before


def differing(old: Charged, new: Charged) -> dict[str, Decimal]:
    """What is charged more, by tax rate, and under "" what is no tax; without what is nothing."""
    more: dict[str, Decimal] = {}
    for sign, charged in ((-1, old), (1, new)):
        for name, amount in charged.lines.items():
            key = str(charged.rate) if name == "vat" else ""
            more[key] = more.get(key, Decimal(0)) + sign * amount
    return {key: amount for key, amount in more.items() if amount}


def cents(value: Fraction) -> Decimal:
    """The nearest number of two decimals, halves away from zero."""
    scaled = abs(value) * 100
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-2)
