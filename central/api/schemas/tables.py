"""Lookup tables that tariffs name: what is given, and what is kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import StringConstraints

from central.api.schemas.base import Exact, Schema, When
from central.api.schemas.writes import Order, Reason
from central.domain.actor import printed_name
from central.service.ports.series import TableRevision
from central.service.registry.lookup_tables import KeptTable


class TableIn(Order):
    """Dates of a lookup table, as its file says them."""

    LINES = frozenset({"document"})

    document: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    reason: Reason | None = None
    """Why dates that are kept are to say something else."""


class KeptTableOut(Schema):
    """What became of the dates of a table."""

    table: str
    added: int
    corrected: int
    unchanged: int
    concerned: list[str]

    @classmethod
    def of(cls, table: str, done: KeptTable) -> Self:
        """The schema of what was done."""
        bills = done.concerned
        return cls(
            table=table,
            added=done.added,
            corrected=done.corrected,
            unchanged=done.unchanged,
            concerned=[str(bills)] if bills.count else [],
        )


class TableNumber(Schema):
    """A number of a table, and its keys."""

    keys: list[str]
    number: Exact


class TableOut(Schema):
    """What a table says from a date on, as it was recorded."""

    table: str
    since: date
    revision: int
    withdrawn: bool
    by: list[str]
    unit: str
    values: list[TableNumber]
    recorded_at: When
    recorded_by: str
    reason: str | None

    @classmethod
    def of(cls, entry: TableRevision) -> Self:
        """The schema of a revision."""
        version = entry.version
        return cls(
            table=version.table,
            since=version.since,
            revision=version.revision,
            withdrawn=version.withdrawn,
            by=list(version.by),
            unit=version.unit,
            values=[_number(keys, number) for keys, number in version.entries],
            recorded_at=entry.recorded_at,
            recorded_by=printed_name(entry.recorded_by),
            reason=entry.reason,
        )


def _number(keys: tuple[str, ...], number: Decimal) -> TableNumber:
    return TableNumber(keys=list(keys), number=number)
