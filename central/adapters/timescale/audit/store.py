"""The audit log's chain on PostgreSQL; the statements are in `audit.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, IsolationLevel

from central.adapters.timescale.audit.write import SQL
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.domain.audit.chain import AuditText, ChainHead, SealedRow, SealForm, seal_hash
from central.domain.audit.change import brought_back, kept_digest
from central.service.ports.audit import AuditFilter, AuditRow, UnsealedRows

_Row = tuple[Any, ...]
_AT_ONCE = 5_000


class TimescaleAuditStore:
    """`AuditStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def seal(self, at: datetime, *, sweep: bool = False) -> ChainHead | None:
        """See `AuditStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                if not (await _rows(connection, "lock"))[0][0]:
                    return None
                if sweep:
                    await connection.execute(SQL["sweep"])
                head = await newest_head(connection)
                waiting = sorted(row[0] for row in await _rows(connection, "take"))
                for ids in _parts(waiting):
                    texts = await _rows(connection, "texts", ids=list(ids))
                    head = await _seal(connection, head, texts, at)
                return head

    async def head(self) -> ChainHead:
        """See `AuditStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await newest_head(connection)

    async def rows(self, wanted: AuditFilter, limit: int) -> list[AuditRow]:
        """See `AuditStore`."""
        with translated():
            async with self._pool.connection() as connection:
                statement = "rows" if wanted.subject is None else "rows_of_subject"
                rows = await _rows(connection, statement, **asdict(wanted), limit=limit)
                uids = [uid for row in rows for uid in row[6].get("personal", {})]
                texts = {
                    row[0]: row[2] for row in await _rows(connection, "kept", uids=uids) if uids
                }
        return [_shown(row, texts) for row in rows]

    async def sealed(self, size: int) -> AsyncIterator[Sequence[SealedRow]]:
        """See `AuditStore`."""
        with translated():
            async with self._pool.connection() as connection:
                await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
                try:
                    async with connection.transaction():
                        after = 0
                        while rows := await _rows(connection, "sealed", after=after, limit=size):
                            after = rows[-1][0]
                            yield [_sealed(row) for row in rows]
                finally:
                    await connection.set_isolation_level(None)

    async def kept_digests(self, uids: Sequence[str]) -> Mapping[str, str]:
        """See `AuditStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "kept", uids=list(uids))
        return {row[0]: kept_digest(bytes(row[1]), row[2]) for row in rows}

    async def unsealed(self, before: datetime) -> UnsealedRows | None:
        """See `AuditStore`."""
        with translated():
            async with self._pool.connection() as connection:
                row = (await _rows(connection, "unsealed", before=before))[0]
        return UnsealedRows(*row) if row[0] else None


async def _seal(
    connection: AsyncConnection[_Row], head: ChainHead, texts: Sequence[_Row], at: datetime
) -> ChainHead:
    form = SealForm.WITH_ORIGIN
    async with connection.cursor() as cursor, cursor.copy(SQL["add_seals"]) as copy:
        for text in texts:
            row = AuditText(*text)
            sha256 = seal_hash(form, head.number + 1, row, head.sha256)
            await copy.write_row(
                (head.number + 1, row.id, form.value, head.sha256, sha256, at),
            )
            head = ChainHead(head.number + 1, sha256)
    return head


async def newest_head(connection: AsyncConnection[_Row]) -> ChainHead:
    """The newest seal, as the connection's transaction sees it."""
    rows = await _rows(connection, "head")
    return ChainHead(rows[0][0], bytes(rows[0][1])) if rows else ChainHead()


async def _rows(connection: AsyncConnection[_Row], statement: str, **values: object) -> list[_Row]:
    cursor = await connection.execute(SQL[statement], values)
    return await cursor.fetchall()


def _shown(row: _Row, texts: Mapping[str, str]) -> AuditRow:
    return AuditRow(
        id=row[0],
        at=row[1],
        actor=row[2],
        via=row[3],
        action=row[4],
        subject=row[5],
        detail=brought_back(row[6], texts),
        seal=row[7],
        origin=row[8],
    )


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE)]


def _sealed(row: _Row) -> SealedRow:
    text = None if row[5] is None else AuditText(*row[5:13])
    return SealedRow(row[0], row[1], bytes(row[2]), bytes(row[3]), row[4], text)
