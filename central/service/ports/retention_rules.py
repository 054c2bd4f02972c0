"""What retention by rules needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.retention import (
    FloorEntry,
    FloorStep,
    HoldOf,
    LegalHold,
    PastTerm,
    RetentionKind,
    RetentionReceipt,
    RetentionRule,
    RetentionTerm,
)
from central.service.ports.decisions import DecisionNote


class RetentionRuleStore(Protocol):
    """Rules, legal holds and what was deleted. What changes waits for what deletes."""

    async def enter_rule(self, term: RetentionTerm, note: DecisionNote) -> RetentionRule:
        """Enter the next revision of a rule.

        Raises:
            NotRegisteredError: There is no such group.
        """
        ...

    async def rules(self) -> Sequence[RetentionRule]:
        """All revisions: by kind, everybody first, of each group the newest first."""
        ...

    async def place_hold(self, of: HoldOf, name: str, case: str, note: DecisionNote) -> LegalHold:
        """Place a legal hold.

        Raises:
            NotRegisteredError: There is no such account, point or meter.
            HoldExistsError: It is held for that case already.
        """
        ...

    async def lift_hold(self, uid: UUID, note: DecisionNote) -> LegalHold:
        """Lift a legal hold.

        Raises:
            NoSuchHoldError: None that holds has that identifier.
        """
        ...

    async def holds(self) -> Sequence[LegalHold]:
        """All holds: those that hold first, the newest first."""
        ...

    async def restored_at(self, now: datetime) -> datetime | None:
        """When the database was restored, where nobody resumed deleting since.

        Args:
            now: Aware; the answer where no process has seen yet that it was.
        """
        ...

    async def resume(self, note: DecisionNote) -> None:
        """Note that rules and holds are those that hold, so that deleting goes on."""
        ...

    async def past_term(self, at: datetime) -> Sequence[PastTerm]:
        """What is past its term and still there, by kind and month."""
        ...

    async def drop(
        self, kind: RetentionKind, at: datetime, limit: int, actor: Actor
    ) -> Sequence[RetentionReceipt]:
        """Delete what is past its term, the earliest first, in one transaction.

        Args:
            kind: What.
            at: When.
            limit: Most rows; of readings most channels, where some of a month stay.
            actor: Who; the audit log has each receipt.
        """
        ...

    async def raise_floors(
        self, day: date, point: str | None, group: str | None, note: DecisionNote, *, dry: bool
    ) -> Sequence[FloorStep]:
        """Raise floors to a day: of a service point, of those that a group reaches, or of all.

        Args:
            day: The first day that may still be validated.
            point: Name of the service point; None for more than one.
            group: Name of the group; None for all.
            note: Who raises them, and why.
            dry: Only say what it would come to.

        Returns:
            Of those that lie lower, in order of names; what is refused stays.

        Raises:
            NotRegisteredError: There is no such service point or group.
        """
        ...

    async def floors(self, limit: int) -> Sequence[FloorEntry]:
        """How floors were raised, the newest first."""
        ...

    async def receipts(self, limit: int) -> Sequence[RetentionReceipt]:
        """What was deleted, the newest first."""
        ...
