"""Approve drafts, and issue what is approved; the store enforces both as well.

A bill that an earlier release made may say what the invoice's fonts cannot print, and once it is
issued nothing of it can be changed: so both look at it again, refuse it by name, and do the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import Bill
from central.domain.billing.bill_texts import printed_texts
from central.domain.billing.printable import unprintable_holds
from central.domain.billing.state import BillAction, BillState, advance
from central.service.billing.print_invoice import UnprintableTextError
from central.service.ports.billing import BillHead, BillingStore, RunRecord, UnknownBillError

_REMEDY = "Correct the text, or the name, and run the cycle again."


@dataclass(frozen=True, slots=True)
class RefusedBill:
    """A bill that was skipped.

    Args:
        uid: Its identifier outside.
        account: Number.
        code: Why.
        message: One sentence.
    """

    uid: UUID
    account: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The results for the bills of a run.

    Args:
        count: How many were approved or issued.
        refused: Those that were not, by account number.
    """

    count: int
    refused: tuple[RefusedBill, ...] = ()

    def require_all(self) -> int:
        """The number of bills done; raises if one was refused.

        Raises:
            UnprintableTextError: Some were refused; it names the first, and the others are done.
        """
        if not self.refused:
            return self.count
        first = self.refused[0]
        message = (
            f"{self.count} bills are done, {len(self.refused)} are refused."
            f" {first.account}: {first.message}"
        )
        raise UnprintableTextError(message, value=first.account, remedy=_REMEDY)


class ApproveBills:
    """Move drafts to approved.

    Args:
        store: Where bills are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: BillingStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def one(self, uid: UUID, approver: Actor) -> None:
        """Approve a bill.

        Raises:
            UnknownBillError: There is no such bill.
            BillTransitionError: It is not a draft.
            SelfApprovalError: The approver made it.
            UnprintableTextError: The invoice's fonts lack what it says.
            StaleBillError: It changed meanwhile.
        """
        record = await self._store.bill(uid)
        if record is None:
            raise unknown(uid)
        advance(record.bill.state, BillAction.APPROVE, actor=approver, creator=record.creator)
        check_printable(record.bill)
        await self._store.approve([uid], approver, self._clock())

    async def run(self, run: RunRecord, approver: Actor) -> BulkOutcome:
        """Approve every draft of a run that can be printed; another run holds the others.

        Returns:
            How many were approved, and which were not.

        Raises:
            SelfApprovalError: The approver started the run.
            StaleBillError: One changed meanwhile; nothing was approved.
        """
        heads = await in_state(self._store, run, BillState.DRAFT)
        if heads:
            advance(BillState.DRAFT, BillAction.APPROVE, actor=approver, creator=run.creator)
        uids, refused = await _printable(self._store, heads)
        return BulkOutcome(await self._store.approve(uids, approver, self._clock()), refused)


class IssueBills:
    """Give approved bills their legal numbers, in one ordered pass.

    Args:
        store: Where bills are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: BillingStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def one(self, uid: UUID, actor: Actor) -> None:
        """Issue a bill.

        Raises:
            UnknownBillError: There is no such bill.
            BillTransitionError: It is not approved.
            UnprintableTextError: The invoice's fonts lack what it says; it is a draft again.
            StaleBillError: It changed meanwhile.
        """
        record = await self._store.bill(uid)
        if record is None:
            raise unknown(uid)
        advance(record.bill.state, BillAction.ISSUE, actor=actor, creator=record.creator)
        try:
            check_printable(record.bill)
        except UnprintableTextError:
            await self._store.withdraw([uid], actor, self._clock())
            raise
        await self._store.issue([uid], actor, self._clock())

    async def run(self, run: RunRecord, actor: Actor) -> BulkOutcome:
        """Issue every approved bill of a run that can be printed, by account number.

        The others are drafts again, so that another run holds them or makes them anew.

        Returns:
            How many were issued, and which were not.

        Raises:
            StaleBillError: One changed meanwhile; nothing was issued and no number is gone.
        """
        heads = await in_state(self._store, run, BillState.APPROVED)
        uids, refused = await _printable(self._store, heads)
        now = self._clock()
        if refused:
            await self._store.withdraw([one.uid for one in refused], actor, now)
        return BulkOutcome(await self._store.issue(uids, actor, now), refused)


def check_printable(bill: Bill) -> None:
    """Check that the invoice's fonts can print a bill's texts.

    Raises:
        UnprintableTextError: They cannot; it names the characters.
    """
    found = unprintable_holds(printed_texts(bill))
    if found:
        message = " ".join(hold.message for hold in found)
        raise UnprintableTextError(message, value=found[0].evidence, remedy=_REMEDY)


async def _printable(
    store: BillingStore, heads: Sequence[BillHead]
) -> tuple[list[UUID], tuple[RefusedBill, ...]]:
    """Bills that can be printed, in their order, and those that cannot."""
    refused: dict[UUID, RefusedBill] = {}
    doubtful = set(await store.beyond_ascii([head.uid for head in heads]))
    for head in heads:
        record = await store.bill(head.uid) if head.uid in doubtful else None
        try:
            if record is not None:
                check_printable(record.bill)
        except UnprintableTextError as error:
            refused[head.uid] = RefusedBill(head.uid, head.account, error.code, error.message)
    return [head.uid for head in heads if head.uid not in refused], tuple(refused.values())


async def in_state(store: BillingStore, run: RunRecord, state: BillState) -> Sequence[BillHead]:
    """The bills of a run in a state, by account number."""
    return [head for head in await store.heads(run) if head.state is state]


def unknown(uid: UUID | str) -> UnknownBillError:
    """The error for an identifier that names no bill."""
    message = f"The bill {uid} does not exist."
    return UnknownBillError(message, value=str(uid))
