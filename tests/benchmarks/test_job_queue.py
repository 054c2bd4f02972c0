"""The queue that wakes workers: jobs a second, and how long one waits for a worker that is free.

`pytest tests/benchmarks/test_job_queue.py -n0 -s` prints both.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from central.adapters.timescale.job_queue import job_queue
from central.config.connection_limits import ConnectionLimits
from tests.support.servers import Database

MANY, WAKE_UPS = 500, 50


async def test_jobs_a_second_and_the_time_of_a_wake_up(plain_migrated: Database) -> None:
    done: dict[str, float] = {}
    every = asyncio.Event()

    async def work(job: str, night: str) -> None:
        del night
        done[job] = time.perf_counter()
        every.set()

    dsn = plain_migrated.dsn_as("meterline_app")
    async with job_queue(dsn, work, ConnectionLimits()) as queue:
        for number in range(MANY):
            await queue.put(f"waiting-{number}")
        begun = time.perf_counter()
        worker = asyncio.create_task(queue.serve())
        while len(done) < MANY:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        rate = MANY / (time.perf_counter() - begun)
        waits = []
        for number in range(WAKE_UPS):
            every.clear()
            asked = time.perf_counter()
            await queue.put(f"asked-{number}")
            await every.wait()
            waits.append(1000 * (done[f"asked-{number}"] - asked))
            await asyncio.sleep(0.05)
        worker.cancel()
        await asyncio.wait([worker])
    print(f"{rate:.0f} jobs/s; a wake-up {median(waits):.1f} ms, at most {max(waits):.1f} ms")
    assert len(done) == MANY + WAKE_UPS
