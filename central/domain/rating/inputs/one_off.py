"""Charges and credits that are posted to an account once, and billed as lines of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ID = "one-off"
"""Of their lines; no charge of a tariff can have it."""


@dataclass(frozen=True, slots=True, order=True)
class OneOff:
    """A charge or credit.

    Args:
        day: Local day from which it counts; on a bill that holds the day, and on no other.
        key: Unique; the label of its line.
        name: As the invoice prints it.
        amount: Below zero for a credit. [currency]
        taxes: Ids of the tariff's taxes that it bears, and no others.
    """

    day: date
    key: str
    name: str
    amount: Decimal
    taxes: tuple[str, ...] = ()

    def to_json(self) -> list[object]:
        """As JSON, for the hash of what is rated."""
        return [self.day.isoformat(), self.key, self.name, str(self.amount), list(self.taxes)]


def bearing(one_offs: Iterable[OneOff], tax: str) -> frozenset[str]:
    """Keys of those that bear a tax."""
    return frozenset(each.key for each in one_offs if tax in each.taxes)
