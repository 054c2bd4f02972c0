"""Dropping expired rows on PostgreSQL; the statements are in `retention.sql`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleRetention:
    """`RetentionStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def drop_rejected(self, before: datetime, limit: int) -> int:
        """See `RetentionStore`."""
        return await self._drop("rejected", before, limit)

    async def drop_quarantined(self, before: datetime, limit: int) -> int:
        """See `RetentionStore`."""
        return await self._drop("quarantined", before, limit)

    async def drop_findings(self, before: datetime, limit: int) -> int:
        """See `RetentionStore`."""
        return await self._drop("findings", before, limit)

    async def drop_vee_findings(self, before: datetime, limit: int) -> int:
        """See `RetentionStore`."""
        return await self._drop("vee_findings", before, limit)

    async def drop_notices(self, before: datetime, limit: int) -> int:
        """See `RetentionStore`."""
        return await self._drop("notices", before, limit)

    async def merge_touched(self, limit: int) -> int:
        """See `RetentionStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["merge_touched"], {"limit": limit})
                rows = await cursor.fetchall()
        return int(rows[0][0])

    async def _drop(self, statement: str, before: datetime, limit: int) -> int:
        values = {"before": before, "limit": limit}
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[statement], values)
        return cursor.rowcount
