"""The two times of a transaction: when what it writes is known from, and as of when it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, cast

from psycopg import AsyncConnection

from central.adapters.timescale.pool import Pool
from central.service.knowledge_time import KnowledgeTime, NotKeptTimeError

_Connection = AsyncConnection[tuple[Any, ...]]
_RECORD = "SELECT set_config('meterline.recorded_at', %s, true)"
# The views of the schema answer under the names of the tables; what has none is not found.
# TimescaleDB's way to append chunks (2.29.2) forgets a condition between tables where a view asks
# for a time as well: without it the answer is right. Elsewhere the setting means nothing.
_ASK = """\
SELECT
    set_config('meterline.as_of', %(at)s, true), set_config('search_path', 'as_of', true),
    CASE WHEN begin.at > %(at)s::timestamptz THEN to_json(begin.at) #>> '{}' END,
    set_config('timescaledb.enable_chunk_append', 'off', true)
FROM public.knowledge_begin
CROSS JOIN LATERAL (
    -- Of what was known while readings came that were deleted, nobody can say all.
    SELECT greatest(kept_since, max(end_day)::timestamp AT TIME ZONE 'UTC')
    FROM public.retention_receipt WHERE retention_receipt.kind = 'readings'
) AS begin (at)
"""


async def record_at(connection: _Connection, at: datetime) -> None:
    """Say since when what the open transaction writes is known.

    Args:
        connection: In a transaction that has written nothing yet.
        at: When its use-case began, aware; not long ago, see `SETTLED_AFTER`.
    """
    await connection.execute(_RECORD, (at.isoformat(),))


def as_of(pool: Pool, knowledge: KnowledgeTime) -> Pool:
    """A pool on which every store reads as of a time, with the statements that it has.

    Args:
        pool: Connections in the application's role.
        knowledge: The time.

    Returns:
        One that lends connections in a transaction of their own, which sees one state and cannot
        write. Lending raises `NotKeptTimeError` where an earlier release kept no past.
    """
    return cast("Pool", _PoolAsOf(pool, knowledge))


class _PoolAsOf:
    def __init__(self, pool: Pool, knowledge: KnowledgeTime) -> None:
        self._pool = pool
        self._knowledge = knowledge

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[_Connection]:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor = await connection.execute(_ASK, {"at": self._knowledge.at.isoformat()})
            row = await cursor.fetchone()
            if row is not None and row[2] is not None:
                message = f"What was known at {self._knowledge.at.isoformat()} was not kept."
                remedy = f"Ask for {row[2]} or later: the past is kept since then."
                raise NotKeptTimeError(message, value=self._knowledge.at, remedy=remedy)
            yield connection
