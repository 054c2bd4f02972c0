"""How soon after a reading's commit use and running cost say it, over the API's own use-case.

Real PostgreSQL, eleven days of a month that goes on. After each commit the account is asked, and
what it answers has to have the reading. `METERLINE_BENCH_SO_FAR` says how many readings.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.so_far.so_far import TimescaleSoFar
from central.domain.alerts.alert_rule import AlertSubject
from central.service.so_far.figures import SoFar
from tests.support.books import month, pool_of, timescale_utility
from tests.support.ingest import Edge
from tests.support.servers import MIGRATED, fresh_database, fresh_folder, postgres_servers

READINGS = int(os.environ.get("METERLINE_BENCH_SO_FAR", "60"))
QUARTERS = 96
DAYS = 10
MIDNIGHT = datetime(2026, 10, 10, 22, tzinfo=UTC)


def test_use_and_cost_follow_a_commit(capsys: pytest.CaptureFixture[str]) -> None:
    found = postgres_servers()[0]
    with (
        fresh_folder() as home,
        EmbeddedPostgres(home / "pg", found.binaries) as server,
        fresh_database(server, found, MIGRATED) as database,
    ):
        waits = sorted(asyncio.run(_waits(database.dsn)))
    median, last = waits[len(waits) // 2], waits[(len(waits) * 99 - 1) // 100]
    with capsys.disabled():
        print(
            f"\nuse and cost so far after {len(waits)} commits, quarter-hours, an account of"
            f" {DAYS} closed days: median {median * 1000:.0f} ms, p99 {last * 1000:.0f} ms"
        )


async def _waits(dsn: str) -> list[float]:
    waits = []
    async with timescale_utility(dsn) as utility:
        utility.now = MIDNIGHT + timedelta(hours=1)
        edge = await utility.found(customers=1)
        whole = month("S1", step=250)
        begin = DAYS * QUARTERS + 1
        await utility.deliver(edge, whole[:begin])
        await utility.validate()
        so_far = SoFar(TimescaleSoFar(pool_of(utility)), utility.validation, lambda: utility.now)
        for number in range(min(READINGS, QUARTERS)):
            utility.now = MIDNIGHT + timedelta(minutes=15 * (number + 1), seconds=30)
            again = Edge("gw-1")
            await utility.deliver(again, whole[begin + number : begin + number + 1])
            committed = time.perf_counter()
            (figures,) = await so_far(AlertSubject.ACCOUNT, "A-1")
            waits.append(time.perf_counter() - committed)
            used = figures.usage()[figures.today]
            assert used * 4 == number + 1, (number, used)
            assert figures.cost[figures.today] > 0
            assert figures.holds == ()
    return waits
