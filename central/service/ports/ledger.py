"""What the account ledger needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from central.domain.billing.ledger import LedgerEntry
from central.service.ports.decisions import DecisionNote


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry as it is kept.

    Args:
        id: Its key in the store.
        entry: What was posted.
        left: Its amount, less what was given back or lapsed. [currency]
        consumed_by: Identifier of the bill that has consumed it; "" while it is open.
        state: Of that bill; "" while it is open.
        recorded_at: When it was posted.
        actor: Key of who posted it.
        reason: Why.
    """

    id: int
    entry: LedgerEntry
    left: Decimal
    consumed_by: str
    state: str
    recorded_at: datetime
    actor: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "key": self.entry.key,
            "account": self.entry.account,
            "kind": self.entry.kind.value,
            "day": self.entry.day.isoformat(),
            "amount": format(self.entry.amount, "f"),
            "currency": self.entry.currency,
            "bank": self.entry.bank or None,
            "point": self.entry.point or None,
            "bill": self.entry.bill or None,
            "of": self.entry.of or None,
            "name": self.entry.name or None,
            "taxes": list(self.entry.taxes),
            "expires": None if self.entry.expires is None else self.entry.expires.isoformat(),
            "left": format(self.left, "f"),
            "consumed_by": self.consumed_by or None,
            "state": self.state or "open",
            "recorded_at": self.recorded_at.isoformat(),
            "actor": self.actor,
            "reason": self.reason,
        }


class LedgerStore(Protocol):
    """Where entries are kept; none is ever changed."""

    async def tariffs_of(self, account: str, point: str) -> Sequence[str] | None:
        """Texts in force of the tariffs of an account's agreements; None of an unknown account.

        Args:
            account: Number.
            point: Of agreements at this service point alone; "" for all.
        """

    async def post(self, entry: LedgerEntry, note: DecisionNote, *, keep: bool = True) -> bool:
        """Post an entry once, raise the account's revision and log it.

        Args:
            entry: What is posted.
            note: Who posts it, and why.
            keep: Whether it is kept; else it is only said what would become of it.

        Returns:
            Whether it is new; False where the same was posted before.

        Raises:
            NotRegisteredError: There is no such account or service point.
            EntryDiffersError: The key was used for another entry.
            EntryRefusedError: The entry or bill that it names is not there, or not the account's,
                or has another currency or less money left; the bill is not issued.
            EntryConsumedError: An approved or issued bill has consumed the entry that it is of.
        """

    async def entry(self, key: str) -> PostedEntry | None:
        """An entry by the key that its sender gave."""

    async def entries(self, account: str | None, after: int, limit: int) -> Sequence[PostedEntry]:
        """Entries in the order in which they were posted.

        Args:
            account: Number; None for all.
            after: Those behind this one's id.
            limit: How many at most.
        """
