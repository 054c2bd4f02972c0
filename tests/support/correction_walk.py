"""Customers who are corrected at random, each in its own order, and what they must be charged.

The customers bank what they sell, owe a minimum of the calendar year, and pay by their own tariff,
so that what is corrected in one month moves all those behind it, also across the end of the year.
What they must be charged is computed here, in fractions, and with nothing of the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from tests.support.brute_force import cents

DAY = timedelta(days=1)
FIRST = date(2026, 10, 1)
YEARLY, AT_END, TAX = 365, Fraction("0.05"), Fraction(21, 100)


def month_after(first: date, months: int = 1) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def every_day(first: date, end: date) -> list[date]:
    return [first + DAY * number for number in range((end - first).days)]


@dataclass
class Walker:
    """A customer, as the utility's books have it.

    Args:
        number: From 1 on.
        used: What was used on each day that is metered. [Wh]
        sold: What was sold. [Wh]
        prices: Of a kWh, by the first day of a version of the tariff, which is one of a month.
        end: The day after the last one; None where nobody goes.
        versions: How often each day of a channel was validated.
    """

    number: int
    used: dict[date, int] = field(default_factory=dict)
    sold: dict[date, int] = field(default_factory=dict)
    prices: dict[date, Fraction] = field(default_factory=dict)
    end: date | None = None
    versions: Counter[tuple[str, date]] = field(default_factory=Counter)

    @property
    def account(self) -> str:
        return f"A-{self.number}"

    @property
    def point(self) -> str:
        return f"P-{self.number}"

    @property
    def tariff(self) -> str:
        return f"WALK-{self.number}"

    def document(self, effective: date) -> str:
        """A version of the tariff, as the product's language writes it."""
        return f"""\
tariff: {self.tariff}
effective: {effective}
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: 30}}
series: {{net: {{expr: import - export}}}}
determinants: {{netted: {{sum: net, bank: saved, netting: month}}}}
charges: [{{id: energy, qty: netted, price: {float(self.prices[effective])}}}]
banks: {{saved: {{unit: kWh, at_end: {{pay: {float(AT_END)}}}}}}}
minimums: [{{id: yearly, of: energy, amount: {YEARLY}, per: year, share: days}}]
taxes: [{{id: vat, percent: 21, of: [energy, yearly], point: interval}}]
"""

    def charged(self, end: date) -> Decimal:
        """All that the months until a day come to."""
        return sum(self._by_month(end), Decimal(0))

    def _by_month(self, end: date) -> Iterator[Decimal]:
        bank = Fraction(0)
        energy_of_year, first = Fraction(0), FIRST
        while first < min(end, self.end or end):
            after = month_after(first)
            days = every_day(first, after)
            net = Fraction(sum(self.used[day] - self.sold[day] for day in days), 1000)
            drawn = min(bank, net) if net > 0 else net
            bank -= drawn
            price = self.prices[max(day for day in self.prices if day <= first)]
            energy = cents(price * (net - drawn))
            energy_of_year += Fraction(energy)
            short = Decimal(0)
            gone = after == self.end
            if after.month == 1 or gone:
                begins = max(FIRST, date(first.year, 1, 1))
                needed = Fraction(YEARLY * (after - begins).days, 365)
                short = cents(max(Fraction(0), needed - energy_of_year))
                energy_of_year = Fraction(0)
            tax = cents(Fraction(energy + short) * TAX)
            yield energy + short + tax - (cents(AT_END * bank) if gone else Decimal(0))
            first = after


CHANGES = ("day", "day", "day", "price", "version", "withdraw")
WAYS = (
    *("adjust", "adjust", "leave", "leave", "full", "full", "parts", "cancel", "cancel_all"),
    *("propose", "discard", "decide", "approve", "approve", "withdraw_decision", "both", "both"),
)


def steps(chance: Random, count: int) -> Iterator[str]:
    """What happens between two months: so many changes, each corrected in some way or none."""
    for _ in range(count):
        if chance.random() < 0.8:
            yield chance.choice(CHANGES)
        yield chance.choice(WAYS)


def at(day: date, hour: int = 6) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def drawn_month(walker: Walker, chance: Random, first: date) -> Sequence[tuple[date, int, int]]:
    """What a month's days count, first: they sell in October, and use in winter."""
    more = chance.choice([0, 8_000, 16_000])
    end = month_after(first)
    for day in every_day(first, end):
        walker.used[day] = chance.randrange(4_000, 14_000)
        walker.sold[day] = chance.randrange(0, 8_000) + more
    return [(day, walker.used[day], walker.sold[day]) for day in every_day(first, end)]
