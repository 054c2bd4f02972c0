"""Lookup tables of a tariff: numbers by zone, stratum, municipality or class, from dates on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Entries = tuple[tuple[tuple[str, ...], Decimal], ...]
"""Keys, one for each fact, to the number."""


@dataclass(frozen=True, slots=True)
class DatedEntries:
    """What a table says from a date on, until its next.

    Args:
        since: First local date.
        entries: Keys to numbers.
    """

    since: date
    entries: Entries


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A table that gives a number for what facts of an agreement say.

    Args:
        name: As charges, formulas and factors name it, like a fact of that name.
        by: Facts that its keys are values of, in their order.
        unit: Of the numbers.
        rows: Ascending by date.
    """

    name: str
    by: tuple[str, ...]
    unit: str
    rows: tuple[DatedEntries, ...]

    def at(self, keys: Sequence[str], day: date) -> Decimal | None:
        """The number on a local date; None where the table has none."""
        in_force = [row for row in self.rows if row.since <= day]
        return dict(in_force[-1].entries).get(tuple(keys)) if in_force else None
