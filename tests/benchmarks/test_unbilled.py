"""Unbilled revenue: what it takes for all accounts, and for those that changed.

Real PostgreSQL; each account has a point of 2,980 intervals a month. `METERLINE_BENCH_UNBILLED`
says how many accounts; a thousand take seconds, and as many to make them.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta

import psycopg
import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.billing.unbilled import TimescaleUnbilled
from central.adapters.timescale.pool import make_pool
from central.process.gc_tuning import tune_gc
from central.service.billing.unbilled_revenue import UnbilledRevenue, UnbilledTally
from tests.support.books import NOW
from tests.support.bulk_customers import seed_customers
from tests.support.effort import descendants_s, own_s
from tests.support.servers import MIGRATED, Database, fresh_database, fresh_folder, postgres_servers

ACCOUNTS = int(os.environ.get("METERLINE_BENCH_UNBILLED", "1000"))
FEW = max(ACCOUNTS // 100, 1)
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
    return lines


async def _timed(what: str, use_case: UnbilledRevenue, expected: int) -> str:
    used, server, began = own_s(), descendants_s(), time.perf_counter()
    tally: UnbilledTally = await use_case.refresh()
    seconds = time.perf_counter() - began
    worker_s, server_s = own_s() - used, descendants_s() - server
    assert (tally.looked, tally.rated, tally.held) == (ACCOUNTS, expected, 0)
    each = 1000 / max(expected, 1)
    return (
        f"{what}: {seconds:.1f} s; {worker_s:.2f} s CPU of the worker, {server_s:.2f} s of the"
        f" database ({(worker_s + server_s) * each:.2f} ms an account that is rated)"
    )
