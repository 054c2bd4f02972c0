"""What cancelling bills needs of a store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.credit_note import CarriedLine, CreditNote, IssuedPart


class ChainedBill(NamedTuple):
    """A bill that cancels or replaces another, or is cancelled or replaced.

    Args:
        how: Seen from the bill asked for: `cancels`, `cancelled by`, `replaces` or `replaced by`;
            of a credit note `billed anew as`, of a bill that replaces one `after`.
        uid: Its identifier outside.
        number: Legal number as printed; None until it is issued.
        state: Where it stands.
    """

    how: str
    uid: UUID
    number: str | None
    state: str

    def to_json(self) -> dict[str, str | None]:
        """As a JSON object."""
        return {"how": self.how, "bill": str(self.uid), "number": self.number, "state": self.state}

    def __str__(self) -> str:
        return f"{self.how} {self.number or f'{self.uid} ({self.state})'}"


class CancellationStore(Protocol):
    """Where bills are kept, as far as they are cancelled."""

    async def parts(self, uid: UUID) -> Sequence[IssuedPart]:
        """The parts of a bill, in time order; none where there is no such bill."""

    async def carried(self, parts: Collection[int]) -> Sequence[CarriedLine]:
        """What issued bills carry of the adjustments of some parts, given by their keys."""

    async def credited(self, uid: UUID) -> Collection[int]:
        """Numbers of the lines of a bill that a credit note has, or the draft of one."""

    async def chain(self, uid: UUID) -> Sequence[ChainedBill]:
        """What is directly before and after a bill in its chain, oldest first."""

    async def propose(
        self, notes: Sequence[CreditNote], actor: Actor, at: datetime, reason: str
    ) -> Sequence[UUID]:
        """Keep drafts of credit notes that are decided together, all or none.

        Args:
            notes: Of issued bills.
            actor: Who proposes them; somebody else approves them.
            at: When.
            reason: Why.

        Returns:
            Their identifiers, in the same order.

        Raises:
            AlreadyCancelledError: A part has a credit note, or a draft of one.
            AdjustedError: A part was adjusted meanwhile.
            BilledBehindError: Days behind some part are issued and stay so.
            NotCancellableError: A bill is not issued.
        """
