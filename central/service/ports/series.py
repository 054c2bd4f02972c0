"""What price and factor series need of a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.tariff.lookup_rules import TableVersion
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import DecisionNote
from firmware_bridge.contract.errors import OperatorError


class SeriesConflictError(OperatorError):
    """What is known of a series is given otherwise, and nobody said why."""

    code = "SERIES_CONFLICT"
    default_remedy = "Give a reason to replace the numbers; earlier bills keep theirs."


class TableConflictError(OperatorError):
    """What is kept of a table is given otherwise, and nobody said why."""

    code = "TABLE_CONFLICT"
    default_remedy = "Give a reason to replace the numbers; earlier bills keep theirs."


@dataclass(frozen=True, slots=True)
class TableRevision:
    """A version of a table as it was recorded.

    Args:
        version: What was recorded.
        recorded_at: When.
        recorded_by: Key of who did.
        reason: Why, where it corrects or takes back another.
    """

    version: TableVersion
    recorded_at: datetime
    recorded_by: str
    reason: str | None


class SeriesTransaction(Protocol):
    """One transaction on the series, and on the tables that share their names."""

    async def hold(self, name: str) -> None:
        """Make a series known, and keep others from changing it until the transaction ends."""

    async def newest(self, names: Collection[str], first: date, end: date) -> tuple[PriceDay, ...]:
        """The newest versions of some days, by name and day.

        Args:
            names: Of the series; one that is not known has no days.
            first: First UTC day.
            end: UTC day after the last.
        """

    async def concerned(self, name: str, first: date, end: date) -> ConcernedBills:
        """Issued bills of tariffs that name a series, with days from `first` until before `end`."""

    async def add(
        self, days: Sequence[PriceDay], actor: Actor, reason: str | None, at: datetime
    ) -> None:
        """Add versions of days, and note it in the audit log.

        Args:
            days: Of one series that is held.
            actor: Who says so.
            reason: Why, where known numbers change.
            at: When.
        """

    async def table_history(self, name: str | None) -> tuple[TableRevision, ...]:
        """Every revision of a table, or of all, by name, date and revision."""

    async def add_tables(self, versions: Sequence[TableVersion], note: DecisionNote) -> None:
        """Add revisions of a table that is held; `note` has no reason where all dates are new."""

    async def note_table(self, note: DecisionNote, name: str, detail: Mapping[str, Any]) -> None:
        """Note in the audit log that a table changed."""


class SeriesStore(Protocol):
    """Where series are kept."""

    def transaction(self) -> AbstractAsyncContextManager[SeriesTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back.

        Raises:
            StoreUnavailableError: Try again.
        """


def kept_detail(days: Sequence[PriceDay], reason: str | None) -> Mapping[str, Any]:
    """What the audit log says of days that were added: old versions stay, under their numbers."""
    again = [entry for entry in days if entry.version > 1]
    new = {
        "first": min(entry.day for entry in days),
        "last": max(entry.day for entry in days),
        "days": len(days),
        "versions": {entry.day.isoformat(): entry.version for entry in again},
    }
    old = {"versions": {entry.day.isoformat(): entry.version - 1 for entry in again}}
    return change(old, new, reason)
