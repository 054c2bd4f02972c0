"""Which jobs of which night are done, on PostgreSQL; the statements are in `nights.sql`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.service.ports.nights import AHEAD, KEPT, JobTurn, NightJob

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleNightStore:
    """`NightStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, job: NightJob, at: datetime, until: datetime) -> JobTurn:
        """See `NightStore`."""
        values = {**_key(job), "at": at, "until": until, "ahead": at + AHEAD}
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["take"], values)
                row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - the statement gives one; tells the type checker
        return JobTurn(row[0])

    async def keep(self, job: NightJob, until: datetime) -> None:
        """See `NightStore`."""
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(_SQL["keep"], {**_key(job), "until": until})

    async def end(self, job: NightJob, at: datetime) -> None:
        """See `NightStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SQL["end"], {**_key(job), "at": at})
                await connection.execute(_SQL["forget"], {"before": job.night - KEPT})

    async def put_off(self, job: NightJob, until: datetime, error: str) -> None:
        """See `NightStore`."""
        values = {**_key(job), "until": until, "error": error}
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(_SQL["put_off"], values)


def _key(job: NightJob) -> dict[str, Any]:
    return {"night": job.night, "job": job.name, "worker": job.worker}
