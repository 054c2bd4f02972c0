"""What price and factor series need of a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Protocol

from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.rating.inputs.price_days import PriceDay
from central.service.ports.concerned_bills import ConcernedBills
from firmware_bridge.contract.errors import OperatorError


class SeriesConflictError(OperatorError):
    """What is known of a series is given otherwise, and nobody said why."""

    code = "SERIES_CONFLICT"
    default_remedy = "Give a reason to replace the numbers; earlier bills keep theirs."


class SeriesTransaction(Protocol):
    """One transaction on the series."""

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
