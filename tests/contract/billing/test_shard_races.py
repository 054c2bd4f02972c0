"""What happens while a shard is being rated: forced by a barrier inside its transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.billing.planned import PlannedBill
from central.domain.billing.run_scope import RunScope
from central.service.billing.run_bills import RunBills
from central.service.ports.bill_shard import NewBill, RunRecord, ShardTransaction
from central.service.ports.billing import BillingStore, RunSummary
from central.service.registry.cycle_file import read_cycle_file
from central.service.registry.cycles import BillingCycles
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility, timescale_utility
from tests.support.daily_books import approve, bill, found, heads, issue, measured, run
from tests.support.servers import Database

OCTOBER, NOVEMBER, DECEMBER = (date(2026, month, 1) for month in (10, 11, 12))
Barrier = Callable[[], Awaitable[None]]


class _Shard:
    """A shard with a barrier before it claims, and one before it saves."""

    def __init__(
        self, shard: ShardTransaction, before_claim: Barrier, before_save: Barrier
    ) -> None:
        self._shard = shard
        self._before_claim = before_claim
        self._before_save = before_save

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self._shard, name)

    async def claim(self, bills: Sequence[PlannedBill]) -> Collection[int]:
        await self._before_claim()
        return await self._shard.claim(bills)

    async def save(self, bills: Sequence[NewBill], creator: str, at: datetime) -> int:
        await self._before_save()
        return await self._shard.save(bills, creator, at)


class _Store:
    """A billing store whose shards have barriers."""

    def __init__(self, store: BillingStore, **barriers: Barrier) -> None:
        self._store = store
        self._barriers = {"before_claim": _pass, "before_save": _pass} | barriers

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        return getattr(self._store, name)

    @asynccontextmanager
    async def shard(self, run: RunRecord, at: datetime) -> AsyncIterator[Any]:
        async with self._store.shard(run, at) as shard:
            yield None if shard is None else _Shard(shard, **self._barriers)


async def _pass() -> None:
    return


def once(work: Barrier) -> Barrier:
    """A barrier that does something the first time."""
    waiting = [work]

    async def barrier() -> None:
        if waiting:
            await waiting.pop()()

    return barrier


async def run_with(utility: Utility, cycle: str, **barriers: Barrier) -> RunSummary:
    store: Any = _Store(utility.billing, **barriers)
    use_case = RunBills(store, lambda: utility.now)
    record = await use_case.start(Cycle.parse(cycle), CLERK)
    await use_case.work(record)
    return await utility.billing.summary(record)


@pytest.fixture
async def utility(migrated: Database) -> AsyncIterator[Utility]:
    async with timescale_utility(migrated.dsn) as made:
        yield made


async def customers(utility: Utility) -> None:
    await found(utility, 3, since=OCTOBER)
    for channel in (1, 2, 3):
        await measured(utility, OCTOBER, NOVEMBER, channel)


async def test_days_that_another_run_claims_meanwhile_are_left_to_it(utility: Utility) -> None:
    await customers(utility)

    async def another() -> None:
        use_case = RunBills(utility.billing, lambda: utility.now)
        record = await use_case.start(Cycle.parse("2026-10"), CHIEF, scope=RunScope(account="A-2"))
        assert await use_case.work(record) == 1

    summary = await run_with(utility, "2026-10", before_claim=once(another))
    assert [(one.account, one.days.code) for one in summary.left_out] == [("A-2", "PERIOD_TAKEN")]
    assert [head.account for head in await heads(utility, summary)] == ["A-1", "A-3"]
    assert (await bill(utility, "A-2", "2026-10")).creator == CHIEF.key
    # The note goes with the next run, and nobody is billed twice.
    again = await run(utility, "2026-10")
    assert again.left_out == ()
    assert [head.account for head in await heads(utility, again)] == ["A-1", "A-3"]
    kwh = [(await bill(utility, f"A-{number}", "2026-10")).kwh for number in (1, 2, 3)]
    assert kwh == [Decimal(310)] * 3


async def test_a_change_of_cycle_waits_for_the_shard_and_is_then_refused(
    utility: Utility,
) -> None:
    await customers(utility)
    cycles = BillingCycles(utility.registry, CHIEF, lambda: utility.now)
    await cycles.add(BillingCycle("bimonthly", date(2026, 1, 1), 2))
    asked: list[asyncio.Task[Any]] = []

    async def change() -> None:
        asked.append(asyncio.create_task(cycles.assign("A-2", "@15", date(2026, 10, 15))))
        asked.append(asyncio.create_task(cycles.assign("A-3", "bimonthly", NOVEMBER)))
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in asked)

    summary = await run_with(utility, "2026-10", before_save=once(change))
    inside, behind = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(inside, PeriodBilledError)
    assert str(behind) == "added"
    assert [head.period for head in await heads(utility, summary)] == ["2026-10"] * 3
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []


async def test_a_change_before_the_claims_are_planned_is_followed(utility: Utility) -> None:
    await customers(utility)
    cycles = BillingCycles(utility.registry, CHIEF, lambda: utility.now)
    await cycles.assign("A-2", "@15", date(2026, 10, 15))
    summary = await run(utility, "2026-10")
    by_account = {head.account: head for head in await heads(utility, summary)}
    assert (by_account["A-2"].kwh, by_account["A-1"].kwh) == (Decimal(140), Decimal(310))


async def test_editing_a_period_waits_for_who_claims_it_and_is_then_refused(
    utility: Utility,
) -> None:
    await customers(utility)
    cycles = BillingCycles(utility.registry, CHIEF, lambda: utility.now)
    listed = "cycle,first,end\nroute,2026-10-01,2026-10-21\nroute,2026-10-21,2026-11-19\n"
    await cycles.put_lists(read_cycle_file(listed))
    await cycles.assign("A-1", "route", OCTOBER)
    moved = read_cycle_file(listed.replace("10-21", "10-18"))
    later = read_cycle_file("cycle,first,end\nroute,2026-10-21,2026-11-18\n")
    asked: list[asyncio.Task[Any]] = []

    async def edit() -> None:
        asked.append(asyncio.create_task(cycles.put_lists(moved)))
        asked.append(asyncio.create_task(cycles.put_lists(later)))
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in asked)

    summary = await run_with(utility, "2026-10", before_save=once(edit))
    claimed, free = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(claimed, PeriodBilledError)
    assert not isinstance(free, BaseException), free
    kwh = {head.account: head.kwh for head in await heads(utility, summary)}
    assert kwh == {"A-1": Decimal(200), "A-2": Decimal(310), "A-3": Decimal(310)}
