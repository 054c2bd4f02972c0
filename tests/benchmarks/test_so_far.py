"""How soon after a reading's commit use and running cost say it, over the API's own use-case.

Real PostgreSQL, eleven days of a month that goes on. After each commit the account is asked, and
what it answers has to have the reading; so has what all accounts of the tariff use by day.
`METERLINE_BENCH_SO_FAR` says how many readings, `METERLINE_BENCH_ACCOUNTS` how many other accounts
there are, with a month of quarter-hours each.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from central.adapters.embedded.postgres import EmbeddedPostgres
from central.adapters.timescale.consumption.consumption import TimescaleConsumption
from central.adapters.timescale.so_far.so_far import TimescaleSoFar
from central.domain.alerts.alert_rule import AlertSubject
from central.domain.rating.inputs.segments import DayRange
from central.service.consumption.figures import ConsumptionFigures
from central.service.ports.consumption import LoadOf
from central.service.so_far.figures import SoFar
from tests.support.actors import noted
from tests.support.books import OCTOBER, month, pool_of, timescale_utility
from tests.support.bulk_customers import seed_customers
from tests.support.ingest import Edge
from tests.support.servers import MIGRATED, fresh_database, fresh_folder, postgres_servers

READINGS = int(os.environ.get("METERLINE_BENCH_SO_FAR", "60"))
ACCOUNTS = int(os.environ.get("METERLINE_BENCH_ACCOUNTS", "1000"))
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
        asyncio.run(seed_customers(database.dsn, ACCOUNTS))
        waits = asyncio.run(_waits(database.dsn))
    with capsys.disabled():
        print(
            f"\nafter {len(waits)} commits, quarter-hours, an account of {DAYS} closed days beside"
            f" {ACCOUNTS:,} others; load of the machine {os.getloadavg()[0]:.1f}"
        )
        for name, of_each in zip(
            ("use and cost", "use of the tariff"), zip(*waits, strict=True), strict=True
        ):
            ranked = sorted(of_each)
            median, last = ranked[len(ranked) // 2], ranked[(len(ranked) * 99 - 1) // 100]
            print(f"{name}: median {median * 1000:.0f} ms, p99 {last * 1000:.0f} ms")


async def _waits(dsn: str) -> list[tuple[float, float]]:
    """How long after each commit either answer has it. [s]."""
    waits = []
    number_of, today = ACCOUNTS + 1, date(2026, 10, 11)
    account, serial = f"A-{number_of}", f"S{number_of}"
    async with timescale_utility(dsn) as utility:
        utility.now = MIDNIGHT + timedelta(hours=1)
        edge = Edge("gw-1")
        await utility.gateways.enrol(edge.name, noted(utility.now))
        await utility.customer(number_of)
        whole = month(serial, step=250)
        begin = DAYS * QUARTERS + 1
        await utility.deliver(edge, whole[:begin])
        await utility.validate()
        so_far = SoFar(TimescaleSoFar(pool_of(utility)), utility.validation, lambda: utility.now)
        store = TimescaleConsumption(pool_of(utility))
        figures_of = ConsumptionFigures(store, utility.validation, lambda: utility.now)
        days = DayRange(OCTOBER, today + timedelta(days=1))
        others = Fraction(0)
        for number in range(min(READINGS, QUARTERS)):
            utility.now = MIDNIGHT + timedelta(minutes=15 * (number + 1), seconds=30)
            again = Edge("gw-1")
            await utility.deliver(again, whole[begin + number : begin + number + 1])
            committed = time.perf_counter()
            (figures,) = await so_far(AlertSubject.ACCOUNT, account)
            asked = time.perf_counter()
            shown = await figures_of(LoadOf.TARIFF, "HOME", days)
            waits.append((asked - committed, time.perf_counter() - asked))
            # The others' days are closed: what comes to is what was read just now.
            total = shown.totals[today.isoformat()].total
            assert number == 0 or total - others == Fraction(1, 4)
            others = total
            used = figures.usage()[figures.today]
            assert used * 4 == number + 1, (number, used)
            assert figures.cost[figures.today] > 0
            assert figures.holds == ()
    return waits
