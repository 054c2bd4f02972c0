"""Unbilled revenue: what it takes for all accounts, and for those that changed.

Real PostgreSQL; each account has a point of 2,980 intervals a month. `METERLINE_BENCH_UNBILLED`
says how many accounts; a thousand take seconds, and as many to make them. Some of them then miss
intervals from a day on, so that they are rated until then.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.billing.unbilled import TimescaleUnbilled
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.process.gc_tuning import tune_gc
from central.service.billing.unbilled_revenue import TOGETHER, UnbilledRevenue, UnbilledTally
from tests.support.books import NOW, OCTOBER
from tests.support.bulk_customers import october_blocks, seed_customers
from tests.support.effort import descendants_s, own_s
from tests.support.servers import MIGRATED, Database, fresh_database, fresh_folder, postgres_servers

ACCOUNTS = int(os.environ.get("METERLINE_BENCH_UNBILLED", "1000"))
FEW = max(ACCOUNTS // 100, 1)
INCOMPLETE = max(ACCOUNTS // 10, 1)
_SILENT = OCTOBER + timedelta(days=20)
TABLES = ("unbilled_day", "unbilled_span", "unbilled_stamp")
TOUCH = """\
UPDATE service_point SET input_revision = input_revision + 1 WHERE id IN (
    SELECT id FROM service_point ORDER BY id LIMIT %s
)
"""


def test_unbilled_revenue(capsys: pytest.CaptureFixture[str]) -> None:
    found = postgres_servers()[0]
    tune_gc()
    with (
        fresh_folder() as home,
        EmbeddedPostgres(home / "pg", found.binaries) as server,
        fresh_database(server, found, MIGRATED) as database,
    ):
        lines = asyncio.run(_measured(database))
        size = "SELECT pg_total_relation_size(%s::text::regclass)"
        with psycopg.connect(database.dsn) as connection:
            rows = {table: connection.execute(size, (table,)).fetchone() for table in TABLES}
        kept = sum(row[0] for row in rows.values() if row is not None)
    with capsys.disabled():
        print(f"\nunbilled revenue of {ACCOUNTS:,} accounts, a month each")
        print("\n".join(lines))
        print(f"{kept / ACCOUNTS:,.0f} bytes an account, of {kept / 1e6:,.1f} MB")


async def _measured(database: Database) -> list[str]:
    await seed_customers(database.dsn, ACCOUNTS)
    at = NOW
    async with make_pool(database.dsn, max_size=2) as pool:
        use_case = UnbilledRevenue(TimescaleUnbilled(pool), lambda: at)
        lines = [await _timed("all of them", use_case, ACCOUNTS)]
        at = NOW + timedelta(hours=1)
        lines.append(await _timed("nothing changed", use_case, 0))
        with psycopg.connect(database.dsn) as connection:
            connection.execute(TOUCH, (FEW,))
        lines.append(await _timed(f"{FEW:,} of them changed", use_case, FEW))
        at = NOW + timedelta(hours=2)
        with psycopg.connect(database.dsn) as connection:
            rows = connection.execute("SELECT id FROM point_channel ORDER BY id").fetchall()
        silent = [row[0] for row in rows[:INCOMPLETE]]
        for first in range(0, INCOMPLETE, 1_000):
            blocks = october_blocks(silent[first : first + 1_000])
            async with TimescaleValidationStore(pool).transaction() as work:
                later = [_silenced(block) for block in blocks if block.day >= _SILENT]
                await work.add_blocks(later, Actor.job("validate"), at)
        what = f"{INCOMPLETE:,} of them miss days"
        lines.append(await _timed(what, use_case, INCOMPLETE, INCOMPLETE))
    return lines


def _silenced(block: DayBlock) -> DayBlock:
    """A day of which nothing came."""
    return replace(
        block,
        values=block.values * 0 + NULL,
        quality=block.quality + IntervalQuality.MISSING,
        version=2,
    )


async def _timed(what: str, use_case: UnbilledRevenue, expected: int, held: int = 0) -> str:
    used, server, began = own_s(), descendants_s(), time.perf_counter()
    lots, half = count(1), 0

    def look(_: int) -> None:
        nonlocal half
        if next(lots) <= max(expected // TOGETHER // 2, 1):
            half = _memory_kb()

    tally: UnbilledTally = await use_case.refresh(progress=look)
    seconds = time.perf_counter() - began
    worker_s, server_s = own_s() - used, descendants_s() - server
    assert (tally.looked, tally.rated, tally.held) == (ACCOUNTS, expected, held)
    line = (
        f"{what}: {seconds:.1f} s; {worker_s:.2f} s CPU of the worker,"
        f" {server_s:.2f} s of the database"
    )
    if not expected:
        return line
    whole = _memory_kb()
    # A few accounts fill caches; many add nothing to them.
    assert expected < 10 * TOGETHER or whole < half * 1.2
    return (
        f"{line} ({(worker_s + server_s) * 1000 / expected:.2f} ms an account that is rated);"
        f" memory {half:,} kB after half, {whole:,} kB after all"
    )


def _memory_kb() -> int:
    """What this process has in memory now. The making of readings took more before."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024
