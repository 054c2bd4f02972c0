"""What cancelling bills and billing their days anew, in one decision, needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.credit_note import CreditNote
from central.service.ports.bill_shard import NewBill
from central.service.ports.corrections import TailTransaction


class Rebill(NamedTuple):
    """A credit note with the bill that takes the place of what it cancels.

    Args:
        note: The credit note; its parts in the order of the bill's.
        bill: What is billed in their place.
    """

    note: CreditNote
    bill: NewBill


class RebillTransaction(TailTransaction, Protocol):
    """An account's issued bills from one on, to be billed anew."""

    def tried(self) -> AbstractAsyncContextManager[None]:
        """What is done within is undone at its end."""

    async def propose(
        self, rebills: Sequence[Rebill], others: Sequence[CreditNote], actor: Actor, reason: str
    ) -> tuple[UUID, ...]:
        """Keep drafts of credit notes and bills that are decided together, all or none.

        Args:
            rebills: By time.
            others: Credit notes of bills that stay, for adjustments which they carry.
            actor: Who proposes them; somebody else approves them.
            reason: Why.

        Returns:
            Identifiers of the bills in the same order.

        Raises:
            AlreadyCancelledError: A part has a credit note, or a draft of one.
            AdjustedError: A part was adjusted meanwhile.
        """


class RebillStore(Protocol):
    """Where bills are cancelled and billed anew."""

    def rebilling(
        self, account: str, since: UUID | None, at: datetime
    ) -> AbstractAsyncContextManager[RebillTransaction | None]:
        """Take an account's issued bills; what is proposed of them is kept at the end.

        Args:
            account: Number.
            since: The first of them; None for the first of which an input is another.
            at: When the use-case began, aware.

        Yields:
            The bills; None where the account has no such bill.

        Raises:
            NotRegisteredError: There is no such account.
            UnknownBillError: `since` is no issued bill of the account.
        """
