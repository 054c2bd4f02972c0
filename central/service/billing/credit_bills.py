"""Make the credit notes of a decision: of some parts of issued bills, and of what adjusts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from central.domain.billing.bill import EarlierBill
from central.domain.billing.credit_note import (
    CreditNote,
    IssuedPart,
    NotCancellableError,
    mirrored,
    numbers_of,
)
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.rounding import printed
from central.service.billing.approve_bills import unknown
from central.service.billing.rate_accounts import IMPORT
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.cancellations import CancellationStore


async def credit_notes(
    bills: BillingStore, store: CancellationStore, chosen: Mapping[UUID, Sequence[IssuedPart]]
) -> list[CreditNote]:
    """Credit notes of what was billed and settled of some parts.

    What adjusts such a part on a bill that stays is credited by a note of that bill.

    Args:
        bills: Where bills are kept.
        store: The same, as far as they are cancelled.
        chosen: The parts to be cancelled of each bill, by its identifier, in time order.

    Returns:
        One for each of those bills, in the same order, then those of other bills.

    Raises:
        UnknownBillError: There is no such bill.
        NotCancellableError: One is not issued, or a credit note.
        PartsUnclearError: It is not told apart what a bill says of the parts.
    """
    also: dict[UUID, set[int]] = {uid: set() for uid in chosen}
    keys = [issued.id for parts in chosen.values() for issued in parts]
    for line in await store.carried(keys):
        also.setdefault(line.bill, set()).add(line.number)
    notes = []
    for uid, numbers in also.items():
        record = await bills.bill(uid)
        if record is None:
            raise unknown(uid)
        every, credited = await store.parts(uid), await store.credited(uid)
        notes.append(_credit_note(record, every, chosen.get(uid, ()), numbers, credited))
    return notes


def takes_all(every: Sequence[IssuedPart], chosen: Sequence[IssuedPart]) -> bool:
    """Whether nothing of a bill stands once some of its parts are cancelled."""
    keys = {issued.id for issued in chosen}
    return bool(keys) and all(issued.id in keys or issued.cancelled_by for issued in every)


def _credit_note(
    record: BillRecord,
    every: Sequence[IssuedPart],
    chosen: Sequence[IssuedPart],
    also: Collection[int],
    credited: Collection[int],
) -> CreditNote:
    of = named(record)
    keys = tuple(issued.id for issued in chosen)
    if takes_all(every, chosen):
        numbers = {entry.position for entry in record.bill.lines}
    else:
        numbers = numbers_of(record.bill, chosen) | set(also)
    note = mirrored(
        record.bill, of, numbers - set(credited), () if len(chosen) == len(every) else chosen
    )
    if len(chosen) == len(every):
        return CreditNote(record.uid, keys, note)
    mine = numbers_of(record.bill, chosen)
    lines = (entry.line for entry in record.bill.lines if entry.position in mine)
    return CreditNote(record.uid, keys, note, printed(charged_energy(lines, IMPORT)))


def named(record: BillRecord) -> EarlierBill:
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
