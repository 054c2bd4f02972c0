"""Find issued bills that would say something else today.

Inputs have revisions, and parts keep those that they were rated with: they are compared as
integers, for all accounts every night, and for those that rest on an input soon after it changed.
Where integers differ it is asked which facts changed since, and only where a bill reads one of them
is the tail rated, as a dry run. What was compared is noted, and not asked again until an input
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

import structlog

from central.domain.billing.candidate import CandidateCause, CandidateHold, CauseKind
from central.service.billing.correction_report import CorrectionReport
from central.service.billing.rate_tail import CorrectedBill, rate_tail
from central.service.halved import NOBODYS
from central.service.ingest.error_fields import error_fields
from central.service.ports.candidates import (
    CandidateStore,
    CandidateTransaction,
    DifferingAccount,
    NewCandidate,
)
from central.service.ports.stamps import ChangedInput, InputKind
from firmware_bridge.contract.errors import MeterlineError

PAGE = 500
"""How many accounts are compared at a time."""

INPUTS = 1_000
"""How many changed inputs are taken at a time."""

_NAMED = {
    InputKind.TARIFF: CauseKind.TARIFF,
    InputKind.HOLIDAYS: CauseKind.HOLIDAYS,
    InputKind.SERIES: CauseKind.SERIES,
    InputKind.SETTINGS: CauseKind.SETTINGS,
    InputKind.POINT: CauseKind.SERVICE_POINT,
    InputKind.ACCOUNT: CauseKind.ACCOUNT,
}
_BROAD = {CauseKind.SERVICE_POINT, CauseKind.ACCOUNT}
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class CandidateTally:
    """What a sweep did.

    Args:
        parts: Of issued bills that were compared.
        rated: Accounts that were rated again.
        opened: Candidates that are new.
        closed: Candidates of which nothing differs any more.
        held: Accounts whose bills cannot be rated again.
    """

    parts: int = 0
    rated: int = 0
    opened: int = 0
    closed: int = 0
    held: int = 0


class FindCandidates:
    """The use-cases.

    Args:
        store: Where issued bills are compared.
        clock: Now, aware.
    """

    def __init__(
        self, store: CandidateStore, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, among: Collection[int] | None = None) -> CandidateTally:
        """Compare all issued bills, or those of some accounts by key.

        Raises:
            StoreUnavailableError: Ask again.
        """
        tally = CandidateTally()
        after: int | None = 0
        while after is not None:
            began = self._clock()
            page = await self._store.page(after, PAGE, began, among)
            after = page.last
            tally.parts += page.parts
            if page.same:
                await self._store.note_compared(page.same, began)
            for account in page.differing:
                await self._compare(account, began, tally)
            if page.gone:
                tally.closed += await self._store.close_gone(page.gone, self._clock())
        return tally

    async def changed(self) -> CandidateTally:
        """Compare the bills that rest on inputs which changed since the last time.

        Raises:
            StoreUnavailableError: Ask again.
        """
        together = CandidateTally()
        while inputs := await self._store.raised(INPUTS):
            tally = await self(await self._store.resting_on(inputs))
            await self._store.looked(inputs)
            for name in CandidateTally.__slots__:
                setattr(together, name, getattr(together, name) + getattr(tally, name))
        return together

    async def waits(self, _: datetime) -> bool:
        """Whether an input changed since the last time."""
        return bool(await self._store.raised(1))

    async def _compare(
        self, account: DifferingAccount, began: datetime, tally: CandidateTally
    ) -> None:
        async with self._store.comparing(account.number, self._clock()) as work:
            if work is not None:
                await self._rate(work, account, began, tally)
                return
        # What held it was taken back.
        tally.closed += await self._store.close_gone([account.id], self._clock())
        await self._store.note_compared({account.id: account.revisions}, began)

    async def _rate(
        self,
        work: CandidateTransaction,
        account: DifferingAccount,
        began: datetime,
        tally: CandidateTally,
    ) -> None:
        tally.rated += 1
        try:
            rated = await rate_tail(work)
        except NOBODYS:
            raise
        except Exception as error:  # noqa: BLE001 - one account stops no other
            await work.undo()
            tally.held += 1
            tally.opened += await work.candidate(await _held(work, error))
        else:
            await work.undo()
            same = list(takewhile(lambda bill: not _differs(bill), rated))
            await work.same([bill.new for bill in same])
            rest = CorrectionReport(work.account, tuple(rated[len(same) :]))
            news = [bill.new for bill in rest.bills]
            if not rest.bills or await work.left_before(rest.sha256, news):
                tally.closed += await work.no_candidate()
            else:
                tally.opened += await work.candidate(await _candidate(work, rest))
        await work.note_compared(account.revisions, began)
        work.keep()


def _differs(bill: CorrectedBill) -> bool:
    """Whether a bill would say or leave something else."""
    return bool(bill.differences) or bill.leaves_other


async def _candidate(work: CandidateTransaction, report: CorrectionReport) -> NewCandidate:
    first = report.bills[0]
    parts = [
        corrected
        for bill in report.tail
        for corrected in bill.parts
        if corrected.differences or corrected.leaves_other
    ]
    earliest = min(
        (each for each in first.parts if each.differences or each.leaves_other),
        key=lambda corrected: (corrected.days.first, corrected.part_id),
    )
    details = await work.changes([corrected.part_id for corrected in parts])
    lines = [
        {"bill": bill.head.number, **each.to_json()}
        for bill in report.tail
        for each in bill.differences
    ]
    return NewCandidate(
        earliest.part_id,
        first.head.id,
        _causes([cause for bill in report.tail for cause in bill.causes], details),
        {**report.brief(), "lines": lines},
        report.sha256,
    )


async def _held(work: CandidateTransaction, error: Exception) -> NewCandidate:
    """A candidate of which nobody knows what it would say."""
    if isinstance(error, MeterlineError):
        hold = CandidateHold(error.code, error.message)
    else:
        hold = CandidateHold("UNEXPECTED", f"{type(error).__name__}: {error}")
        _log.error("bills_not_compared", account=work.account, **error_fields(error))
    changed = {key: work.changed.get(key, ()) for key in work.heads}
    bill = next((key for key, causes in changed.items() if causes), next(iter(changed)))
    settled = await work.settled(bill)
    causes = _causes([cause for causes in changed.values() for cause in causes], ())
    return NewCandidate(settled[0].id, bill, causes, {}, None, hold)


def _causes(
    changed: Sequence[ChangedInput], details: Sequence[CandidateCause]
) -> tuple[CandidateCause, ...]:
    """What is another: in detail where that is known, and each once."""
    causes = [
        CandidateCause(_NAMED[each.kind], each.name, _versions(each))
        for each in changed
        if each.kind in _NAMED
    ]
    named = [cause for cause in causes if not (details and cause.kind in _BROAD)]
    wanted = [cause for cause in named if cause.kind is not CauseKind.SETTINGS]
    return tuple(dict.fromkeys([*details, *(wanted or (named if not details else ()))]))


def _versions(changed: ChangedInput) -> str:
    dates = ", ".join(map(str, changed.versions))
    return f"versions from {dates}" if dates else ""
