"""Cancel issued bills that would say something else today, and bill their days anew, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import BillLine
from central.domain.billing.credit_note import CreditNote, IssuedPart
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.rounding import printed
from central.service.billing.approve_bills import check_printable, unknown
from central.service.billing.correct_bills import check_smallest
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.credit_bills import credit_notes
from central.service.billing.rate_accounts import IMPORT
from central.service.billing.rate_tail import CorrectedBill, CorrectedPart, rate_tail
from central.service.ports.bill_shard import NewBill
from central.service.ports.billing import BillingStore, BillRecord
from central.service.ports.cancellations import CancellationStore
from central.service.ports.rebills import Rebill, RebillStore
from firmware_bridge.contract.errors import InvalidValueError, OperatorError


class NothingDiffersError(OperatorError):
    """Every issued bill says today what it said."""

    code = "NOTHING_DIFFERS"
    default_remedy = "Change what is wrong first, such as the tariff or the readings."


class RebillBills:
    """The use-case. What it proposes is approved, issued and discarded as other bills are.

    Args:
        bills: Where bills are kept.
        cancellations: The same, as far as they are cancelled.
        store: The same, as far as they are billed anew.
        clock: Now, aware.
    """

    def __init__(
        self,
        bills: BillingStore,
        cancellations: CancellationStore,
        store: RebillStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bills = bills
        self._cancellations = cancellations
        self._store = store
        self._clock = clock

    async def __call__(
        self,
        account: str,
        actor: Actor,
        reason: str,
        since: UUID | None = None,
        *,
        only_changed: bool = False,
    ) -> tuple[UUID, ...]:
        """Propose credit notes of an account's bills, and bills in their place, in one decision.

        The bills are rated from their newest inputs, from the earliest changed one on, until one
        says and leaves what it did. What is issued takes over the days, whatever is billed behind.

        Args:
            account: Number.
            actor: Who proposes; somebody else approves.
            reason: Why, which is kept.
            since: Identifier of the first bill; None for the first of which an input is another.
            only_changed: Whether of each bill only the parts that differ are cancelled and billed
                anew, with others of their occupancy; all of them where they share a state with
                others of their account, or end on another day.

        Returns:
            Identifiers of the drafts that replace bills, by time; each names its own.

        Raises:
            InvalidValueError: There is no reason.
            NotRegisteredError: There is no such account.
            UnknownBillError: The account has no such issued bill.
            NothingDiffersError: No bill would say something else.
            CorrectionHeldError: One cannot be rated again as its inputs are.
            BelowSmallestError: The difference is smaller than a limit says.
            AlreadyCancelledError: One has a credit note, or the draft of one.
            AdjustedError: One was adjusted meanwhile.
            UnprintableTextError: The invoice's fonts lack what one would say.
        """
        if not reason.strip():
            message = "A new bill needs a reason, such as 'late readings of March'."
            raise InvalidValueError(message, value=reason)
        async with self._store.rebilling(account, since, self._clock()) as work:
            if work is None:
                raise _nothing(account)
            async with work.tried():
                rated = await rate_tail(work)
            if not any(_differs(corrected) for bill in rated for corrected in bill.parts):
                raise _nothing(account)
            differing = [bill for bill in rated if any(map(_is_other, bill.parts))]
            await check_smallest(work, CorrectionReport(account, tuple(rated)))
            choices = [await self._choice(bill, only_changed=only_changed) for bill in differing]
            chosen = {choice.record.uid: _in_time(choice.replaced) for choice in choices}
            notes = await credit_notes(self._bills, self._cancellations, chosen)
            rebills = [
                await self._rebill(choice, note, chosen)
                for choice, note in zip(choices, notes, strict=False)
            ]
            return await work.propose(rebills, notes[len(rebills) :], actor, reason.strip())

    async def _choice(self, bill: CorrectedBill, *, only_changed: bool) -> _Choice:
        record = await self._bills.bill(bill.head.uid)
        if record is None:
            raise unknown(bill.head.uid)
        every = {issued.id: issued for issued in await self._cancellations.parts(record.uid)}
        numbers = _together(bill) if only_changed else range(len(bill.parts))
        replaced = [every[bill.parts[number].part_id] for number in numbers]
        return _Choice(bill, record, numbers, replaced)

    async def _rebill(
        self, choice: _Choice, note: CreditNote, chosen: Mapping[UUID, Sequence[IssuedPart]]
    ) -> Rebill:
        """What replaces a bill; adjustments of what stays, which it carried, come along."""
        going = [issued.id for parts in chosen.values() for issued in parts]
        closed = {
            line.number
            for line in await self._cancellations.carried(going)
            if line.bill == choice.record.uid
        }
        credited = {entry.position for entry in note.bill.lines}
        carried = [
            entry
            for entry in choice.record.bill.lines
            if entry.line.adjusts and entry.position in credited - closed
        ]
        new = _narrowed(choice, carried)
        check_printable(new.bill)
        ordered = note._replace(parts=tuple(issued.id for issued in choice.replaced))
        return Rebill(ordered, new)


class _Choice(NamedTuple):
    """What is billed anew of an issued bill.

    Args:
        bill: As it is rated now.
        record: As it is.
        numbers: Of the parts, from 0.
        replaced: The same parts, as they were issued.
    """

    bill: CorrectedBill
    record: BillRecord
    numbers: Sequence[int]
    replaced: Sequence[IssuedPart]


def _nothing(account: str) -> NothingDiffersError:
    message = f"Every issued bill of {account} says today what it said."
    return NothingDiffersError(message, value=account)


def _differs(corrected: CorrectedPart) -> bool:
    """Whether a part says or leaves something else."""
    return bool(corrected.differences) or corrected.leaves_other


def _is_other(corrected: CorrectedPart) -> bool:
    """Whether a part does, or what it opened with stands no more."""
    return corrected.opens_other or _differs(corrected)


def _together(bill: CorrectedBill) -> Sequence[int]:
    """The parts that differ, with those that cannot be rated without them, or they without those.

    What shares a state with its account, or the days of its bill with others of its occupancy, is
    rated with them; and taxes may go by the last day that the bill bills.
    """
    every = range(len(bill.parts))
    if any(brought.shared is not None for brought in bill.new.parts):
        return every
    differ = {corrected.occupancy_id for corrected in bill.parts if _is_other(corrected)}
    chosen = [number for number in every if bill.parts[number].occupancy_id in differ]
    lasts = [
        max(bill.parts[number].days.end for number in numbers)
        for numbers in (chosen, [number for number in every if number not in chosen])
        if numbers
    ]
    return chosen if len(set(lasts)) == 1 else every


def _in_time(parts: Sequence[IssuedPart]) -> list[IssuedPart]:
    return sorted(parts, key=lambda issued: (issued.days.first, issued.id))


def _narrowed(choice: _Choice, carried: Sequence[BillLine]) -> NewBill:
    """A bill of some of its parts, as the next revision of an issued one.

    Args:
        choice: Which.
        carried: Lines of that, which adjust others.
    """
    new, numbers, record = choice.bill.new, choice.numbers, choice.record
    of_parts = [new.bill.lines[first - 1 : end - 1] for first, end in new.line_numbers()]
    entries = [entry for number in numbers for entry in of_parts[number]] + list(carried)
    bill = replace(
        new.bill,
        supplies=tuple(new.bill.supplies[number] for number in numbers),
        lines=tuple(
            BillLine(position, entry.service_point, entry.line)
            for position, entry in enumerate(entries, start=1)
        ),
        revision=record.bill.revision + 1,
        replaces=record.content_sha256 or "",
        replaced=record.number or "",
        # The first of the chain has said it.
        previous_balance=None,
    )
    parts = tuple(new.parts[number] for number in numbers)
    if len(parts) == len(new.parts):
        return replace(new, bill=bill, parts=parts)
    charged = (
        charged_energy([entry.line for entry in of_parts[number]], IMPORT) for number in numbers
    )
    kwh = printed(sum(charged, Fraction(0)))
    return replace(new, bill=bill, parts=parts, kwh=kwh, validated_kwh=kwh)
