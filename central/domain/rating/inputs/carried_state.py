"""What crosses from one bill to the next: peaks, credit banks, sums of the year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Peak:
    """A metered peak of an earlier month; never a billed one.

    Args:
        name: Determinant.
        label: Period, "" for none.
        month: First day of the calendar month it was metered in.
        value: In the determinant's unit.
    """

    name: str
    label: str
    month: date
    value: Fraction


@dataclass(frozen=True, slots=True, order=True)
class Credit:
    """What is left of a credit earned in one month.

    Args:
        bank: As the tariff names it.
        label: Period, "" for none.
        earned: First day of the month it was earned in.
        amount: In the bank's unit: kWh or currency. Never negative.
    """

    bank: str
    label: str
    earned: date
    amount: Fraction


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Money paid into a bank or prepaid balance; it is no state, but becomes part of one.

    Args:
        bank: As the tariff names it; `prepaid` for the balance of that name.
        day: Local day it counts from; on a bill that holds the day, and on no other.
        amount: Above zero. [currency]
    """

    bank: str
    day: date
    amount: Decimal


@dataclass(frozen=True, slots=True, order=True)
class MonthTotal:
    """What the bills of a month came to, before it was levelled. [currency]."""

    month: date
    amount: Decimal


@dataclass(frozen=True, slots=True, order=True)
class YearSum:
    """Sum since the start of a minimum's or commitment's year, or what is deferred. [currency]."""

    id: str
    amount: Decimal


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """The value that the last event left.

    Args:
        name: Determinant.
        label: Value of the field it is split by, "" for none.
        key: What holds it, "" where one thing does.
        value: In the determinant's unit.
    """

    name: str
    label: str
    key: str
    value: Fraction


@dataclass(frozen=True, slots=True)
class CarriedState:
    """All that a bill reads of earlier ones.

    Args:
        peaks: Ascending.
        credits: Ascending, oldest first within a bank and label.
        sums: Ascending.
        totals: Ascending; for the rolling average of budget billing.
        levels: Ascending; what events left.
    """

    peaks: tuple[Peak, ...] = ()
    credits: tuple[Credit, ...] = ()
    sums: tuple[YearSum, ...] = ()
    totals: tuple[MonthTotal, ...] = ()
    levels: tuple[Level, ...] = ()

    def sum_of(self, identifier: str) -> Decimal:
        """The sum of the year so far of a minimum or commitment. [currency]."""
        for entry in self.sums:
            if entry.id == identifier:
                return entry.amount
        return Decimal(0)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings."""
        said: dict[str, Any] = {
            "peaks": [[p.name, p.label, p.month.isoformat(), str(p.value)] for p in self.peaks],
            "credits": [
                [c.bank, c.label, c.earned.isoformat(), str(c.amount)] for c in self.credits
            ],
            "sums": [[entry.id, str(entry.amount)] for entry in self.sums],
        }
        if self.totals:
            said["totals"] = [[one.month.isoformat(), str(one.amount)] for one in self.totals]
        if self.levels:
            said["levels"] = [[v.name, v.label, v.key, str(v.value)] for v in self.levels]
        return said

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> CarriedState:
        """The state that `to_json` wrote."""
        return cls(
            peaks=tuple(
                Peak(name, label, date.fromisoformat(month), Fraction(peak))
                for name, label, month, peak in value["peaks"]
            ),
            credits=tuple(
                Credit(bank, label, date.fromisoformat(earned), Fraction(amount))
                for bank, label, earned, amount in value["credits"]
            ),
            sums=tuple(YearSum(name, Decimal(amount)) for name, amount in value["sums"]),
            totals=tuple(
                MonthTotal(date.fromisoformat(month), Decimal(amount))
                for month, amount in value.get("totals", ())
            ),
            levels=tuple(
                Level(name, label, key, Fraction(level))
                for name, label, key, level in value.get("levels", ())
            ),
        )
