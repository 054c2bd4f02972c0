"""Cancel issued bills: credit notes are proposed by one and approved by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.credit_note import AlreadyCancelledError, IssuedPart, chosen_parts
from central.service.billing.approve_bills import unknown
from central.service.billing.credit_bills import credit_notes, named
from central.service.ports.billing import BillingStore
from central.service.ports.cancellations import CancellationStore
from firmware_bridge.contract.errors import InvalidValueError


class CancelBills:
    """The use-case. What it proposes is approved, issued and discarded as other bills are.

    Args:
        bills: Where bills are kept.
        store: The same, as far as they are cancelled.
        clock: Now, aware.
    """

    def __init__(
        self,
        bills: BillingStore,
        store: CancellationStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bills = bills
        self._store = store
        self._clock = clock

    async def __call__(
        self, uids: Sequence[UUID], actor: Actor, reason: str, points: Sequence[str] = ()
    ) -> Sequence[UUID]:
        """Propose credit notes of issued bills, in one decision.

        Once they are issued, the days of those bills are free to be billed again, and what they
        consumed is open. Drafts, held and approved bills behind them are discarded then.

        Args:
            uids: Of the bills.
            actor: Who proposes; somebody else approves.
            reason: Why, which is kept.
            points: Only the parts of these service points; none for whole bills.

        Returns:
            Identifiers of the drafts, one per bill; then of those for bills that stay, which carry
            adjustments of what is cancelled.

        Raises:
            InvalidValueError: There is no reason.
            UnknownBillError: There is no such bill.
            NotCancellableError: One is not issued, or a credit note.
            AlreadyCancelledError: One is cancelled, or a draft of its credit note is there.
            AdjustedError: One was adjusted meanwhile.
            BilledBehindError: Days behind one are issued, and not cancelled with it.
            PartsUnclearError: Its parts have no lines of their own, or are not named right.
        """
        if not reason.strip():
            message = "A cancellation needs a reason, such as 'wrong tariff agreed'."
            raise InvalidValueError(message, value=reason)
        chosen = {uid: await self._chosen(uid, points) for uid in dict.fromkeys(uids)}
        notes = await credit_notes(self._bills, self._store, chosen)
        return await self._store.propose(notes, actor, self._clock(), reason.strip())

    async def _chosen(self, uid: UUID, points: Sequence[str]) -> Sequence[IssuedPart]:
        record = await self._bills.bill(uid)
        if record is None:
            raise unknown(uid)
        of = named(record)
        every = await self._store.parts(uid)
        chosen = chosen_parts(every, points)
        standing = [issued for issued in chosen if not issued.cancelled_by]
        if not standing or (points and len(standing) < len(chosen)):
            by = ", ".join(
                dict.fromkeys(issued.cancelled_by for issued in chosen if issued.cancelled_by)
            )
            message = f"{of.number} has the credit note {by or 'of no part'}."
            raise AlreadyCancelledError(message, value=of.number)
        return standing
