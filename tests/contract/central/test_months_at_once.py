"""Two processes that start at once make the months of readings and blocks together."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import make_pool
from firmware_bridge.contract.reading import to_ms
from tests.support.servers import Database

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
# In a month that no migration made.
LATER = datetime(2028, 3, 10, 12, tzinfo=UTC)
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"


@pytest.mark.parametrize(
    "made_first",
    [
        "SELECT reading_attach(%(later)s, %(later)s, %(now)s)",
        "SELECT day_block_attach('2028-03-10', '2028-03-10', %(now)s)",
    ],
)
async def test_a_month_that_another_process_is_making_is_waited_for(
    plain_migrated: Database, made_first: str
) -> None:
    async with make_pool(plain_migrated.dsn, max_size=1) as pool:
        store = TimescaleIngestStore(pool)
        with (
            psycopg.connect(plain_migrated.dsn) as other,
            psycopg.connect(plain_migrated.dsn, autocommit=True) as watching,
        ):
            other.execute(made_first.encode(), {"now": NOW, "later": LATER})
            preparing = asyncio.create_task(store.prepare(to_ms(LATER), to_ms(LATER), NOW))
            async with asyncio.timeout(60):
                while watching.execute(WAITS, (plain_migrated.name,)).fetchone() == (0,):
                    assert not preparing.done(), preparing
                    await asyncio.sleep(0.01)
            other.commit()
            await preparing
        parts = months(plain_migrated)
    assert {"reading_2028_03", "day_block_2028_03"} <= parts


def months(database: Database) -> set[object]:
    with psycopg.connect(database.dsn) as owner:
        rows = owner.execute("SELECT inhrelid::regclass::text FROM pg_inherits").fetchall()
    return {row[0] for row in rows}
