"""Bills per second and CPU per bill, persisted with lineage and without PDF, 2,980 intervals each.

Real PostgreSQL, as many processes as cores; the clock runs from the first shard taken to the last
committed. `METERLINE_BENCH_BILLS` sets how many accounts. Bytes are those of all that a run adds,
its claims and indexes included; the budget is 2 kB a bill with four lines. What a bill takes of CPU
is the slope between a quarter of the accounts and all: starting Python is not billing. The growth
is what all take to what a hundredth takes, the start (a run of one bill) in neither. Processor
time, unlike bills per second, can be compared where others use the machine.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import psycopg
import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.pool import make_pool
from central.domain.billing.cycle import Cycle
from central.process.gc_tuning import tune_gc
from central.service.billing.run_bills import RunBills
from central.service.ports.bill_shard import RunRecord
from tests.support.actors import CLERK
from tests.support.books import NOW
from tests.support.bulk_customers import october_kwh, seed_customers
from tests.support.effort import descendants_s, own_s
from tests.support.servers import MIGRATED, Database, fresh_database, fresh_folder, postgres_servers

ACCOUNTS = int(os.environ.get("METERLINE_BENCH_BILLS", "4000"))
SHARD = 250
KERNEL_LOOPS = 3_000_000
TABLES = ("bill", "bill_figures", "line_form", "bill_part", "billed_period")


def work(dsn: str, run: RunRecord) -> None:
    """Take shards until none is left; a process of its own."""

    async def take() -> None:
        async with make_pool(dsn, max_size=2) as pool:
            await RunBills(TimescaleBillingStore(pool), lambda: NOW).work(run)

    tune_gc()
    asyncio.run(take())


async def start(dsn: str, accounts: int) -> RunRecord:
    await seed_customers(dsn, accounts)
    async with make_pool(dsn, max_size=2) as pool:
        use_case = RunBills(TimescaleBillingStore(pool), lambda: NOW, SHARD)
        return await use_case.start(Cycle.parse("2026-10"), CLERK)


def loops_per_second() -> float:
    """How quick a core is just now, so that figures of different hours can be compared."""
    begun, value = time.perf_counter(), 0
    for number in range(KERNEL_LOOPS):
        value += number * number
    assert value > 0
    return KERNEL_LOOPS / (time.perf_counter() - begun)


class Measured(NamedTuple):
    """What a run took.

    Args:
        seconds: From the first shard taken to the last committed.
        workers_s: CPU of the processes that bill. [s]
        server_s: CPU of the database meanwhile. [s]
        sizes: What a bill added to each table, its indexes included. [B]
    """

    seconds: float
    workers_s: float
    server_s: float
    sizes: dict[str, float]

    @property
    def cpu_s(self) -> float:
        """CPU of all processes. [s]."""
        return self.workers_s + self.server_s


def test_bill_run_rate(capsys: pytest.CaptureFixture[str]) -> None:
    found, cores = postgres_servers()[0], os.cpu_count() or 1
    few = ACCOUNTS // 4
    with fresh_folder() as home, EmbeddedPostgres(home / "pg", found.binaries) as server:
        runs = []
        for accounts in (1, ACCOUNTS // 100, few, ACCOUNTS):
            with fresh_database(server, found, MIGRATED) as database:
                runs.append(_measure(database, accounts, cores))
    idle, hundredth, quarter, whole = runs
    sizes = whole.sizes
    workers, database_s = (
        (getattr(whole, name) - getattr(quarter, name)) * 1000 / (ACCOUNTS - few)
        for name in ("workers_s", "server_s")
    )
    with capsys.disabled():
        print(
            f"\nbill run: {ACCOUNTS} bills of 2,980 intervals in {whole.seconds:.1f} s ="
            f" {ACCOUNTS / whole.seconds:,.0f} bills/s on {cores} processes"
            f" ({loops_per_second() / 1e6:.1f} M loops/s a core meanwhile);"
            f" {sum(sizes.values()):,.0f} bytes a bill ({_listed(sizes)})"
            f"\nCPU per bill: {workers:.3f} ms of workers + {database_s:.3f} ms of the database ="
            f" {workers + database_s:.3f} ms"
            f"\ngrowth: {ACCOUNTS} bills take {(whole.cpu_s - idle.cpu_s):.1f} s of CPU,"
            f" {ACCOUNTS // 100} take {hundredth.cpu_s - idle.cpu_s:.2f} s:"
            f" {(whole.cpu_s - idle.cpu_s) / (hundredth.cpu_s - idle.cpu_s):.0f} x for 100 x"
            f" (the start, {idle.cpu_s:.2f} s, in neither)"
        )


def _sizes(database: Database) -> dict[str, int]:
    """What each table takes, its indexes included. [B]."""
    size = "SELECT pg_total_relation_size(%s::text::regclass)"
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        rows = {table: connection.execute(size, (table,)).fetchone() for table in TABLES}
    return {table: row[0] for table, row in rows.items() if row is not None}


def _listed(sizes: dict[str, float]) -> str:
    return ", ".join(f"{table} {size:,.0f}" for table, size in sizes.items())


def _first_shard(database: Database, processes: Sequence[BaseProcess]) -> None:
    """Wait until a process holds a shard, or all have ended: starting Python is not billing."""
    held = "SELECT count(*) FROM pg_locks WHERE relation = 'bill_shard'::regclass"
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        while connection.execute(held).fetchone() == (0,) and any(p.is_alive() for p in processes):
            time.sleep(0.01)


def _measure(database: Database, accounts: int, cores: int) -> Measured:
    run = asyncio.run(start(database.dsn, accounts))
    before = _sizes(database)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(database.dsn, run)) for _ in range(cores)]
    workers_s, server_s = own_s(), descendants_s()
    for process in processes:
        process.start()
    _first_shard(database, processes)
    begun = time.perf_counter()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    seconds = time.perf_counter() - begun
    workers_s, server_s = own_s() - workers_s, descendants_s() - server_s
    sizes = {table: (size - before[table]) / accounts for table, size in _sizes(database).items()}
    used = Measured(seconds, workers_s, server_s, sizes)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        row = connection.execute("SELECT count(*), sum(kwh) FROM bill").fetchone()
    assert row == (accounts, october_kwh(list(range(1, accounts + 1))))
    return used
