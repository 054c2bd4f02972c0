"""Correct issued bills that would say something else today.

One person decides what becomes of them, another approves it. Both see what the tail of the account
says when it is rated again; approving refuses where that is another by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.correction import (
    CorrectionStaleError,
    CorrectionState,
    CorrectionWay,
    NoNextBillError,
    NothingToCorrectError,
    no_such_correction,
)
from central.domain.billing.correction_rule import CorrectionRule
from central.domain.billing.state import SelfApprovalError
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.rate_tail import rate_tail
from central.service.ports.corrections import (
    Correction,
    CorrectionStore,
    NewAdjustment,
    NewCorrection,
    TailTransaction,
)
from central.service.ports.decisions import DecisionNote
from central.service.views.paging import Page, paged, uuid_of_cursor
from firmware_bridge.contract.errors import InvalidValueError

LIST_MAX = 1_000
"""How many decisions a list has at most."""


class CorrectBills:
    """The use-cases.

    Args:
        store: Where issued bills are corrected.
        clock: Now, aware.
    """

    def __init__(
        self, store: CorrectionStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def preview(self, account: str, since: UUID | None = None) -> CorrectionReport:
        """What an account's issued bills would say, rated from their newest inputs; a dry run.

        Args:
            account: Number.
            since: Identifier of the first bill; None for the first of which an input is another.

        Returns:
            A report without bills where no input is another.

        Raises:
            NotRegisteredError: There is no such account.
            UnknownBillError: The account has no such issued bill.
            CorrectionHeldError: A bill cannot be rated again as its inputs are.
            CorrectionOrderError: One would share another state with its account than it does.
        """
        async with self._store.tail(account, since, self._clock()) as work:
            return CorrectionReport(account) if work is None else await _report(work)

    async def decide(
        self, account: str, way: CorrectionWay, actor: Actor, reason: str, since: UUID | None = None
    ) -> UUID:
        """Decide what becomes of an account's issued bills; another person approves it.

        Args:
            account: Number.
            way: What becomes of them.
            actor: Who decides.
            reason: Why.
            since: As for `preview`.

        Returns:
            Identifier of the decision.

        Raises:
            InvalidValueError: There is no reason.
            NothingToCorrectError: They say what they would say today.
            NoNextBillError: No bill is to come that could carry the difference.
            BelowSmallestError: The difference is smaller than a limit says.
            CorrectionWaitingError: The account has a decision that waits.
            CorrectionHeldError: And more: see `preview`.
        """
        note = self._note(actor, reason)
        async with self._store.tail(account, since, note.at) as work:
            report = CorrectionReport(account) if work is None else await _report(work)
            if work is None or not report.differs:
                message = f"The issued bills of {account} say what they would say today."
                raise NothingToCorrectError(message, value=account)
            if way is CorrectionWay.ADJUST:
                await _check_adjustable(work, report)
            await work.undo()
            decided = NewCorrection(way, report.causes, report.brief(), report.sha256)
            uid = await work.decide(decided, note)
            work.keep()
        return uid

    async def approve(self, uid: UUID, actor: Actor) -> tuple[UUID, ...]:
        """Approve a decision: it is carried out at once, all of it or nothing.

        Returns:
            Approved bills of the account that are drafts again.

        Raises:
            NoSuchCorrectionError: None of that identifier waits.
            SelfApprovalError: The approver decided it, or worked on what it corrects.
            CorrectionStaleError: The bills would say something else than was decided on.
            NoNextBillError: No bill is to come any more that could carry the difference.
            BelowSmallestError: The difference is smaller than a limit says.
            CorrectionHeldError: And more: see `preview`.
        """
        waiting = await self._store.correction(uid)
        if waiting is None or waiting.state is not CorrectionState.DECIDED:
            raise no_such_correction(uid)
        at = self._clock()
        async with self._store.tail(waiting.account, waiting.from_bill, at) as work:
            if work is None or not await work.waits(uid):
                raise no_such_correction(uid)
            await _check_people(work, [actor.key])
            report = await _report(work)
            if report.sha256 != waiting.difference_sha256:
                message = f"The bills of {waiting.account} would say something else by now."
                raise CorrectionStaleError(message, value=str(uid))
            withdrawn: Sequence[UUID] = ()
            if waiting.way is CorrectionWay.ADJUST:
                await _check_adjustable(work, report)
                await work.post(_adjustments(report))
                withdrawn = await work.withdraw_behind()
            else:
                await work.undo()
            await work.stamp([bill.new for bill in report.bills], at)
            await work.approve(actor, at, withdrawn)
            work.keep()
        return tuple(withdrawn)

    async def by_rule(
        self, account: str, rule: CorrectionRule, since: UUID, difference_sha256: str
    ) -> bool:
        """Settle what a rule in force covers, decided and approved under its name.

        Args:
            account: Number.
            rule: The version.
            since: Identifier of the first bill.
            difference_sha256: Hex digest of what the bills were found to say.

        Returns:
            Whether it is settled; not where the bills would say something else by now.

        Raises:
            SelfApprovalError: Who stands behind the rule worked on what it would settle.
            NoNextBillError: No bill is to come that could carry the difference.
            BelowSmallestError: The difference is smaller than a limit says.
            CorrectionHeldError: And more: see `preview`.
        """
        note = self._note(rule.actor, f"rule {rule.key}: {rule.reason}")
        async with self._store.tail(account, since, note.at) as work:
            if work is None:
                return False
            report = await _report(work)
            if not report.differs or report.sha256 != difference_sha256:
                return False
            await work.undo()
            way = rule.terms.way
            withdrawn: Sequence[UUID] = ()
            decided = NewCorrection(way, report.causes, report.brief(), report.sha256, rule.key)
            await work.waits(await work.decide(decided, note))
            await _check_people(work, rule.people)
            if way is CorrectionWay.ADJUST:
                report = await _report(work)
                await _check_adjustable(work, report)
                await work.post(_adjustments(report))
                withdrawn = await work.withdraw_behind()
            await work.stamp([bill.new for bill in report.bills], note.at)
            await work.approve(rule.actor, note.at, withdrawn)
            work.keep()
        return True

    async def withdraw(self, uid: UUID, actor: Actor, reason: str) -> None:
        """Withdraw a decision that waits; nothing else changes.

        Raises:
            InvalidValueError: There is no reason.
            NoSuchCorrectionError: None of that identifier waits.
        """
        if not await self._store.withdraw(uid, self._note(actor, reason)):
            raise no_such_correction(uid)

    async def listed(self, account: str | None = None) -> Sequence[Correction]:
        """Decisions, newest first; of an account by its number, or of all."""
        return await self._store.corrections(account, LIST_MAX)

    async def by_uid(self, uid: UUID) -> Correction:
        """A decision by its identifier.

        Raises:
            NoSuchCorrectionError: There is none.
        """
        correction = await self._store.correction(uid)
        if correction is None:
            raise no_such_correction(uid)
        return correction

    async def page(
        self,
        account: str | None,
        after: str | None,
        limit: int,
        since: datetime | None = None,
    ) -> Page[Correction]:
        """A page of them, newest first; those that were made or approved since then.

        Raises:
            CursorError: The cursor is not one of this list.
        """
        behind = uuid_of_cursor(after)
        rows = await self._store.corrections(account, limit + 1, behind, since)
        return paged(rows, limit, lambda row: (str(row.uid),))

    def _note(self, actor: Actor, reason: str) -> DecisionNote:
        if not reason.strip():
            message = "A correction needs a reason, such as 'readings of 3 August came late'."
            raise InvalidValueError(message, value=reason)
        return DecisionNote(actor, reason.strip(), self._clock())


async def _report(work: TailTransaction) -> CorrectionReport:
    rated = await rate_tail(work)
    return CorrectionReport(work.account, tuple(rated), tuple(work.behind))


async def _check_people(work: TailTransaction, approvers: Collection[str]) -> None:
    """Refuse approvers, by key, of whom one worked on what is corrected."""
    contributors = await work.contributors()
    for key in approvers:
        if key in contributors:
            did = contributors[key]
            message = f"The approver {did}, so another person must approve this correction."
            raise SelfApprovalError(message, value=key)


async def _check_adjustable(work: TailTransaction, report: CorrectionReport) -> None:
    await check_smallest(work, report)
    if not await work.has_next_bill():
        message = (
            f"{work.account} has left, and all is billed: no bill is to come that could carry the"
            " difference."
        )
        raise NoNextBillError(message, value=work.account)


async def check_smallest(work: TailTransaction, report: CorrectionReport) -> None:
    """Refuse a difference that is too little, where nothing behind it opens with another state.

    Raises:
        BelowSmallestError: It is.
    """
    terms = await work.limit()
    if terms is not None and not any(bill.leaves_other for bill in report.bills):
        for sums in report.amounts:
            terms.check_smallest(sums.currency, sums.amount)


def _adjustments(report: CorrectionReport) -> list[NewAdjustment]:
    return [
        NewAdjustment(
            corrected.part_id, corrected.version + 1, bill.head.id, bill.head.currency, difference
        )
        for bill in report.bills
        for corrected in bill.parts
        for difference in corrected.differences
    ]
