"""What people said of schedules, on PostgreSQL; the statements are in `schedules.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.schedule import JobSchedule

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


class TimescaleScheduleStore:
    """`ScheduleStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def schedules(self) -> tuple[JobSchedule, ...]:
        """See `ScheduleStore`."""
        return tuple(JobSchedule(*row) for row in await self._rows("schedules"))

    async def zones(self) -> tuple[str, ...]:
        """See `ScheduleStore`."""
        return tuple(str(zone) for (zone,) in await self._rows("zones"))

    async def keep(
        self, schedule: JobSchedule, at: datetime, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """See `ScheduleStore`."""
        values = {
            "name": schedule.name,
            "job": schedule.job,
            "time": schedule.at,
            "zone": schedule.zone,
            "day": schedule.day,
            "group": schedule.group,
            "cycle": schedule.cycle,
            "paused": schedule.paused,
            "at": at,
            "actor": actor.key,
        }
        async with self._begin() as connection:
            await connection.execute(_SQL["keep"], values)
            await audit(connection, at, actor, "schedule.changed", schedule.name, detail)

    async def drop(self, name: str, at: datetime, actor: Actor, detail: Mapping[str, Any]) -> None:
        """See `ScheduleStore`."""
        async with self._begin() as connection:
            await connection.execute(_SQL["drop"], {"name": name})
            await audit(connection, at, actor, "schedule.removed", name, detail)

    async def asked_again(
        self, name: str, at: datetime, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """See `ScheduleStore`."""
        async with self._begin() as connection:
            await audit(connection, at, actor, "schedule.asked_again", name, detail)

    async def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[statement])
                return await cursor.fetchall()

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[_Connection]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
