"""What it takes to say whether a run balances, beside reading and summing its days one by one.

The days of the run's bills, 2,980 intervals each, on a real PostgreSQL; processor time of this
process and of the server. `METERLINE_BENCH_BILLS` sets how many accounts.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.billing.channel_months import months_of
from central.adapters.timescale.billing.load import SQL
from central.adapters.timescale.billing.reconciliation import TimescaleReconciliation, day_sum
from central.adapters.timescale.pool import Pool, make_pool
from central.domain.billing.cycle import Cycle
from central.service.billing.run_balance import run_balance
from central.service.billing.run_bills import RunBills
from tests.support.actors import CLERK
from tests.support.books import NOVEMBER, NOW, OCTOBER
from tests.support.bulk_customers import october_kwh, seed_customers
from tests.support.effort import used_s
from tests.support.servers import MIGRATED, fresh_database, fresh_folder, postgres_servers

ACCOUNTS = int(os.environ.get("METERLINE_BENCH_BILLS", "4000"))
ROUNDS = int(os.environ.get("METERLINE_BENCH_ROUNDS", "3"))
AT_ONCE = 500


async def one_by_one(pool: Pool) -> None:
    """Unpack each day and add it up."""
    total = Decimal(0)
    for first in range(1, ACCOUNTS + 1, AT_ONCE):
        channels = list(range(first, min(first + AT_ONCE, ACCOUNTS + 1)))
        values = {"channels": channels, "first": OCTOBER, "end": NOVEMBER}
        async with pool.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = await (await cursor.execute(SQL["month"], values)).fetchall()
        total += sum(day_sum(day).total for days in months_of(rows).values() for day in days)
    assert total == october_kwh(list(range(1, ACCOUNTS + 1))) * 1000


async def measure(dsn: str) -> tuple[list[float], list[float]]:
    await seed_customers(dsn, ACCOUNTS)
    async with make_pool(dsn, max_size=2) as pool:
        summary = await RunBills(TimescaleBillingStore(pool), lambda: NOW)(
            Cycle.parse("2026-10"), CLERK
        )

        async def balance() -> None:
            report = await run_balance(TimescaleReconciliation(pool), summary)
            assert report is not None
            assert report.balanced

        async def timed(work: Callable[[], Awaitable[None]]) -> float:
            before = used_s()
            await work()
            return used_s() - before

        pairs = [
            (await timed(lambda: one_by_one(pool)), await timed(balance)) for _ in range(ROUNDS)
        ]
    days, balances = zip(*pairs, strict=True)
    return list(days), list(balances)


def test_run_balance(capsys: pytest.CaptureFixture[str]) -> None:
    found = postgres_servers()[0]
    with (
        fresh_folder() as home,
        EmbeddedPostgres(home / "pg", found.binaries) as server,
        fresh_database(server, found, MIGRATED) as database,
    ):
        days, balances = asyncio.run(measure(database.dsn))
    ratios = [balance / day for day, balance in zip(days, balances, strict=True)]
    with capsys.disabled():
        print(
            f"\nbalance of a run of {ACCOUNTS} bills, CPU of both sides, median of {ROUNDS}:"
            f" {statistics.median(balances):.2f} s; its days unpacked and summed one by one"
            f" {statistics.median(days):.2f} s; ratio {statistics.median(ratios):.2f}"
            f" ({min(ratios):.2f} .. {max(ratios):.2f})"
        )
