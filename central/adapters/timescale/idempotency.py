"""Answers to requests with an idempotency key, in the database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.service.ports.idempotency import ABANDONED_AFTER, KEEP, StoredAnswer


class TimescaleAnswers:
    """`AnswerStore` on PostgreSQL.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queries = load_queries(Path(__file__).with_suffix(".sql"))

    async def claim(self, key: str, request_sha256: bytes, now: datetime) -> StoredAnswer | None:
        """See `AnswerStore`."""
        values = {
            "key": key,
            "sha256": request_sha256,
            "now": now,
            "keep_from": now - KEEP,
            "abandoned": now - ABANDONED_AFTER,
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(self._queries["forget"], values)
                claimed = await connection.execute(self._queries["claim"], values)
                if claimed.rowcount:
                    return None
                cursor = await connection.execute(self._queries["held"], {"key": key})
                row = await cursor.fetchone()
        # A key that was taken and given up meanwhile is at work as far as this request can tell.
        return StoredAnswer(request_sha256, None, b"") if row is None else StoredAnswer(*row)

    async def settle(self, key: str, answer: StoredAnswer) -> None:
        """See `AnswerStore`."""
        values = {"key": key, "status": answer.status, "body": answer.body}
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(self._queries["settle"], values)

    async def release(self, key: str) -> None:
        """See `AnswerStore`."""
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(self._queries["release"], {"key": key})
