"""Approve drafts, and issue what is approved; the store enforces both as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from central.domain.billing.state import BillAction, BillState, advance
from central.service.ports.billing import BillHead, BillingStore, RunRecord, UnknownBillError

SERIES = "INV"


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

    async def one(self, uid: UUID, approver: str) -> None:
        """Approve a bill.

        Raises:
            UnknownBillError: There is no such bill.
            BillTransitionError: It is no draft.
            SelfApprovalError: The approver made it.
            StaleBillError: It changed meanwhile.
        """
        record = await self._store.bill(uid)
        if record is None:
            raise unknown(uid)
        advance(record.bill.state, BillAction.APPROVE, actor=approver, creator=record.creator)
        await self._store.approve([uid], approver, self._clock())

    async def run(self, run: RunRecord, approver: str) -> int:
        """Approve every draft of a run.

        Returns:
            How many were approved.

        Raises:
            SelfApprovalError: The approver started the run.
            StaleBillError: One changed meanwhile; nothing was approved.
        """
        uids = [head.uid for head in await in_state(self._store, run, BillState.DRAFT)]
        if uids:
            advance(BillState.DRAFT, BillAction.APPROVE, actor=approver, creator=run.creator)
        return await self._store.approve(uids, approver, self._clock())


class IssueBills:
    """Give approved bills their legal numbers, in one ordered pass.

    Args:
        store: Where bills are kept.
        clock: Now, aware.
        series: Of the numbers.
    """

    def __init__(
        self,
        store: BillingStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        series: str = SERIES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._series = series

    async def one(self, uid: UUID, actor: str) -> None:
        """Issue a bill.

        Raises:
            UnknownBillError: There is no such bill.
            BillTransitionError: It is not approved.
            StaleBillError: It changed meanwhile.
        """
        record = await self._store.bill(uid)
        if record is None:
            raise unknown(uid)
        advance(record.bill.state, BillAction.ISSUE, actor=actor, creator=record.creator)
        await self._store.issue([uid], self._series, actor, self._clock())

    async def run(self, run: RunRecord, actor: str) -> int:
        """Issue every approved bill of a run, by account number.

        Returns:
            How many were issued.

        Raises:
            StaleBillError: One changed meanwhile; nothing was issued and no number is gone.
        """
        heads = await in_state(self._store, run, BillState.APPROVED)
        uids = [head.uid for head in heads]
        return await self._store.issue(uids, self._series, actor, self._clock())


async def in_state(store: BillingStore, run: RunRecord, state: BillState) -> Sequence[BillHead]:
    """The bills of a run in a state, by account number."""
    return [head for head in await store.heads(run) if head.state is state]


def unknown(uid: UUID | str) -> UnknownBillError:
    """The error for an identifier that names no bill."""
    message = f"There is no bill {uid}."
    return UnknownBillError(message, value=str(uid))
