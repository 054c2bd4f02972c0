"""Price and factor series, and lookup tables, on PostgreSQL; the statements are in `series.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.tariffs import concerned_bills
from central.domain.actor import Actor
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.tariff.lookup_rules import TableVersion
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.decisions import DecisionNote
from central.service.ports.series import SeriesTransaction, TableRevision, kept_detail
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

    async def table_history(self, name: str | None) -> tuple[TableRevision, ...]:
        cursor = await self._connection.execute(_SQL["table_history"], {"name": name})
        return tuple(TableRevision(_table(row[:7]), *row[7:]) for row in await cursor.fetchall())

    async def add_tables(self, versions: Sequence[TableVersion], note: DecisionNote) -> None:
        rows = [
            {
                "name": version.table,
                "since": version.since,
                "revision": version.revision,
                "by": list(version.by),
                "unit": version.unit,
                "entries": Jsonb([[list(keys), str(number)] for keys, number in version.entries]),
                "withdrawn": version.withdrawn,
                "at": note.at,
                "actor": note.actor.key,
                "reason": note.reason or None,
            }
            for version in versions
        ]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(_SQL["add_table"], rows)
        name = versions[0].table
        await self._connection.execute(_SQL["changed"], {"name": name, "at": note.at})
        self.changed.series.add(name)

    async def note_table(self, note: DecisionNote, name: str, detail: Mapping[str, Any]) -> None:
        await audit(self._connection, note.at, note.actor, "table.kept", name, detail)


async def newest_tables(
    connection: _Connection, names: Collection[str]
) -> tuple[TableVersion, ...]:
    """The newest revision of every date of some tables, in the connection's transaction."""
    cursor = await connection.execute(_SQL["tables"], {"names": sorted(names)})
    return tuple(map(_table, await cursor.fetchall()))


def _table(row: tuple[Any, ...]) -> TableVersion:
    name, since, revision, by, unit, entries, withdrawn = row
    numbers = tuple((tuple(keys), Decimal(number)) for keys, number in entries)
    return TableVersion(name, since, revision, tuple(by), unit, numbers, withdrawn)


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
