"""Bill a cycle: shard by shard, resumable, any number of workers at once.

Whatever one account does, the others of its shard are billed: what fails is done again in halves
until an account stands alone, whose bill is held with the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from central.domain.actor import Actor
from central.domain.billing.account_order import in_account_order
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.due import plan_account, waves
from central.domain.billing.planned import AccountPlan, NotBilled, PlannedBill, RunReach
from central.domain.billing.run_scope import EVERYONE, RunScope
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.check_bills import checked
from central.service.billing.check_documents import documents_checked
from central.service.billing.frozen_workers import TAKEOVER_S, FrozenWorkers
from central.service.billing.limit_tail import within_limit
from central.service.billing.rate_accounts import looking_back, rate_accounts, with_events
from central.service.billing.release import this_release
from central.service.billing.take_entries import may_wait_for
from central.service.billing.tariffs import Tariffs
from central.service.billing.unrated import rating_failed, unrated, withheld
from central.service.halved import FailedItem, error_text, halved
from central.service.ports.bill_shard import (
    AccountWork,
    NewBill,
    RunRecord,
    Shard,
    ShardTransaction,
)
from central.service.ports.billing import BillingStore, RunSummary
from central.service.tracing import span
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.interval import day_start

PERIOD_TAKEN = "PERIOD_TAKEN"
_TAKEN = "Another run bills these days at the same time. Run the cycle again."
SHARD_SIZE = 500
_POLL_S = 0.1
_FIRST_ZONE = "Pacific/Kiritimati"  # where every day begins and ends before it does elsewhere


class CycleOpenError(OperatorError):
    """The cycle is not over yet."""

    code = "CYCLE_OPEN"
    default_remedy = "Bill it after its last day."


class RunBills:
    """The use-case. One object serves one worker.

    Args:
        store: Where bills are kept.
        clock: Now, aware.
        shard_size: Accounts rated and saved at a time.
        takeover_s: How long another worker's transaction may keep a shard. [s]
    """

    def __init__(
        self,
        store: BillingStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        shard_size: int = SHARD_SIZE,
        takeover_s: float = TAKEOVER_S,
    ) -> None:
        self._store = store
        self._frozen = FrozenWorkers(store, takeover_s)
        self._clock = clock
        self._shard_size = shard_size

    async def start(
        self,
        cycle: Cycle,
        creator: Actor,
        run_type: RunType = RunType.REGULAR,
        scope: RunScope = EVERYONE,
    ) -> RunRecord:
        """Start the run of a cycle, or take part in it.

        All that is due until its end is billed, oldest first; held bills are tried again.

        Args:
            cycle: A month that is over.
            creator: Who answers for the bills; somebody else approves them.
            run_type: Why; `final` bills what has ended, in a month that goes on as well.
            scope: Which accounts; a run of some is another run than that of all.

        Raises:
            CycleOpenError: The cycle is over nowhere yet.
            StoreUnavailableError: Try again.
        """
        now = self._clock()
        # A run begins where the month ends first; what is not over at a point is not due there yet.
        # A final bill waits for no month, and the periods of a cycle of its own end on any day.
        waits = run_type is not RunType.FINAL and not cycle.of
        if waits and now < cycle.interval(_FIRST_ZONE).end:
            message = f"The cycle {cycle} is not over; it ends on {cycle.days.end}."
            raise CycleOpenError(message, value=str(cycle), remedy="Bill it after that day.")
        run = await self._store.open_run(cycle, run_type, creator, now, self._shard_size, scope)
        return replace(run, release=this_release())

    async def work(self, run: RunRecord, progress: Callable[[int], None] = lambda _: None) -> int:
        """Take shards until none is left, then wait for those that others have.

        A shard whose worker dies comes free and is taken here; whoever keeps one too long is ended.

        Args:
            run: As `start` gave it.
            progress: Told how many accounts were saved, after each shard.

        Returns:
            How many bills this worker saved.

        Raises:
            StoreUnavailableError: Shards that were done stay done; call again.
        """
        with span("bill run", run=str(run.uid)) as measured:
            saved = await self._work(run, progress)
            measured.set(bills=saved)
        return saved

    async def _work(self, run: RunRecord, progress: Callable[[int], None]) -> int:
        saved = 0
        while True:
            with span("shard of a run") as measured:
                done = await self._take(run)
                if done is not None:
                    measured.set(accounts=done[0], bills=done[1])
            if done is not None:
                saved += done[1]
                progress(done[0])
            elif await self._store.open_shards(run):
                await self._frozen.check(run)
                await asyncio.sleep(_POLL_S)
            else:
                await self._store.finish_run(run, self._clock())
                return saved

    async def _take(self, run: RunRecord) -> tuple[int, int] | None:
        at = self._clock()
        async with self._store.shard(run, at) as work:
            if work is None:
                return None
            planned = _plans(work.shard, at)
            plans, notes = await _claim(work, planned)
            saved = 0
            for bills in waves(plans):
                made = await rate_checked(work, await _changed(work, bills))
                saved += await _save(work, made, run.actor or run.creator, at)
            await work.note(list(work.shard.chains), notes)
            finished = [key for plan in planned for key in plan.finished]
            if finished:
                await work.finish(finished, at)
            await work.done(at)
            return len(work.shard.chains), saved

    async def __call__(
        self,
        cycle: Cycle,
        creator: Actor,
        progress: Callable[[int], None] = lambda _: None,
    ) -> RunSummary:
        """Bill a cycle and say what became of it.

        Args:
            cycle: A month that is over.
            creator: Who answers for the bills.
            progress: Told how many accounts were saved, after each shard.

        Raises:
            CycleOpenError: The cycle is not over yet.
            StoreUnavailableError: Call again; what is done stays done.
        """
        run = await self.start(cycle, creator)
        await self.work(run, progress)
        return await self._store.summary(run)


def _plans(shard: Shard, now: datetime) -> list[AccountPlan]:
    """What is due of a shard's accounts."""

    @cache
    def is_over(day: date, zone: str, at: time) -> bool:
        try:
            return now >= day_start(day, zone, at)
        except InvalidValueError:  # rating says it, and holds the bill
            return True

    reach = shard.run.reach
    return [
        in_account_order(
            plan_account(
                chains,
                shard.open_bills.get(account, ()),
                shard.periods,
                reach,
                is_over,
                account_left=shard.account_left_of(account),
            ),
            chains,
            shard.periods,
            shard.account_left_of(account),
        )
        for account, chains in shard.chains.items()
        if chains
    ]


async def _claim(
    work: ShardTransaction, plans: Sequence[AccountPlan]
) -> tuple[list[AccountPlan], list[NotBilled]]:
    """Plans whose days are claimed, and what is left out."""
    taken: dict[int, str] = {}

    async def claim(some: Sequence[AccountPlan]) -> None:
        bills = [bill for plan in some for bill in plan.bills]
        taken.update(dict.fromkeys(await work.claim(bills), _TAKEN))

    async for failed in halved(plans, claim):
        if failed is not None:
            taken[failed.item.account_id] = error_text(failed.error)
    notes = [note for plan in plans for note in plan.left_out]
    for plan in plans:
        if plan.account_id in taken:
            notes += _not_claimed(plan, taken[plan.account_id])
    return [plan for plan in plans if plan.account_id not in taken], notes


def _not_claimed(plan: AccountPlan, message: str) -> Iterator[NotBilled]:
    for bill in plan.bills:
        for planned in bill.parts:
            yield NotBilled(
                plan.account_id,
                PERIOD_TAKEN,
                planned.occupancy.point,
                planned.days.first,
                planned.days.end,
                message,
            )


async def _tariffs(work: ShardTransaction, works: Sequence[AccountWork]) -> Tariffs:
    """The tariffs of bills of one period, with the series that they name."""
    names = frozenset[str]().union(*(one.plan.tariffs | may_wait_for(one) for one in works))
    days = works[0].plan.period.days
    records = {name: work.shard.tariffs.get(name, ()) for name in sorted(names)}
    tariffs = Tariffs(records, days, work.shard.holidays, work.shard.revisions)
    longest = max(tariffs.looks_back.values(), default=0)

    async def load(some: Sequence[str]) -> None:
        tariffs.set_revisions(await work.series_revisions(some))
        tariffs.set_series(await work.series(some, utc_days(days, longest)))

    async for failed in halved(sorted(tariffs.series_names), load):
        if failed is not None:
            tariffs.mark_unreadable(failed.item, failed.error)
    if tables := tariffs.table_names:
        tariffs.set_tables(await work.tables(tables))
    return tariffs


def utc_days(days: DayRange, back: int) -> DayRange:
    """Every UTC day that local days, and some days before them, touch in some zone."""
    return DayRange(days.first - timedelta(days=back + 1), days.end + timedelta(days=1))


async def rate_again(work: ShardTransaction) -> list[NewBill]:
    """Rate the bills of a shard that are there; nothing is billed anew, and nothing saved."""
    nothing_new = RunReach(date.min, run_type=work.shard.run.run_type)
    periods = work.shard.periods
    plans = [
        in_account_order(
            plan_account(chains, bills, periods, nothing_new, lambda *_: False),
            chains,
            periods,
            work.shard.account_left_of(account),
        )
        for account, chains in work.shard.chains.items()
        if (bills := work.shard.open_bills.get(account))
    ]
    return [bill for planned in waves(plans) for bill in await rate_checked(work, planned)]


async def _changed(work: ShardTransaction, planned: Sequence[PlannedBill]) -> Sequence[PlannedBill]:
    """Bills that are new or held, or would say something else than the draft that is there."""
    there = {
        bill.bill_id
        for bill in planned
        if bill.bill_id is not None and all(part.claimed for part in bill.parts)
    }
    unchanged = await work.unchanged(sorted(there)) if there else ()
    return [bill for bill in planned if bill.bill_id not in unchanged]


async def rate_checked(work: ShardTransaction, planned: Sequence[PlannedBill]) -> list[NewBill]:
    """Rate bills of one period; hold those in which a check finds something."""

    async def check(some: Sequence[NewBill]) -> list[NewBill]:
        return await documents_checked(work, await checked(work, some))

    bills: list[NewBill] = []
    async for done in halved(await rate_planned(work, planned), check):
        if isinstance(done, FailedItem):
            bills.append(withheld(done.item, rating_failed(done.error)))
        else:
            bills += done
    return bills


async def rate_planned(work: ShardTransaction, planned: Sequence[PlannedBill]) -> list[NewBill]:
    """Rate bills of one period; what cannot be rated is held, and spoils no other's."""
    return [bill for _, bill in await rate_with_inputs(work, planned)]


async def rate_with_inputs(
    work: ShardTransaction, planned: Sequence[PlannedBill]
) -> list[tuple[AccountWork, NewBill]]:
    """Rate bills of one period, each with what it was rated from."""
    if not planned:
        return []
    period = planned[0].period
    works = await work.works(planned)
    tariffs = await _tariffs(work, works)
    back, streams = tariffs.looks_back, tariffs.streams

    async def rate(some: Sequence[AccountWork]) -> list[tuple[AccountWork, NewBill]]:
        if back:
            some = looking_back(some, await work.earlier(some, back))
        if streams:
            some = with_events(some, await work.events(some, streams))
        rated = rate_accounts(some, period, tariffs)
        return [
            (each, await _limited(work, each, new)) for each, new in zip(some, rated, strict=True)
        ]

    bills: list[tuple[AccountWork, NewBill]] = []
    async for done in halved(works, rate):
        if isinstance(done, FailedItem):
            bills.append((done.item, unrated(done.item, rating_failed(done.error))))
        else:
            bills += done
    return bills


async def _limited(work: ShardTransaction, rated: AccountWork, new: NewBill) -> NewBill:
    """A bill without what is charged, or given back, too late."""
    if not rated.limits:
        return new
    keys = [(brought.occupancy_id, brought.days.first) for brought in new.parts]
    return await within_limit(work, new, [rated.limits.get(key) for key in keys])


async def _save(
    work: ShardTransaction, bills: Sequence[NewBill], creator: str, at: datetime
) -> int:
    """Save bills; one that the store refuses is held without its lines."""

    async def save(some: Sequence[NewBill]) -> int:
        return await work.save(some, creator, at)

    saved = 0
    async for done in halved(bills, save):
        if isinstance(done, FailedItem):
            saved += await save([withheld(done.item, rating_failed(done.error))])
        else:
            saved += done
    return saved
