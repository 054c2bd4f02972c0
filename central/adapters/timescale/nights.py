"""Which jobs of which night are done, on PostgreSQL; the statements are in `nights.sql`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.service.ports.nights import AHEAD, KEPT, TRIES, JobTurn, NightJob, NightNote

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
        values = {**_key(job), "at": at, "until": until, "ahead": at + AHEAD, "tries": TRIES}
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["take"], values)
                row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - the statement gives one; tells the type checker
        return JobTurn(row[0])

    async def keep(self, job: NightJob, until: datetime) -> bool:
        """See `NightStore`."""
        return await self._change("keep", **_key(job), until=until)

    async def end(self, job: NightJob, at: datetime, outcome: str) -> bool:
        """See `NightStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                values = {**_key(job), "at": at, "outcome": outcome}
                cursor = await connection.execute(_SQL["end"], values)
                await connection.execute(_SQL["forget"], {"before": job.night - KEPT})
                return cursor.rowcount > 0

    async def put_off(self, job: NightJob, until: datetime, error: str) -> None:
        """See `NightStore`."""
        await self._change("put_off", **_key(job), until=until, error=error)

    async def give_up(self, job: NightJob, at: datetime, error: str | None = None) -> bool:
        """See `NightStore`."""
        return await self._change("give_up", **_key(job), at=at, error=error, tries=TRIES)

    async def again(self, night: date, name: str) -> None:
        """See `NightStore`."""
        await self._change("again", night=night, job=name)

    async def notes(self, since: date) -> tuple[NightNote, ...]:
        """See `NightStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["notes"], {"since": since})
                return tuple(NightNote(*row) for row in await cursor.fetchall())

    async def _change(self, statement: str, /, **values: object) -> bool:
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[statement], values)
                return cursor.rowcount > 0


def _key(job: NightJob) -> dict[str, Any]:
    return {"night": job.night, "job": job.name, "worker": job.worker}
