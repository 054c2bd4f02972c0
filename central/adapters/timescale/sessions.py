"""Sessions of our own role at the database: who holds a shard, and whose transaction is overdue.

How old a transaction is, nobody asks the server: whoever watches remembers since when it has seen
it. A session that is ended loses nothing that was committed; its process, frozen or not, finds its
connection gone. The statements are in `sessions.sql`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.config.connection_limits import LONGEST_S
from central.service.ports.shard_holders import HeldShard

LOOK_EVERY_S = 20.0
"""How often processes that live look for overdue transactions. [s]"""
# Seen first after one look, and ended at the first look after this.
_OVERDUE_S = LONGEST_S - 2 * LOOK_EVERY_S
_SQL = load_queries(Path(__file__).with_name("sessions.sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


@asynccontextmanager
async def _as_own_role(pool: Pool) -> AsyncIterator[_Connection]:
    with translated():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(_SQL["own_role"])
            yield connection


async def held_shards(pool: Pool, run: int) -> tuple[HeldShard, ...]:
    """See `ShardHolders`."""
    with translated():
        async with pool.connection() as connection:
            cursor = await connection.execute(_SQL["held_shards"], {"run": run})
            locked = [HeldShard(number, holder) for number, holder in await cursor.fetchall()]
    if not locked:
        return ()
    async with _as_own_role(pool) as connection:
        names = [shard.holder for shard in locked]
        cursor = await connection.execute(_SQL["at_work"], {"transactions": names})
        at_work = {holder for (holder,) in await cursor.fetchall()}
    return tuple(shard for shard in locked if shard.holder in at_work)


async def end_holder(pool: Pool, shard: HeldShard) -> bool:
    """See `ShardHolders`."""
    async with _as_own_role(pool) as connection:
        values = {"transaction": shard.holder}
        return await _ended(connection, "end_transaction", values)


class OverdueTransactions:
    """Ends transactions of our own role that last too long, whatever their process is doing.

    The server's own limits end one that stands idle or in a statement, but none that waits for a
    frozen client in the middle of a COPY or of an answer.

    Args:
        pool: An open pool.
        limit_s: How long a transaction may have been seen. [s]
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        pool: Pool,
        limit_s: float = _OVERDUE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._seen: dict[tuple[int, str], float] = {}

    async def end(self) -> int:
        """Look once; how many sessions were ended.

        Raises:
            StoreUnavailableError: Try again.
        """
        async with _as_own_role(self._pool) as connection:
            cursor = await connection.execute(_SQL["open_transactions"])
            now, seen = self._monotonic(), self._seen
            self._seen = {key: seen.get(key, now) for key in await cursor.fetchall()}
            overdue = [key for key, since in self._seen.items() if now - since >= self._limit_s]
            ended = 0
            for pid, began in overdue:
                ended += await _ended(connection, "end_session", {"pid": pid, "began": began})
        return ended


async def _ended(connection: _Connection, statement: str, values: dict[str, Any]) -> bool:
    cursor = await connection.execute(_SQL[statement], values)
    row = await cursor.fetchone()
    return row is not None and row[0] > 0
