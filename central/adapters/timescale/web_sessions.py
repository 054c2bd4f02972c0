"""Who is signed in, on PostgreSQL; the statements are in `web_sessions.sql`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from central.adapters.timescale.audit.write import AuditEntry, audit_all
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ports.decisions import DecisionNote
from central.service.ports.web_sessions import NewSession, WebSession

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_FORGOTTEN_AFTER = timedelta(days=90)
# Using a session is noted no more often: each page would write otherwise.
_NOTED_EVERY = timedelta(minutes=1)


class TimescaleWebSessions:
    """`WebSessionStore` over a pool of connections.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, session: NewSession, now: datetime) -> None:
        """See `WebSessionStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SQL["forget"], {"before": now - _FORGOTTEN_AFTER})
                await connection.execute(_SQL["begin"], {**asdict(session), "now": now})

    async def account_of(
        self, sha256: bytes, browser_sha256: bytes, now: datetime, idle: timedelta
    ) -> str | None:
        """See `WebSessionStore`."""
        asked = {"sha256": sha256, "browser_sha256": browser_sha256, "now": now}
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["find"], {**asked, "idle_since": now - idle})
                row = await cursor.fetchone()
                if row is None:
                    return None
                if now - row[2] > _NOTED_EVERY:
                    await connection.execute(_SQL["touch"], {"number": row[0], "now": now})
        return str(row[1])

    async def end(self, sha256: bytes, ended_by: Actor, now: datetime) -> None:
        """See `WebSessionStore`."""
        values = {"sha256": sha256, "ended_by": ended_by.key, "now": now}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                rows = await (await connection.execute(_SQL["end"], values)).fetchall()
                await audit_all(
                    connection,
                    [
                        AuditEntry(now, ended_by, "session.ended", *_ended(number, of))
                        for number, of in rows
                    ],
                )

    async def sessions(
        self, now: datetime, idle: timedelta, account: str | None = None
    ) -> list[WebSession]:
        """See `WebSessionStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(
                    _SQL["sessions"], {"now": now, "idle_since": now - idle, "account": account}
                )
                return [WebSession(*row) for row in await cursor.fetchall()]

    async def revoke(
        self, number: int | None, note: DecisionNote, account: str | None = None
    ) -> list[int]:
        """See `WebSessionStore`."""
        values = {
            "number": number,
            "account": account,
            "ended_by": note.actor.key,
            "now": note.at,
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                rows = await (await connection.execute(_SQL["revoke"], values)).fetchall()
                await audit_all(
                    connection,
                    [
                        AuditEntry(
                            note.at,
                            note.actor,
                            "session.revoked",
                            *_ended(ended, of, note.reason),
                        )
                        for ended, of in sorted(rows)
                    ],
                )
        return sorted(ended for ended, _ in rows)


def _ended(number: int, account: str, reason: str | None = None) -> tuple[str, dict[str, Any]]:
    """Subject and detail of the audit row of a session that ended."""
    old, new = {"open": True, "account": account}, {"open": False, "account": account}
    return f"session {number}", change(old, new, reason)
