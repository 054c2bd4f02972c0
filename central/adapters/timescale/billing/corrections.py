"""Decisions about issued bills on PostgreSQL; the statements are in `corrections.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Rollback

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.tail import TimescaleTail, take_tail
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.billing.correction import CorrectionState, CorrectionWay
from central.service.ports.corrections import Correction
from central.service.ports.decisions import DecisionNote

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class TimescaleCorrections:
    """`CorrectionStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def tail(
        self, account: str, since: UUID | None, at: datetime
    ) -> AsyncIterator[TimescaleTail | None]:
        """See `CorrectionStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction() as attempt:
                work = await take_tail(connection, account, since, at, TimescaleTail)
                yield work
                if work is None or not work.kept:
                    raise Rollback(attempt)

    async def correction(self, uid: UUID) -> Correction | None:
        """See `CorrectionStore`."""
        return next(iter(await self._corrections(uid, None, 1)), None)

    async def corrections(
        self,
        account: str | None,
        limit: int,
        behind: UUID | None = None,
        since: datetime | None = None,
    ) -> Sequence[Correction]:
        """See `CorrectionStore`."""
        return await self._corrections(None, account, limit, behind, since)

    async def _corrections(
        self,
        uid: UUID | None,
        account: str | None,
        limit: int,
        behind: UUID | None = None,
        since: datetime | None = None,
    ) -> Sequence[Correction]:
        values = {
            "uid": uid,
            "account": account,
            "limit": limit,
            "behind": behind,
            "since": since,
        }
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["corrections"], values)
                return [_correction(row) for row in await cursor.fetchall()]

    async def withdraw(self, uid: UUID, note: DecisionNote) -> bool:
        """See `CorrectionStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                cursor = await connection.execute(_SQL["withdraw"], {"uid": uid})
                if not cursor.rowcount:
                    return False
                detail = change({"state": "decided"}, {"state": "withdrawn"}, note.reason)
                action = "correction.withdrawn"
                await audit(connection, note.at, note.actor, action, str(uid), detail)
                return True


def _correction(row: _Row) -> Correction:
    uid, account, way, state, *others = row
    return Correction(uid, account, CorrectionWay(way), CorrectionState(state), *others)
