"""Workers of a bill run as processes that can be killed and frozen: forks of one that has
everything imported, so that a dozen of them cost no more than one.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.pool import make_pool
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.service.billing.run_bills import RunBills
from central.service.ports.ingest import StoreUnavailableError
from tests.support.books import NOW

TAKEOVER_S = 3.0
_AWAY = 75


def work(dsn: str, cycle: str) -> None:
    """Take shards until none is left; ends with `_AWAY` where the database went away."""

    async def take() -> None:
        async with make_pool(dsn, max_size=2, name="meterline-bill") as pool:
            store = TimescaleBillingStore(pool)
            run = await store.find_run(Cycle.parse(cycle), RunType.REGULAR)
            assert run is not None
            await RunBills(store, lambda: NOW, takeover_s=TAKEOVER_S).work(run)

    try:
        asyncio.run(take())
    except StoreUnavailableError:
        sys.exit(_AWAY)


class RunWorkers:
    """Workers on one run, brought back while it lasts. Made by `run_workers`.

    Args:
        dsn: Of the application.
        cycle: Whose run.
    """

    def __init__(self, dsn: str, cycle: str) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.support.run_workers"])
        self._of = (dsn, cycle)
        self.at_work: list[BaseProcess] = []
        self.frozen: list[BaseProcess] = []

    def start(self) -> None:
        process = self._context.Process(target=work, args=self._of)
        process.start()
        self.at_work.append(process)

    def bring_back(self) -> None:
        """Start anew whoever died with its database; anything else is a defect."""
        for process in list(self.at_work):
            if not process.is_alive():
                self.at_work.remove(process)
                assert process.exitcode in {0, _AWAY}, process.exitcode
                if process.exitcode:
                    self.start()

    def kill(self, position: int) -> None:
        """SIGKILL one, and start another in its place."""
        process = self.at_work.pop(position)
        process.kill()
        process.join()
        self.start()

    def freeze(self, position: int) -> None:
        """SIGSTOP one, and start another in its place."""
        process = self.at_work.pop(position)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        self.frozen.append(process)
        self.start()

    def thaw(self) -> list[int | None]:
        """Let the frozen go on, and wait for their ends: 0, or `_AWAY` for who was ended."""
        for process in self.frozen:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGCONT)
        ends = []
        for process in self.frozen:
            process.join(timeout=60)
            ends.append(process.exitcode)
        self.frozen.clear()
        return ends

    def end(self) -> None:
        for process in (*self.at_work, *self.frozen):
            process.kill()
            process.join()


@contextmanager
def run_workers(dsn: str, cycle: str) -> Iterator[RunWorkers]:
    """Workers on one run; all of them are gone in the end."""
    workers = RunWorkers(dsn, cycle)
    try:
        yield workers
    finally:
        workers.end()
