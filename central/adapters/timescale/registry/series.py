"""Price and factor series on PostgreSQL; the statements are in `series.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.tariffs import concerned_bills
from central.domain.actor import Actor
from central.domain.rating.inputs.price_days import PriceDay
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.series import SeriesTransaction, kept_detail
from central.service.ports.stamps import InputKind

_SQL = load_queries(Path(__file__).with_name("series.sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


class TimescaleSeriesStore:
    """`SeriesStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SeriesTransaction]:
        """Begin a transaction; leaving commits, an exception rolls back."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                work = _SeriesTransaction(connection)
                yield work
                await work.changed.raise_in(connection)


class _SeriesTransaction:
    """`SeriesTransaction` on one connection."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self.changed = ChangedInputs()

    async def hold(self, name: str) -> None:
        await self._connection.execute(_SQL["know"], {"name": name})
        await self._connection.execute(_SQL["hold"], {"name": name})

    async def newest(self, names: Collection[str], first: date, end: date) -> tuple[PriceDay, ...]:
        return await newest_days(self._connection, names, first, end)

    async def concerned(self, name: str, first: date, end: date) -> ConcernedBills:
        return await concerned_bills(self._connection, InputKind.SERIES, name, first, end)

    async def add(
        self, days: Sequence[PriceDay], actor: Actor, reason: str | None, at: datetime
    ) -> None:
        rows = [
            {
                "name": one.name,
                "day": one.day,
                "version": one.version,
                "step_s": one.step_s,
                "exponent": one.exponent,
                "mantissas": list(one.mantissas),
                "at": at,
                "actor": actor.key,
                "reason": reason,
            }
            for one in days
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(_SQL["add"], rows)
        name = days[0].name
        await self._connection.execute(_SQL["changed"], {"name": name, "at": at})
        self.changed.series.add(name)
        detail = kept_detail(days, reason)
        await audit(self._connection, at, actor, "series.kept", name, detail)


async def newest_days(
    connection: _Connection, names: Collection[str], first: date, end: date
) -> tuple[PriceDay, ...]:
    """The newest versions of some days, by name and day, in the connection's transaction."""
    values = {"names": sorted(names), "first": first, "end": end}
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL["newest"], values)
        return tuple(
            PriceDay(row[0], row[1], row[2], row[3], tuple(row[4]), row[5])
            for row in await cursor.fetchall()
        )
