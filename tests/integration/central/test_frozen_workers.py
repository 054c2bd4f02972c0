"""Workers that freeze hold nobody up: in the middle of a query, of a COPY, and while rating."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.sessions import OverdueTransactions
from central.config.connection_limits import ConnectionLimits
from central.domain.billing.cycle import Cycle
from central.service.billing.run_bills import RunBills
from central.service.ports.ingest import StoreUnavailableError
from tests.support.actors import CLERK
from tests.support.books import NOW
from tests.support.bulk_customers import october_kwh, seed_customers
from tests.support.freezing_worker import MOMENTS
from tests.support.servers import Database

ACCOUNTS = 10
OCTOBER = Cycle(2026, 10)
TAKEOVER_S = 0.6


def start(database: Database, moment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.support.freezing_worker"]
    return subprocess.Popen(
        [*command, database.dsn_as("meterline_app"), str(OCTOBER), moment],
        stderr=subprocess.PIPE,
    )


def is_stopped(process: subprocess.Popen[bytes]) -> bool:
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert state != "Z", process.communicate()[1].decode()
    return state == "T"


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def bills(database: Database) -> list[tuple[object, ...]]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        return connection.execute(
            "SELECT account_id, sha256, kwh, xmin::text FROM bill ORDER BY id"
        ).fetchall()


async def test_who_waits_ends_frozen_workers_and_bills_their_accounts(migrated: Database) -> None:
    await seed_customers(migrated.dsn, ACCOUNTS)
    async with make_pool(migrated.dsn_as("meterline_app"), name="meterline-bill") as pool:
        use_case = RunBills(
            TimescaleBillingStore(pool), lambda: NOW, shard_size=2, takeover_s=TAKEOVER_S
        )
        run = await use_case.start(OCTOBER, CLERK)
        frozen = [start(migrated, moment) for moment in MOMENTS]
        try:
            await asyncio.to_thread(until, lambda: all(is_stopped(one) for one in frozen))
            held = await TimescaleBillingStore(pool).held_shards(run.id)
            assert len({one.holder for one in held}) == len(MOMENTS)
            async with asyncio.timeout(60):
                assert await use_case.work(run) == ACCOUNTS
            before = bills(migrated)
            assert len({account for account, *_ in before}) == len(before) == ACCOUNTS
            kwh = sum((Decimal(str(row[2])) for row in before), Decimal(0))
            assert kwh == october_kwh(list(range(1, ACCOUNTS + 1)))
        finally:
            for one in frozen:
                one.send_signal(signal.SIGCONT)
        # They find their connections gone, and whatever they do then changes no bill.
        for one in frozen:
            _, said = await asyncio.to_thread(one.communicate, None, 60)
            assert one.returncode != 0
            assert b"StoreUnavailableError" in said
        assert bills(migrated) == before


async def test_a_holder_that_works_is_let_alone(plain_migrated: Database) -> None:
    await seed_customers(plain_migrated.dsn, 4)
    async with make_pool(plain_migrated.dsn, name="meterline-bill") as pool:
        store = TimescaleBillingStore(pool)
        use_case = RunBills(store, lambda: NOW, shard_size=2, takeover_s=TAKEOVER_S)
        run = await use_case.start(OCTOBER, CLERK)
        async with store.shard(run, NOW) as first:
            assert first is not None
            (held,) = await store.held_shards(run.id)
        assert not await store.end_holder(held), "its transaction is over"
        async with store.shard(run, NOW) as again:
            assert again is not None
            (now_held,) = await store.held_shards(run.id)
            assert (now_held.number, now_held == held) == (held.number, False)


def pids(database: Database) -> set[object]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        return {pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity").fetchall()}


class Watch:
    """A monotonic clock that is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_transaction_that_lasts_too_long_is_ended(migrated: Database) -> None:
    await seed_customers(migrated.dsn, 1)
    watch = Watch()
    async with make_pool(migrated.dsn, name="meterline-worker") as pool:
        # Its connections are made in the background, each in a transaction of its own.
        await pool.wait()
        overdue = OverdueTransactions(pool, 300, watch)
        with (
            psycopg.connect(migrated.dsn, application_name="meterline-bill") as forgotten,
            psycopg.connect(migrated.dsn, application_name="meterline-serve") as busy,
            psycopg.connect(migrated.dsn, application_name="psql") as somebodys,
        ):
            forgotten.execute("SELECT 1")
            forgotten.pgconn.exec_(b"COPY series (name) FROM STDIN")
            for connection in (busy, somebodys):
                connection.execute("SELECT 1")
            assert await overdue.end() == 0
            watch.seconds = 299
            assert await overdue.end() == 0
            busy.commit()
            busy.execute("SELECT 1")
            watch.seconds = 300
            assert await overdue.end() == 1
            for connection in (busy, somebodys):
                connection.execute("SELECT 1")
            until(lambda: forgotten.info.backend_pid not in pids(migrated))
            forgotten.close()


async def test_a_connection_is_lent_for_a_time(plain_migrated: Database) -> None:
    await seed_customers(plain_migrated.dsn, 1)
    async with make_pool(plain_migrated.dsn) as pool:
        run = await RunBills(TimescaleBillingStore(pool), lambda: NOW).start(OCTOBER, CLERK)
    limits = ConnectionLimits(transaction_s=2)
    async with make_pool(plain_migrated.dsn, max_size=1, limits=limits) as pool:
        store = TimescaleBillingStore(pool)

        async def keep_one() -> None:
            async with store.shard(run, NOW):
                await asyncio.sleep(60)

        with pytest.raises(StoreUnavailableError, match="longer than 2 s"):
            await keep_one()
        assert await store.held_shards(run.id) == ()
        assert await store.open_shards(run) == 1
