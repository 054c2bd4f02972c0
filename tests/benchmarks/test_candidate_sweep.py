"""What a night's comparing of issued bills takes, by how many there are, and in memory.

Real PostgreSQL; `METERLINE_BENCH_PARTS` sets how many issued parts, one an account. The growth is
that from a quarter of them to all, where 4.0 is even; memory is the peak of what Python allocates
while comparing. Of the parts one in a hundred has a late day, which is rated again as a dry run.
"""

from __future__ import annotations

import asyncio
import os
import time
import tracemalloc
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import psycopg
import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.candidates import TimescaleCandidates
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.actor import Actor
from central.domain.billing.cycle import Cycle
from central.domain.metering.block import DayBlock
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.find_candidates import CandidateTally, FindCandidates
from central.service.billing.run_bills import RunBills
from tests.support.actors import CHIEF, CLERK
from tests.support.books import NOW
from tests.support.bulk_customers import october_blocks, seed_customers
from tests.support.servers import MIGRATED, fresh_database, fresh_folder, postgres_servers

PARTS = int(os.environ.get("METERLINE_BENCH_PARTS", "10000"))
LATE = 100
LATER = NOW + timedelta(hours=3)


class Measured(NamedTuple):
    """What a sweep took.

    Args:
        tally: What it did.
        seconds: By the clock.
        cpu_s: Of this process. [s]
        peak: Of what Python allocated, where that was watched. [B]
    """

    tally: CandidateTally
    seconds: float
    cpu_s: float
    peak: int = 0


async def _swept(find: FindCandidates) -> Measured:
    begun, used = time.perf_counter(), time.process_time()
    tally = await find()
    return Measured(tally, time.perf_counter() - begun, time.process_time() - used)


async def _watched(find: FindCandidates) -> int:
    tracemalloc.start()
    await find()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


async def _issued(dsn: str, parts: int) -> None:
    await seed_customers(dsn, parts)
    async with make_pool(dsn, max_size=2) as pool:
        store = TimescaleBillingStore(pool)
        summary = await RunBills(store, lambda: NOW)(Cycle.parse("2026-10"), CLERK)
        assert (await ApproveBills(store, lambda: NOW).run(summary.run, CHIEF)).refused == ()
        assert (await IssueBills(store, lambda: NOW).run(summary.run, CHIEF)).refused == ()


def _late(channel: int) -> DayBlock:
    """The second of October again, with more of it."""
    block = next(each for each in october_blocks([channel]) if each.day == date(2026, 10, 2))
    return DayBlock(
        channel_id=channel, day=block.day, zone=block.zone, start=block.start,
        period_s=block.period_s, exponent=block.exponent, unit=block.unit,
        values=np.asarray(block.values) + 100, quality=block.quality, version=2,
    )  # fmt: skip


async def _compared(dsn: str, parts: int) -> tuple[Measured, Measured, Measured, int]:
    await _issued(dsn, parts)
    async with make_pool(dsn, max_size=2) as pool:
        find = FindCandidates(TimescaleCandidates(pool), lambda: LATER)
        even = await _swept(find)
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("SELECT id FROM point_channel ORDER BY id").fetchall()
        blocks = [_late(channel) for (channel,) in rows[::LATE]]
        async with TimescaleValidationStore(pool).transaction() as work:
            await work.add_blocks(blocks, Actor.job("validate"), LATER)
        late = await _swept(find)
        again = await _swept(find)
        return even, late, again, await _watched(find)


def test_candidate_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    server_kind, measured = postgres_servers()[0], []
    with fresh_folder() as home, EmbeddedPostgres(home / "pg", server_kind.binaries) as server:
        for parts in (PARTS // 4, PARTS):
            with fresh_database(server, server_kind, MIGRATED) as database:
                measured.append(asyncio.run(_compared(database.dsn, parts)))
    (few, *_, few_peak), (even, late, again, peak) = measured
    assert (even.tally.parts, even.tally.rated) == (PARTS, 0)
    assert (late.tally.rated, late.tally.opened) == (PARTS // LATE, PARTS // LATE)
    assert again.tally.rated == 0
    with capsys.disabled():
        print(
            f"\ncandidates: {PARTS:,} issued parts compared in {even.seconds:.2f} s"
            f" ({even.cpu_s * 1000:.0f} ms of this process), {few.tally.parts:,} in"
            f" {few.seconds:.2f} s: growth {even.seconds / few.seconds:.2f} x for 4 x;"
            f" {late.tally.rated} with a late day rated again in {late.seconds:.2f} s"
            f" ({(late.cpu_s - even.cpu_s) * 1000 / late.tally.rated:.1f} ms of CPU each),"
            f" the night after {again.seconds:.2f} s;"
            f" peak {few_peak / 1e6:.2f} MB and {peak / 1e6:.2f} MB"
        )
