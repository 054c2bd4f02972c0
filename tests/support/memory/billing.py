"""The billing store in memory.

It is long since it is one port: a method for each of `BillingStore` and `ShardTransaction`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from central.domain.actor import Actor
from central.domain.audit.change import bills_moved, change
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.document_template import template_of
from central.domain.billing.issue import number_bills, plan_issue
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.uuid7 import uuid7
from central.service.ports.billing import (
    HELD_SHOWN,
    AccountWork,
    BillHead,
    BillRecord,
    Blocks,
    ChargeTotal,
    NewBill,
    RunRecord,
    RunSummary,
    Shard,
    ShardTransaction,
    before,
)
from central.service.ports.billing_errors import StaleBillError
from central.service.ports.documents import DocumentJob
from central.service.ports.registry import TariffRecord
from central.service.ports.shard_holders import HeldShard
from central.service.ports.stamps import Decided
from central.service.ports.validation import ChannelDay, PointChannelId
from tests.support.memory import stamps
from tests.support.memory.billing_load import WorkLoader, blocks_of, days_of
from tests.support.memory.books import BookState, KeptBill, KeptShard, MemoryBooks
from tests.support.memory.series import newest_days
from tests.support.memory.tariffs import in_force
from tests.support.memory.validation import block_of

_OPEN = frozenset({BillState.HELD, BillState.DRAFT})
_NOT_BILLED = frozenset({BillState.HELD, BillState.DISCARDED})


class MemoryBillingStore:
    """`BillingStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def open_run(
        self, cycle: Cycle, run_type: RunType, creator: Actor, at: datetime, shard_size: int
    ) -> RunRecord:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = _find(state, cycle, run_type)
            if found is None:
                key = len(state.runs) + 1
                run = RunRecord(key, uuid7(at), cycle, run_type, creator.key, 0, resumed=False)
            else:
                run = replace(found, resumed=True)
            if not _waiting(state, run):
                _add_shards(state, run, shard_size)
            accounts = sum(len(shard.accounts) for shard in _waiting(state, run))
            if accounts:
                run = replace(run, finished_at=None)
            state.runs[run.id] = run
            if found is None:
                detail = {"cycle": str(cycle), "accounts": accounts}
                self._books.audit(at, creator, "run.started", str(run.uid), change(None, detail))
        return replace(run, accounts=accounts, actor=creator.key)

    @asynccontextmanager
    async def shard(self, run: RunRecord) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            waiting = (
                (key[1], shard)
                for key, shard in sorted(state.shards.items())
                if key[0] == run.id and not shard.done
            )
            number, kept = next(waiting, (0, None))
            if kept is None:
                yield None
                return
            yield self._taken(state, run, number, kept.accounts)

    def _taken(
        self, state: BookState, run: RunRecord, number: int, accounts: Sequence[int]
    ) -> ShardTransaction:
        loader = WorkLoader(self._books, run)
        works = tuple(map(loader.work_or_why_not, accounts))
        names = {supply.tariff for work in works for supply in work.supplies}
        tariffs: dict[str, list[TariffRecord]] = {name: [] for name in names}
        for record in in_force(state):
            if record.name in names:
                tariffs[record.name].append(record)
        return _ShardTransaction(state, Shard(run, number, works, tariffs))

    @asynccontextmanager
    async def again(self, uids: Sequence[UUID]) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            bills = [bill for _, bill in self._chosen(uids)]
            if not bills:
                yield None
                return
            yield self._taken(
                state, state.runs[bills[0].run_id], 0, [bill.account_id for bill in bills]
            )

    async def open_shards(self, run: RunRecord) -> int:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            return len(_waiting(state, run))

    async def held_shards(self, run: int) -> tuple[HeldShard, ...]:
        """See `BillingStore`: one transaction at a time."""
        del run
        return ()

    async def end_holder(self, shard: HeldShard) -> bool:
        """See `BillingStore`."""
        del shard
        return False

    async def finish_run(self, run: RunRecord, at: datetime) -> bool:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            kept = state.runs[run.id]
            if _waiting(state, run) or kept.finished_at is not None:
                return False
            state.runs[run.id] = replace(kept, finished_at=at)
            return True

    async def find_run(self, cycle: Cycle, run_type: RunType) -> RunRecord | None:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = _find(state, cycle, run_type)
        return None if found is None else replace(found, resumed=True)

    async def summary(self, run: RunRecord) -> RunSummary:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            kept = list(_bills(state, run))
            billed = [one for one in kept if one.record.bill.state not in _NOT_BILLED]
            totals: dict[str, Decimal] = defaultdict(Decimal)
            for one in billed:
                totals[one.record.bill.currency] += one.record.bill.total
            heads = [_head(one.record) for one in kept]
            return RunSummary(
                run=replace(state.runs[run.id], resumed=run.resumed),
                bills=Counter(head.state for head in heads),
                totals=dict(sorted(totals.items())),
                kwh=sum((one.record.kwh or Decimal(0) for one in billed), Decimal(0)),
                validated_kwh=sum((one.validated_kwh or Decimal(0) for one in billed), Decimal(0)),
                charges=_charges(billed),
                held=tuple(head for head in heads if head.state is BillState.HELD)[:HELD_SHOWN],
            )

    async def heads(self, run: RunRecord) -> tuple[BillHead, ...]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            return tuple(_head(one.record) for one in _bills(state, run))

    async def bill(self, uid: UUID) -> BillRecord | None:
        """See `BillingStore`."""
        async with self._books.begin():
            found = self._books.bill_of(uid)
        return None if found is None else found[1].record

    async def beyond_ascii(self, uids: Sequence[UUID]) -> list[UUID]:
        """See `BillingStore`."""
        return list(uids)

    async def withdraw(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> int:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            for key, kept in self._chosen(uids):
                if kept.record.bill.state is not BillState.APPROVED:
                    raise _stale("approved")
                bill = replace(kept.record.bill, state=BillState.DRAFT)
                record = replace(kept.record, bill=bill, approver=None)
                state.bills[key] = replace(kept, record=record)
            if uids:
                self._books.audit(
                    at, actor, "bill.withdrawn", *bills_moved(uids, "approved", "draft")
                )
        return len(uids)

    async def changed_inputs(self, uids: Sequence[UUID]) -> set[UUID]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            chosen = self._chosen(uids)
            return {bill.record.uid for _, bill in chosen if stamps.changes(state, bill)}

    async def approve(self, uids: Sequence[UUID], approver: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            fresh, decided = stamps.settled(self._books, uids)
            workers = {
                bill.record.uid: stamps.contributors(state, bill) for _, bill in self._chosen(fresh)
            }
            own = {uid: what[approver.key] for uid, what in workers.items() if approver.key in what}
            fresh = [uid for uid in fresh if uid not in own]
            decided = replace(decided, count=len(fresh), own=own)
            for key, kept in self._chosen(fresh):
                record = kept.record
                if record.bill.state is not BillState.DRAFT:
                    raise _stale("a draft that somebody else made")
                record = replace(record, contributors=tuple(workers[record.uid]))
                bill = replace(record.bill, state=BillState.APPROVED)
                state.bills[key] = replace(
                    kept, record=replace(record, bill=bill, approver=approver.key)
                )
            if fresh:
                self._books.audit(
                    at, approver, "bill.approved", *bills_moved(fresh, "draft", "approved")
                )
        return decided

    async def issue(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            fresh, decided = stamps.settled(self._books, uids)
            chosen = list(self._chosen(fresh))
            if any(bill.record.bill.state is not BillState.APPROVED for _, bill in chosen):
                raise _stale("approved")
            zones = [bill.record.bill.supplies[0].zone for _, bill in chosen]
            plans = plan_issue(list(state.settings.values()), zones, at)
            issued = number_bills(plans, state.numbers)
            for (key, bill), (counter, ordinal, facts) in zip(chosen, issued, strict=True):
                state.numbers[counter] = ordinal
                record = replace(
                    bill.record,
                    bill=replace(bill.record.bill, state=BillState.ISSUED),
                    issued_at=at,
                    series=counter,
                    legal_number=ordinal,
                    issue=facts,
                    content_sha256=facts.content_sha256(str(bill.record.sha256)),
                )
                state.bills[key] = replace(bill, record=record)
                template = template_of(facts.template)
                state.templates.setdefault(template.sha256, template)
                state.jobs[record.uid] = DocumentJob(record.uid, record.bill.account, 0, at)
            if fresh:
                self._books.audit(
                    at, actor, "bill.issued", *bills_moved(fresh, "approved", "issued")
                )
        return decided

    def _chosen(self, uids: Sequence[UUID]) -> Iterator[tuple[int, KeptBill]]:
        for uid in uids:
            found = self._books.bill_of(uid)
            if found is None:
                raise _stale("there")
            yield found

    async def blocks(
        self, versions: Mapping[tuple[int, date], int]
    ) -> dict[tuple[int, date], DayBlock]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = {
                key: block_of(state, ChannelDay(PointChannelId(key[0]), key[1]), version)
                for key, version in versions.items()
            }
        return {key: block for key, block in found.items() if block is not None}


class _ShardTransaction:
    """`ShardTransaction` over dictionaries."""

    def __init__(self, state: BookState, shard: Shard) -> None:
        self._state = state
        self.shard = shard

    async def earlier(
        self, works: Sequence[AccountWork], back: Mapping[str, int]
    ) -> Mapping[int, Blocks]:
        return {
            one.agreement_id: blocks_of(self._state, one.point, before(one, back[one.tariff]))
            for work in works
            for one in work.supplies
            if one.tariff in back
        }

    async def series_revisions(self, names: Collection[str]) -> Mapping[str, int]:
        return stamps.series_revisions(self._state, names)

    async def refresh(self, bills: Sequence[NewBill]) -> None:
        for bill in bills:
            stamps.refresh(self._state, bill)

    async def series(self, names: Collection[str], back: int) -> tuple[PriceDay, ...]:
        days = self.shard.utc_days(back)
        return newest_days(self._state, names, days.first, days.end)

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        kept = dict(self._state.bills)
        try:
            return sum(self._save(one, creator, at) for one in bills)
        except Exception:
            self._state.bills = kept
            raise

    async def done(self, at: datetime) -> None:
        del at
        key = (self.shard.run.id, self.shard.number)
        self._state.shards[key] = replace(self._state.shards[key], done=True)

    def _save(self, one: NewBill, creator: str, at: datetime) -> bool:
        run = self.shard.run
        there = [
            (key, kept)
            for key, kept in self._state.bills.items()
            if (kept.account_id, kept.run_id) == (one.account_id, run.id)
        ]
        key, uid = len(self._state.bills) + 1, uuid7(at)
        sha256 = one.bill.sha256 if one.bill.lines else None
        maker = creator
        workers: tuple[str, ...] = (creator,)
        if there:
            key, kept = there[0]
            uid = kept.record.uid
            maker = kept.record.creator
            workers = tuple(dict.fromkeys((*kept.record.contributors, creator)))
            same = sha256 is not None and kept.record.sha256 == sha256
            if kept.record.bill.state not in _OPEN or (
                same and kept.record.bill.state is one.bill.state
            ):
                if kept.record.bill.state is BillState.DRAFT:
                    drafted = replace(kept.record, contributors=workers)
                    self._state.bills[key] = replace(kept, record=drafted)
                stamps.refresh(self._state, one)
                return False
        record = BillRecord(
            key, uid, run.uid, one.bill, sha256, one.kwh, maker, at, contributors=workers
        )
        self._state.bills[key] = KeptBill(
            record, run.id, one.account_id, one.validated_kwh, one.closing, one.stamps
        )
        return True


def _find(state: BookState, cycle: Cycle, run_type: RunType) -> RunRecord | None:
    runs = state.runs.values()
    return next((run for run in runs if (run.cycle, run.run_type) == (cycle, run_type)), None)


def _waiting(state: BookState, run: RunRecord) -> list[KeptShard]:
    return [one for key, one in state.shards.items() if key[0] == run.id and not one.done]


def _add_shards(state: BookState, run: RunRecord, size: int) -> None:
    settled = {
        kept.account_id for kept in _bills(state, run) if kept.record.bill.state not in _OPEN
    }
    wanted = [
        key
        for key, account in state.accounts.items()
        if key not in settled
        and any(
            one.account == account.number and days_of(one, run.cycle.days)
            for one in state.agreements.values()
        )
    ]
    number = max((key[1] for key in state.shards if key[0] == run.id), default=0)
    for first in range(0, len(wanted), size):
        number += 1
        state.shards[run.id, number] = KeptShard(tuple(wanted[first : first + size]))


def _bills(state: BookState, run: RunRecord) -> list[KeptBill]:
    found = [kept for kept in state.bills.values() if kept.run_id == run.id]
    return sorted(found, key=lambda kept: kept.record.bill.account)


def _head(record: BillRecord) -> BillHead:
    priced = bool(record.bill.lines)
    return BillHead(
        record.uid,
        record.bill.account,
        record.bill.state,
        record.bill.holds,
        record.bill.currency if priced else None,
        record.bill.total if priced else None,
        record.kwh,
    )


def _charges(billed: Sequence[KeptBill]) -> tuple[ChargeTotal, ...]:
    found: dict[tuple[str, str, str], list[Decimal]] = {}
    for one in billed:
        for entry in one.record.bill.lines:
            key = (entry.line.id, entry.line.name, one.record.bill.currency)
            found.setdefault(key, []).append(entry.line.amount)
    return tuple(
        ChargeTotal(*key, len(amounts), sum(amounts, Decimal(0))) for key, amounts in found.items()
    )


def _stale(wanted: str) -> StaleBillError:
    message = f"A bill is not {wanted}; none was changed."
    return StaleBillError(message, remedy="Reload the list and select the bills again.")
