"""Bill a cycle: shard by shard, resumable, any number of workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.service.billing.rate_accounts import Tariffs, looking_back, rate_accounts
from central.service.ports.billing import BillingStore, RunRecord, RunSummary
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
    """

    def __init__(
        self,
        store: BillingStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        shard_size: int = SHARD_SIZE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._shard_size = shard_size

    async def start(
        self, cycle: Cycle, creator: str, run_type: RunType = RunType.REGULAR
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
            message = f"The cycle {cycle} ends on {cycle.days.end}; it is not over yet."
            raise CycleOpenError(message, value=str(cycle), remedy="Wait until it is over.")
        return await self._store.open_run(cycle, run_type, creator, now, self._shard_size)

    async def work(self, run: RunRecord, progress: Callable[[int], None] = lambda _: None) -> int:
        """Take shards until none is left, then wait for those that others have.

        A shard whose worker dies comes free and is taken here.

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
                await asyncio.sleep(_POLL_S)
            else:
                await self._store.finish_run(run, self._clock())
                return saved

    async def _take(self, run: RunRecord) -> tuple[int, int] | None:
        async with self._store.shard(run) as work:
            if work is None:
                return None
            shard = work.shard
            tariffs = Tariffs(shard.tariffs, run.cycle.days)
            back = tariffs.looks_back
            if tariffs.series_names:
                longest = max(back.values(), default=0)
                tariffs.set_series(await work.series(tariffs.series_names, longest))
            works = shard.works
            if back:
                works = looking_back(works, await work.earlier(back))
            bills = rate_accounts(works, run.cycle, run.run_type, tariffs)
            saved = await work.save(bills, run.creator, self._clock())
            return len(bills), saved

    async def __call__(
        self,
        cycle: Cycle,
        creator: str,
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
