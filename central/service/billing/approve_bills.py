"""Approve drafts, and issue what is approved; the store enforces both as well.

A bill that an earlier release made may say what the invoice's fonts cannot print, and once it is
issued nothing of it can be changed: so both look at it again, refuse it by name, and do the others.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill import Bill
from central.domain.billing.bill_texts import printed_texts
from central.domain.billing.chain_order import (
    BillOutdatedError,
    PredecessorNotApprovedError,
    PredecessorNotIssuedError,
)
from central.domain.billing.printable import unprintable_holds
from central.domain.billing.state import BillAction, BillState, SelfApprovalError, advance
from central.service.billing.fresh_bills import (
    BillInputsError,
    ValidationPendingError,
    on_newest_inputs,
)
from central.service.billing.invoice_document import UnprintableTextError
from central.service.billing.issue_registrable import issue_registrable
from central.service.ports.bill_shard import RunRecord
from central.service.ports.billing import BillHead, BillingStore, BillRecord
from central.service.ports.billing_errors import UnknownBillError
from central.service.ports.stamps import Decided
from firmware_bridge.contract.errors import InvalidValueError, OperatorError

_STALE = (BillInputsError, BillOutdatedError)
_REMEDY = "Correct the text, or the name, and run the cycle again."
_ERRORS: dict[str, type[OperatorError]] = {
    kind.code: kind
    for kind in (
        BillInputsError,
        ValidationPendingError,
        PredecessorNotApprovedError,
        PredecessorNotIssuedError,
        SelfApprovalError,
    )
}


@dataclass(frozen=True, slots=True)
class RefusedBill:
    """A bill that was skipped.

    Args:
        uid: Its identifier outside.
        account: Number.
        period: Name of the period that it bills.
        code: Why.
        message: One sentence.
    """

    uid: UUID
    account: str
    period: str
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
            BillInputsError: Likewise.
            ValidationPendingError: Likewise.
            SelfApprovalError: Likewise.
        """
        if not self.refused:
            return self.count
        first = self.refused[0]
        message = (
            f"{self.count} bills are done, {len(self.refused)} are refused."
            f" {first.account}: {first.message}"
        )
        error = _ERRORS.get(first.code, UnprintableTextError)
        remedy = _REMEDY if error is UnprintableTextError else None
        raise error(message, value=first.account, remedy=remedy)


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
            SelfApprovalError: The approver worked on it: made it or ran it again, edited its
                days, accepted a finding or decided a conflict of them.
            UnprintableTextError: The invoice's fonts lack what it says.
            BillInputsError: It would say something else today.
            BillOutdatedError: The bill before it was made anew.
            PredecessorNotApprovedError: The bill before it is not approved.
            ValidationPendingError: Changes of its days wait.
            StaleBillError: It changed meanwhile.
        """
        record = await self._store.bill(uid)
        if record is None:
            raise unknown(uid)
        advance(record.bill.state, BillAction.APPROVE, actor=approver, creator=record.creator)
        check_printable(record.bill)
        _, refused = await self._decide([uid], await _run_of(self._store, record), approver)
        for error in refused.values():
            raise _of_decision(error, record)

    async def run(self, run: RunRecord, approver: Actor) -> BulkOutcome:
        """Approve every draft of a run that can be printed and whose inputs are the newest.

        Another run holds the others, or makes them anew.

        Returns:
            How many were approved, and which were not.

        Raises:
            SelfApprovalError: The approver worked on every one of them.
            StaleBillError: The state of one changed meanwhile; those behind it were not approved.
        """
        heads = await in_state(self._store, run, BillState.DRAFT)
        uids, unprintable = await _printable(self._store, heads)
        count, refused = await self._decide(uids, run, approver)
        own = [error for error in refused.values() if isinstance(error, SelfApprovalError)]
        if own and len(own) == len(uids):
            raise own[0]
        return BulkOutcome(count, _in_order(heads, unprintable, refused))

    async def _decide(
        self, uids: Sequence[UUID], run: RunRecord, approver: Actor
    ) -> tuple[int, dict[UUID, OperatorError]]:
        async def decide(portion: Sequence[UUID]) -> Decided:
            return await self._store.approve(portion, approver, self._clock())

        return await on_newest_inputs(self._store, uids, run, decide, self._clock)


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
            BillInputsError: It would say something else today; it is a draft again.
            BillOutdatedError: The bill before it was made anew; it is a draft again.
            PredecessorNotIssuedError: The bill before it is not issued.
            ValidationPendingError: Changes of its days wait; it stays approved.
            EInvoiceRulesError: It is a credit note that breaks rules of structured invoices; it
                stays approved, as one whose address the fonts lack.
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
        _, refused = await self._decide([uid], await _run_of(self._store, record), actor)
        for error in refused.values():
            raise _of_decision(error, record)

    async def run(self, run: RunRecord, actor: Actor) -> BulkOutcome:
        """Issue every approved bill of a run that can be printed, by account number.

        The others are drafts again, so that another run holds them or makes them anew; but where
        only validation has to go through a change, they stay approved.

        Returns:
            How many were issued, and which were not.

        Raises:
            StaleBillError: The state of one changed meanwhile; those behind it were not issued,
                and no number is gone.
        """
        heads = await in_state(self._store, run, BillState.APPROVED)
        uids, unprintable = await _printable(self._store, heads)
        if unprintable:
            await self._store.withdraw(list(unprintable), actor, self._clock())
        count, refused = await self._decide(uids, run, actor)
        return BulkOutcome(count, _in_order(heads, unprintable, refused))

    async def _decide(
        self, uids: Sequence[UUID], run: RunRecord, actor: Actor
    ) -> tuple[int, dict[UUID, OperatorError]]:
        async def decide(portion: Sequence[UUID]) -> Decided:
            return await issue_registrable(self._store, portion, actor, self._clock())

        count, refused = await on_newest_inputs(self._store, uids, run, decide, self._clock)
        stale = [uid for uid, error in refused.items() if isinstance(error, _STALE)]
        if stale:
            await self._store.withdraw(stale, actor, self._clock())
        return count, refused


class DiscardBills:
    """Discard drafts and held bills: their days are free to be billed again.

    Args:
        store: Where bills are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: BillingStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, uids: Sequence[UUID], actor: Actor, reason: str = "") -> int:
        """Discard bills, all or none.

        Args:
            uids: Of the bills.
            actor: Who.
            reason: Why, for the audit log; "" for none.

        Returns:
            How many.

        Raises:
            UnknownBillError: There is no such bill.
            BillTransitionError: One is approved or issued.
            PeriodBilledError: Days behind one are billed by another that stays.
            StaleBillError: One changed meanwhile.
        """
        for uid in uids:
            record = await self._store.bill(uid)
            if record is None:
                raise unknown(uid)
            advance(record.bill.state, BillAction.DISCARD, actor=actor, creator=record.creator)
        return await self._store.discard(uids, actor, self._clock(), reason)


class WithdrawBills:
    """Take approvals back before issue: the bills are drafts again, to be looked at anew.

    Args:
        store: Where bills are kept.
        clock: Now, aware.
    """

    def __init__(
        self, store: BillingStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, uids: Sequence[UUID], actor: Actor, reason: str) -> int:
        """Make approved bills drafts again, and those behind them, all or none.

        Their days stay claimed, and those who worked on them stay their contributors.

        Args:
            uids: Of the bills.
            actor: Who.
            reason: Why, for the audit log.

        Returns:
            How many are drafts again, those behind them among them.

        Raises:
            InvalidValueError: There is no reason.
            UnknownBillError: There is no such bill.
            BillTransitionError: One is not approved.
            StaleBillError: One changed meanwhile.
        """
        if not reason.strip():
            message = "Taking an approval back needs a reason, such as 'price per kWh mistyped'."
            raise InvalidValueError(message, value=reason)
        for uid in uids:
            record = await self._store.bill(uid)
            if record is None:
                raise unknown(uid)
            advance(record.bill.state, BillAction.WITHDRAW, actor=actor, creator=record.creator)
        return await self._store.withdraw(uids, actor, self._clock(), reason)


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
) -> tuple[list[UUID], dict[UUID, OperatorError]]:
    """Bills that can be printed, in their order, and those that cannot."""
    refused: dict[UUID, OperatorError] = {}
    doubtful = set(await store.beyond_ascii([head.uid for head in heads]))
    for head in heads:
        record = await store.bill(head.uid) if head.uid in doubtful else None
        try:
            if record is not None:
                check_printable(record.bill)
        except UnprintableTextError as error:
            refused[head.uid] = error
    return [head.uid for head in heads if head.uid not in refused], refused


def _in_order(
    heads: Sequence[BillHead], *refused: Mapping[UUID, OperatorError]
) -> tuple[RefusedBill, ...]:
    """The bills that were refused, by account number."""
    errors = ChainMap(*map(dict, refused))
    return tuple(
        RefusedBill(head.uid, head.account, head.period, error.code, _sentence(error))
        for head in heads
        if (error := errors.get(head.uid)) is not None
    )


def _sentence(error: OperatorError) -> str:
    return error.message if isinstance(error, UnprintableTextError) else str(error)


def _of_decision(error: OperatorError, record: BillRecord) -> OperatorError:
    """An error of a bill; one that was proposed with a cancellation is made again by no run."""
    if record.decision is None or not isinstance(error, _STALE):
        return error
    remedy = "Discard what was proposed with `bill discard`, then propose it again."
    return type(error)(error.message, value=error.value, remedy=remedy)


async def _run_of(store: BillingStore, record: BillRecord) -> RunRecord:
    """The run of a bill, which has one."""
    run = await store.run_of(record.run)
    if run is None:
        raise unknown(record.uid)
    return run


async def in_state(store: BillingStore, run: RunRecord, state: BillState) -> Sequence[BillHead]:
    """The bills of a run in a state, by account number."""
    return [head for head in await store.heads(run) if head.state is state]


def unknown(uid: UUID | str) -> UnknownBillError:
    """The error for an identifier that names no bill."""
    message = f"The bill {uid} does not exist."
    return UnknownBillError(message, value=str(uid))
