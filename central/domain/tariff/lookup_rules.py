"""Lookup tables: numbers by zone, stratum, municipality or class, from dates on.

They stand in a tariff, or are kept outside of tariffs, which then name them: a decree that changes
one changes it for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from firmware_bridge.contract.errors import OperatorError

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
        by: Facts that its keys are values of, in their order; none where it has one number.
        unit: Of the numbers.
        rows: Ascending by date; none of a table that is kept outside, until it is looked up.
        table: Name of the table that is kept outside of tariffs, None where the rows stand here.
    """

    name: str
    by: tuple[str, ...]
    unit: str
    rows: tuple[DatedEntries, ...] = ()
    table: str | None = None

    def at(self, keys: Sequence[str], day: date) -> Decimal | None:
        """The number on a local date; None where the table has none."""
        in_force = [row for row in self.rows if row.since <= day]
        return dict(in_force[-1].entries).get(tuple(keys)) if in_force else None


@dataclass(frozen=True, slots=True)
class TableVersion:
    """What a table that is kept outside of tariffs says from a date on: one revision of it.

    Args:
        table: Name of the table.
        since: First local date.
        revision: From 1 on; the newest of a date holds.
        by: What its keys are, a word for each level.
        unit: Of the numbers.
        entries: Keys to numbers.
        withdrawn: Whether the date is taken back; the one before it holds on.
    """

    table: str
    since: date
    revision: int
    by: tuple[str, ...]
    unit: str
    entries: Entries
    withdrawn: bool = False


class TableMismatchError(OperatorError):
    """A tariff reads a table otherwise than it is kept."""

    code = "TABLE_MISMATCH"
    default_remedy = "Correct `by` or `unit` in the tariff, or name another table."


def newest_of_dates(versions: Iterable[TableVersion]) -> tuple[TableVersion, ...]:
    """Of each date of one table the newest revision, without what is taken back; ascending."""
    ordered = sorted(versions, key=lambda version: (version.since, version.revision))
    newest = (list(group)[-1] for _, group in groupby(ordered, key=attrgetter("since")))
    return tuple(version for version in newest if not version.withdrawn)


def with_rows(table: LookupTable, versions: Iterable[TableVersion]) -> LookupTable:
    """A tariff's table with what is kept of it.

    Raises:
        TableMismatchError: The tariff reads it by other keys, or in another unit.
    """
    newest = newest_of_dates(versions)
    for version in newest:
        if len(version.by) != len(table.by) or version.unit != table.unit:
            message = (
                f"The table {version.table} is kept in {version.unit} by"
                f" {', '.join(version.by) or 'nothing'}, and read in {table.unit} by"
                f" {', '.join(table.by) or 'nothing'}."
            )
            raise TableMismatchError(message, value=version.table)
    return LookupTable(
        table.name,
        table.by,
        table.unit,
        tuple(DatedEntries(version.since, version.entries) for version in newest),
        table.table,
    )
