"""The billing store in memory.

It is long since it is one port: a method for each of `BillingStore` and `ShardTransaction`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from central.domain.actor import Actor
from central.domain.audit.chain import ChainHead
from central.domain.audit.change import bills_moved, run_opened
from central.domain.billing.bill import RunType
from central.domain.billing.chain_order import (
    ChainLink,
    PredecessorNotApprovedError,
    PredecessorNotIssuedError,
    in_chain_order,
)
from central.domain.billing.cycle import Cycle
from central.domain.billing.document_template import template_of
from central.domain.billing.issue import number_bills, plan_issue, with_audit_head
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.usage_event import Events
from central.domain.uuid7 import uuid7
from central.service.ports.bill_shard import (
    RunRecord,
    ShardTransaction,
)
from central.service.ports.billing import (
    HELD_SHOWN,
    BillHead,
    BillOfPeriod,
    BillRecord,
    ChargeTotal,
    LeftOut,
    RunSummary,
    StreamsRead,
)
from central.service.ports.billing_errors import StaleBillError
from central.service.ports.documents import DocumentJob
from central.service.ports.groups import require_members
from central.service.ports.shard_holders import HeldShard
from central.service.ports.stamps import Decided
from central.service.ports.validation import ChannelDay, PointChannelId
from firmware_bridge.contract.errors import OperatorError
from tests.support.memory import stamps
from tests.support.memory.account_state import may_be_settled, own_links
from tests.support.memory.bill_shard import take_shard
from tests.support.memory.books import BookState, KeptBill, KeptClaim, KeptShard, MemoryBooks
from tests.support.memory.cycles import require_known_cycle
from tests.support.memory.groups import accounts_in
from tests.support.memory.history import block_of

_OPEN = frozenset({BillState.HELD, BillState.DRAFT})
_NOT_BILLED = frozenset({BillState.HELD, BillState.DISCARDED})


class MemoryBillingStore:
    """`BillingStore` over dictionaries.

    Args:
        books: The utility.
    """

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def open_run(  # noqa: PLR0913, PLR0917 - what makes a run, who asks and when
        self,
        cycle: Cycle,
        run_type: RunType,
        creator: Actor,
        at: datetime,
        shard_size: int,
        scope: RunScope = EVERYONE,
    ) -> RunRecord:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = _find(state, cycle, run_type, scope)
            if found is None:
                key = len(state.runs) + 1
                run = RunRecord(
                    key, uuid7(at), cycle, run_type, creator.key, 0, resumed=False, scope=scope
                )
            else:
                run = replace(found, resumed=True)
            started = dict.fromkeys((*state.starters.get(run.id, ()), creator.key))
            state.starters[run.id] = tuple(started)
            if found is None and run.reach.cycle is not None:
                require_known_cycle(state, str(run.cycle), run.reach.cycle)
            if not _waiting(state, run):
                _add_shards(state, run, shard_size)
            accounts = sum(len(shard.accounts) for shard in _waiting(state, run))
            if accounts:
                run = replace(run, finished_at=None)
            state.runs[run.id] = run
            named = {"cycle": str(cycle), **scope.to_json()}
            ended = None if found is None else found.finished_at
            noted = run_opened(named, accounts, ended, again=found is not None)
            if noted is not None:
                action, detail = noted
                self._books.audit(at, creator, action, str(run.uid), detail)
        return replace(run, accounts=accounts, actor=creator.key)

    @asynccontextmanager
    async def shard(self, run: RunRecord, at: datetime) -> AsyncIterator[ShardTransaction | None]:
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
            yield take_shard(self._books, run, number, kept.accounts, at=at)

    @asynccontextmanager
    async def again(
        self, uids: Sequence[UUID], at: datetime
    ) -> AsyncIterator[ShardTransaction | None]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            chosen = dict(self._chosen(uids))
            if not chosen:
                yield None
                return
            bills = list(chosen.values())
            accounts = list({bill.account_id: None for bill in bills})
            yield take_shard(self._books, state.runs[bills[0].run_id], 0, accounts, chosen, at=at)

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
            record = state.runs[run.id]
            if _waiting(state, run) or record.finished_at is not None:
                return False
            state.runs[run.id] = replace(record, finished_at=at)
            return True

    async def run_of(self, uid: UUID) -> RunRecord | None:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = next((run for run in state.runs.values() if run.uid == uid), None)
        return None if found is None else replace(found, resumed=True)

    async def find_run(
        self, cycle: Cycle, run_type: RunType, scope: RunScope = EVERYONE
    ) -> RunRecord | None:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = _find(state, cycle, run_type, scope)
        return None if found is None else replace(found, resumed=True)

    async def summary(self, run: RunRecord) -> RunSummary:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            kept = list(_bills(state, run))
            billed = [one for one in kept if one.record.bill.state not in _NOT_BILLED]
            totals: dict[str, Decimal] = defaultdict(Decimal)
            for one in billed:
                totals[one.record.bill.currency] += one.record.bill.amounts.total
            heads = [_head(one.record) for one in kept]
            left_out = [
                LeftOut(state.accounts[account].number, note)
                for (of, account), notes in sorted(state.notes.items())
                if of == run.id
                for note in notes
            ]
            elsewhere: list[BillHead] = []
            if not run.scope.everyone:
                inside = accounts_in(state, run.scope, run.reach.end - timedelta(days=1))
                elsewhere = [
                    _head(bill.record)
                    for bill in state.bills.values()
                    if bill.account_id in inside
                    and bill.run_id != run.id
                    and bill.record.bill.state is BillState.HELD
                    and bill.record.bill.days.first < run.reach.end
                ]
            return RunSummary(
                run=replace(state.runs[run.id], resumed=run.resumed),
                bills=Counter(head.state for head in heads),
                totals=dict(sorted(totals.items())),
                kwh=sum((one.record.kwh or Decimal(0) for one in billed), Decimal(0)),
                validated_kwh=sum((one.validated_kwh or Decimal(0) for one in billed), Decimal(0)),
                charges=_charges(billed),
                held=tuple(head for head in heads if head.state is BillState.HELD)[:HELD_SHOWN],
                held_elsewhere=tuple(elsewhere[:HELD_SHOWN]),
                left_out=tuple(left_out[:HELD_SHOWN]),
                left_out_count=len(left_out),
                accounts=len({head.account for head in heads}),
            )

    async def heads(self, run: RunRecord) -> tuple[BillHead, ...]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            return tuple(_head(one.record) for one in _bills(state, run))

    async def heads_of(self, account: str, cycle: Cycle, run_type: RunType) -> tuple[BillHead, ...]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            runs = {
                run.id
                for run in state.runs.values()
                if (run.cycle, run.run_type) == (cycle, run_type)
            }
            records = [bill.record for bill in state.bills.values() if bill.run_id in runs]
        mine = [record for record in records if record.bill.account == account]
        return tuple(map(_head, sorted(mine, key=lambda record: record.bill.days.first)))

    async def bill(self, uid: UUID) -> BillRecord | None:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            found = self._books.bill_of(uid)
            if found is None:
                return None
            bill = found[1]
            if bill.record.bill.state not in _OPEN:
                return bill.record
            workers = (*bill.record.contributors, *state.starters[bill.run_id])
            return replace(bill.record, contributors=tuple(dict.fromkeys(workers)))

    async def beyond_ascii(self, uids: Sequence[UUID]) -> list[UUID]:
        """See `BillingStore`."""
        return list(uids)

    async def withdraw(
        self, uids: Sequence[UUID], actor: Actor, at: datetime, reason: str = ""
    ) -> int:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            chosen = dict(self._chosen(uids))
            if any(bill.record.bill.state is not BillState.APPROVED for bill in chosen.values()):
                raise _stale("approved")
            behind = self._with_those_behind(chosen)
            for key, bill in behind.items():
                again = replace(bill.record.bill, state=BillState.DRAFT)
                record = replace(bill.record, bill=again, approver=None)
                state.bills[key] = replace(bill, record=record)
            if behind:
                moved = [bill.record.uid for _, bill in sorted(behind.items())]
                subject, detail = bills_moved(moved, "approved", "draft")
                detail["reason"] = reason or None
                self._books.audit(at, actor, "bill.withdrawn", subject, detail)
        return len(behind)

    def _with_those_behind(self, bills: dict[int, KeptBill]) -> dict[int, KeptBill]:
        keys = {row.id for bill in bills.values() for row in bill.parts}
        behind = {
            key: bill
            for key, bill in self._books.state.bills.items()
            if bill.record.bill.state is BillState.APPROVED
            and any({row.state_from, row.own_from} & keys for row in bill.parts)
        }
        more = {**bills, **behind}
        return bills if more.keys() == bills.keys() else self._with_those_behind(more)

    async def changed_inputs(self, uids: Sequence[UUID], at: datetime) -> set[UUID]:
        """See `BillingStore`."""
        async with self._books.begin():
            chosen = self._chosen(uids)
            return {bill.record.uid for _, bill in chosen if stamps.changes(self._books, bill, at)}

    async def approve(self, uids: Sequence[UUID], approver: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            reached = {BillState.APPROVED, BillState.ISSUED}
            error = PredecessorNotApprovedError
            ordered, decided = self._settled(uids, at, reached, error, approver)
            for key, bill in self._chosen(ordered):
                record = bill.record
                if record.bill.state is not BillState.DRAFT:
                    raise _stale("a draft that somebody else made")
                workers = stamps.contributors(state, bill)
                record = replace(record, contributors=tuple(workers))
                approved = replace(record.bill, state=BillState.APPROVED)
                record = replace(record, bill=approved, approver=approver.key)
                state.bills[key] = replace(bill, record=record)
            if ordered:
                self._books.audit(
                    at, approver, "bill.approved", *bills_moved(ordered, "draft", "approved")
                )
        return decided

    async def issue(self, uids: Sequence[UUID], actor: Actor, at: datetime) -> Decided:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            issued_before = {BillState.ISSUED}
            ordered, decided = self._settled(uids, at, issued_before, PredecessorNotIssuedError)
            chosen = list(self._chosen(ordered))
            if any(bill.record.bill.state is not BillState.APPROVED for _, bill in chosen):
                raise _stale("approved")
            zones = [bill.record.bill.supplies[0].zone for _, bill in chosen]
            plans = plan_issue(list(state.settings.values()), zones, at) if chosen else []
            seals = self._books.ingest.state.seals
            newest = seals[max(seals)] if seals else None
            head = "" if newest is None else ChainHead(newest.number, newest.sha256).short
            issued = with_audit_head(
                number_bills(plans, state.numbers), plans, head, state.printed_heads
            )
            for (key, bill), (counter, ordinal, facts) in zip(chosen, issued, strict=True):
                state.numbers[counter] = ordinal
                if facts.audit_head:
                    state.printed_heads[counter] = facts.issued
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
            if ordered:
                self._books.audit(
                    at, actor, "bill.issued", *bills_moved(ordered, "approved", "issued")
                )
        return decided

    def _settled(
        self,
        uids: Sequence[UUID],
        at: datetime,
        reached: set[BillState],
        error: type[OperatorError],
        approver: Actor | None = None,
    ) -> tuple[list[UUID], Decided]:
        fresh, decided = stamps.settled(self._books, uids, at)
        own = {}
        for _, bill in self._chosen(fresh):
            workers = stamps.contributors(self._books.state, bill)
            if approver is not None and approver.key in workers:
                own[bill.record.uid] = workers[approver.key]
        fresh = [uid for uid in fresh if uid not in own]
        state = self._books.state
        links = {
            bill.record.uid: [*self._links(bill), *own_links(state, bill, fresh)]
            for _, bill in self._chosen(fresh)
        }
        ordered, barred = in_chain_order(fresh, links, reached, error)
        return ordered, replace(decided, count=len(ordered), own=own, barred=barred)

    def _links(self, bill: KeptBill) -> Iterator[ChainLink]:
        for row in bill.parts:
            ends = self._books.before(row.part.occupancy_id, row.part.days.first)
            if ends is not None and ends[1] is not None:
                earlier, earlier_row = ends[1]
                record = earlier.record
                yield ChainLink(
                    record.uid,
                    f"{record.bill.account}/{record.bill.period}",
                    record.bill.state,
                    earlier_row.part.closing == row.part.opening,
                )

    async def discard(
        self, uids: Sequence[UUID], actor: Actor, at: datetime, reason: str = ""
    ) -> int:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            for key, bill in self._chosen(uids):
                if bill.record.bill.state not in _OPEN:
                    raise _stale("a draft or held")
                for row in bill.parts:
                    claim = (row.part.occupancy_id, row.part.days.end)
                    if state.claims.get(claim, KeptClaim(None)).part == row.id:
                        del state.claims[claim]
                discarded = replace(bill.record.bill, state=BillState.DISCARDED)
                state.bills[key] = replace(bill, record=replace(bill.record, bill=discarded))
            for (occupancy, _), kept in state.claims.items():
                if kept.first is not None and (occupancy, kept.first) not in state.claims:
                    message = "Days behind those are billed already; none was discarded."
                    remedy = "Discard the later bills as well."
                    raise PeriodBilledError(message, remedy=remedy)
            if uids:
                subject, detail = bills_moved(uids, "open", "discarded")
                detail["reason"] = reason or None
                self._books.audit(at, actor, "bill.discarded", subject, detail)
        return len(uids)

    async def of_period(self, account: str, period: str) -> tuple[BillOfPeriod, ...]:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            records = [bill.record for bill in state.bills.values()]
        return tuple(
            BillOfPeriod(record.uid, record.bill.run_type, record.bill.state, record.number)
            for record in records
            if (record.bill.account, str(record.bill.period)) == (account, period)
            and record.bill.state is not BillState.DISCARDED
        )

    async def numbered(self, number: str) -> UUID | None:
        """See `BillingStore`."""
        async with self._books.begin() as state:
            records = [bill.record for bill in state.bills.values()]
        return next((record.uid for record in records if record.number == number), None)

    def _chosen(self, uids: Sequence[UUID]) -> Iterator[tuple[int, KeptBill]]:
        for uid in uids:
            found = self._books.bill_of(uid)
            if found is None:
                raise _stale("there")
            yield found

    async def events(self, read: StreamsRead, _: datetime, /) -> AsyncIterator[Events]:
        """No event is kept in memory."""
        yield dict.fromkeys(read.streams, ())

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


def _find(state: BookState, cycle: Cycle, run_type: RunType, scope: RunScope) -> RunRecord | None:
    wanted = (cycle, run_type, scope)
    runs = state.runs.values()
    return next((run for run in runs if (run.cycle, run.run_type, run.scope) == wanted), None)


def _waiting(state: BookState, run: RunRecord) -> list[KeptShard]:
    return [one for key, one in state.shards.items() if key[0] == run.id and not one.done]


def _add_shards(state: BookState, run: RunRecord, size: int) -> None:
    wanted = [
        key
        for key, account in state.accounts.items()
        if _to_bill(state, run, account.number) or _open(state, run, key)
    ]
    if run.reach.cycle is not None:
        members = {
            number for (number, _), name in state.account_cycles.items() if name == run.reach.cycle
        }
        wanted = [key for key in wanted if state.accounts[key].number in members]
    if not run.scope.everyone:
        last = run.reach.end - timedelta(days=1)
        inside = accounts_in(state, run.scope, last)
        require_members(inside, run.scope, last)
        wanted = [key for key in wanted if key in inside]
    for key in [key for key in state.shards if key[0] == run.id]:
        del state.shards[key]
    for number, first in enumerate(range(0, len(wanted), size), start=1):
        state.shards[run.id, number] = KeptShard(tuple(wanted[first : first + size]))


def _to_bill(state: BookState, run: RunRecord, account: str) -> bool:
    """Whether days of an account until the run's end are not claimed."""
    for key, occupancy in state.occupancies.items():
        if occupancy.account != account or (run.reach.ended and occupancy.ended_on is None):
            continue
        claimed = max(end for of, end in state.claims if of == key)
        if claimed < min(occupancy.ended_on or run.reach.end, run.reach.end):
            return True
        if claimed <= run.reach.end and may_be_settled(state, key):
            return True
    return False


def _open(state: BookState, run: RunRecord, account_id: int) -> bool:
    return any(
        bill.account_id == account_id
        and bill.record.bill.state in _OPEN
        and bill.record.bill.days.first < run.reach.end
        and (not run.reach.ended or bill.run_id == run.id)
        for bill in state.bills.values()
    )


def _bills(state: BookState, run: RunRecord) -> list[KeptBill]:
    found = [kept for kept in state.bills.values() if kept.run_id == run.id]
    return sorted(found, key=lambda kept: (kept.record.bill.account, kept.record.bill.days.first))


def _head(record: BillRecord) -> BillHead:
    priced = bool(record.bill.lines)
    return BillHead(
        record.uid,
        record.bill.account,
        record.bill.period.name,
        record.bill.state,
        record.bill.holds,
        record.bill.currency if priced else None,
        record.bill.amounts.total if priced else None,
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
