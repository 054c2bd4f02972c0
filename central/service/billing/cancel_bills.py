"""Cancel issued bills: credit notes are proposed by one and approved by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import EarlierBill
from central.domain.billing.credit_note import (
    AlreadyCancelledError,
    CreditNote,
    IssuedPart,
    NotCancellableError,
    chosen_parts,
    lines_of,
    mirrored,
)
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.rounding import printed
from central.service.billing.approve_bills import unknown
from central.service.billing.rate_accounts import IMPORT
from central.service.ports.billing import BillingStore, BillRecord
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
            Identifiers of the drafts, one per bill.

        Raises:
            InvalidValueError: There is no reason.
            UnknownBillError: There is no such bill.
            NotCancellableError: One is not issued, or a credit note.
            AlreadyCancelledError: One is cancelled, or a draft of its credit note is there.
            BilledBehindError: Days behind one are issued, and not cancelled with it.
            PartsUnclearError: Its parts have no lines of their own, or are not named right.
        """
        if not reason.strip():
            message = "A cancellation needs a reason, such as 'wrong tariff agreed'."
            raise InvalidValueError(message, value=reason)
        notes = [await self._note(uid, points) for uid in dict.fromkeys(uids)]
        return await self._store.propose(notes, actor, self._clock(), reason.strip())

    async def _note(self, uid: UUID, points: Sequence[str]) -> CreditNote:
        record = await self._bills.bill(uid)
        if record is None:
            raise unknown(uid)
        of = _named(record)
        every = await self._store.parts(uid)
        chosen = chosen_parts(every, points)
        standing = [issued for issued in chosen if not issued.cancelled_by]
        if not standing or (points and len(standing) < len(chosen)):
            by = ", ".join(
                dict.fromkeys(issued.cancelled_by for issued in chosen if issued.cancelled_by)
            )
            message = f"{of.number} has the credit note {by or 'of no part'}."
            raise AlreadyCancelledError(message, value=of.number)
        return credit_note(record, every, standing)


def credit_note(
    record: BillRecord, every: Sequence[IssuedPart], chosen: Sequence[IssuedPart]
) -> CreditNote:
    """The credit note of some parts of an issued bill.

    Args:
        record: The bill.
        every: All of its parts.
        chosen: Those that are cancelled, in time order.

    Raises:
        NotCancellableError: It is not issued, or a credit note.
        PartsUnclearError: It is not told apart what the bill says of them.
    """
    of = _named(record)
    keys = tuple(issued.id for issued in chosen)
    if len(chosen) == len(every):
        return CreditNote(record.uid, keys, mirrored(record.bill, of))
    if any(entry.line.adjusts for entry in record.bill.lines):
        message = f"{of.number} carries adjustments of earlier bills, which no part of it has."
        raise NotCancellableError(message, value=of.number, remedy="Cancel it as a whole.")
    lines = (entry.line for entry in lines_of(record.bill, chosen))
    kwh = printed(charged_energy(lines, IMPORT))
    return CreditNote(record.uid, keys, mirrored(record.bill, of, chosen), kwh)


def _named(record: BillRecord) -> EarlierBill:
    """An issued bill, as its credit note names it.

    Raises:
        NotCancellableError: It is not issued, or a credit note.
    """
    if record.issue is None or record.content_sha256 is None:
        message = f"The bill {record.uid} is {record.bill.state}: only an issued one is cancelled."
        raise NotCancellableError(message, value=str(record.uid))
    if record.bill.cancels is not None:
        message = f"{record.issue.number} is a credit note, which is never cancelled."
        remedy = "Bill the days again, which its cancellation left free."
        raise NotCancellableError(message, value=record.issue.number, remedy=remedy)
    return EarlierBill(record.issue.number, record.issue.issued, record.content_sha256)
