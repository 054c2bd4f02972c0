"""Bill a cycle: shard by shard, resumable, any number of workers at once.

Whatever one account does, the others of its shard are billed: what fails is done again in halves
until an account stands alone, whose bill is held with the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from central.domain.actor import Actor
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.service.billing.rate_accounts import looking_back, rate_accounts
from central.service.billing.take_over import TAKEOVER_S, TakeOver
from central.service.billing.tariffs import Tariffs
from central.service.billing.unrated import rating_failed, unrated
from central.service.halved import FailedItem, halved
from central.service.ports.billing import (
    AccountWork,
    BillingStore,
    NewBill,
    RunRecord,
    RunSummary,
    ShardTransaction,
)
from firmware_bridge.contract.errors import OperatorError

SHARD_SIZE = 500
_POLL_S = 0.1


class CycleOpenError(OperatorError):
    """The cycle is not over yet."""

    code = "CYCLE_OPEN"


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
        self._take_over = TakeOver(store, takeover_s)
        self._clock = clock
        self._shard_size = shard_size

    async def start(
        self, cycle: Cycle, creator: Actor, run_type: RunType = RunType.REGULAR
    ) -> RunRecord:
        """Start the run of a cycle, or take part in it.

        Accounts without a bill get one; held bills are tried again.

        Args:
            cycle: A month that is over.
            creator: Who answers for the bills; somebody else approves them.
            run_type: Why.

        Raises:
            CycleOpenError: The cycle is not over yet.
            StoreUnavailableError: Try again.
        """
        now = self._clock()
        # West of Greenwich a month ends later; each bill's own days are those of its point.
        if now < cycle.interval("UTC").end:
            message = f"The cycle {cycle} is not over; it ends on {cycle.days.end}."
            raise CycleOpenError(message, value=str(cycle), remedy="Bill it after that day.")
        return await self._store.open_run(cycle, run_type, creator, now, self._shard_size)

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
        saved = 0
        while True:
            done = await self._take(run)
            if done is not None:
                saved += done[1]
                progress(done[0])
            elif await self._store.open_shards(run):
                await self._take_over.check(run)
                await asyncio.sleep(_POLL_S)
            else:
                await self._store.finish_run(run, self._clock())
                return saved

    async def _take(self, run: RunRecord) -> tuple[int, int] | None:
        async with self._store.shard(run) as work:
            if work is None:
                return None
            shard = work.shard
            bills = await rate_shard(work)
            at = self._clock()
            saved = await _save(work, bills, run.actor or run.creator, at)
            await work.done(at)
            return len(shard.works), saved

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


async def rate_shard(work: ShardTransaction) -> list[NewBill]:
    """Rate the accounts of a shard; nothing is saved."""
    tariffs = Tariffs(work.shard.tariffs, work.shard.run.cycle.days)
    await _load_series(work, tariffs)
    return await _rate(work, tariffs)


async def _load_series(work: ShardTransaction, tariffs: Tariffs) -> None:
    longest = max(tariffs.looks_back.values(), default=0)

    async def load(names: Sequence[str]) -> None:
        tariffs.set_revisions(await work.series_revisions(names))
        tariffs.set_series(await work.series(names, longest))

    async for failed in halved(sorted(tariffs.series_names), load):
        if failed is not None:
            tariffs.mark_unreadable(failed.item, failed.error)


async def _rate(work: ShardTransaction, tariffs: Tariffs) -> list[NewBill]:
    """The bills of a shard; what cannot be rated is held, and spoils no other's."""
    run, back = work.shard.run, tariffs.looks_back

    async def rate(part: Sequence[AccountWork]) -> list[NewBill]:
        if back:
            part = looking_back(part, await work.earlier(part, back))
        return rate_accounts(part, run.cycle.period, run.run_type, tariffs)

    bills: list[NewBill] = []
    async for made in halved(work.shard.works, rate):
        if isinstance(made, FailedItem):
            bills.append(
                unrated(made.item, run.cycle.period, run.run_type, rating_failed(made.error))
            )
        else:
            bills += made
    return bills


async def _save(
    work: ShardTransaction, bills: Sequence[NewBill], creator: str, at: datetime
) -> int:
    """Save bills; one that the store refuses is held without its lines."""
    run = work.shard.run
    works = {one.account_id: one for one in work.shard.works}

    async def save(part: Sequence[NewBill]) -> int:
        return await work.save(part, creator, at)

    saved = 0
    async for done in halved(bills, save):
        if isinstance(done, FailedItem):
            account = works[done.item.account_id]
            held = unrated(account, run.cycle.period, run.run_type, rating_failed(done.error))
            saved += await save([held])
        else:
            saved += done
    return saved
