"""Whether the rows are still in the database that they were written in; see `instance.sql`.

A restored or copied database knows nothing of it: what was used, ended or shut since is open again
in it. So a row says which server and database it is in, and which timeline of the server's log. A
copy of a whole server has the same of all three; the row says since when it is being made, which is
taken back where it was made and not in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, LiteralString, TypeAlias

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.service.backups import DATABASE, RESTORED

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_JOB: Final = "restore"
_CLOSE: Mapping[str, LiteralString] = {
    "claim_codes": "UPDATE gateway_invitation SET withdrawn_at = %(now)s"
    " WHERE claimed_at IS NULL AND withdrawn_at IS NULL",
    "person_codes": "UPDATE person_code SET used_at = %(now)s WHERE used_at IS NULL",
    "sign_ins": "UPDATE web_session SET ended_at = %(now)s, ended_by = 'job:restore'"
    " WHERE ended_at IS NULL AND until_at > %(now)s",
}
_HAS: Mapping[str, LiteralString] = {
    "claim_codes": "SELECT to_regclass('gateway_invitation') IS NOT NULL",
    "person_codes": "SELECT to_regclass('person_code') IS NOT NULL",
    "sign_ins": "SELECT to_regclass('web_session') IS NOT NULL",
}
"""What was used, or ended, after the backup was taken, is open again in what is restored."""
_HAS_INSTANCE: LiteralString = "SELECT to_regclass('database_instance') IS NOT NULL"
_Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]


class RestoreWatch:
    """Sees that the database is a restored or copied one, and ends in it what was open.

    Args:
        pool: An open pool, of the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __call__(self, now: datetime) -> str | None:
        """Look once; who sees it first says so in the audit log, which stops deleting.

        Args:
            now: Aware.

        Returns:
            In what the database is another one: server, database, timeline or copy; None where it
            is the same.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        with translated():
            async with self._pool.connection() as connection:
                return await see_restored(connection, now)


async def see_restored(connection: _Connection, now: datetime) -> str | None:
    """As `RestoreWatch`, in a transaction of the connection."""
    async with connection.transaction():
        await connection.execute(_SQL["first"], {"now": now})
        if await differs(connection) is None:
            return None
        # Of several processes that see it, one writes.
        await connection.execute(_SQL["lock"])
        if (what := await differs(connection)) is None:
            return None
        closed = await close_doors(connection, now)
        detail = {"another": what, "closed": closed}
        await audit(connection, now, Actor.job(_JOB), RESTORED, DATABASE, detail)
    return what


async def differs(connection: _Connection) -> str | None:
    """In what the database is another one than when somebody looked last; None in nothing."""
    row = await (await connection.execute(_SQL["differs"])).fetchone()
    return None if row is None else row[0]


async def close_doors(connection: _Connection, now: datetime) -> dict[str, int]:
    """End codes and sign-ins, and take the database for the one that it is now.

    Args:
        connection: In a transaction.
        now: Aware.

    Returns:
        How many of each.
    """
    closed = {}
    for what, statement in _CLOSE.items():
        # A backup of an older release may lack a table.
        if await _is(connection, _HAS[what]):
            closed[what] = (await connection.execute(statement, {"now": now})).rowcount
    if await _is(connection, _HAS_INSTANCE):
        await connection.execute(_SQL["first"], {"now": now})
        await connection.execute(_SQL["adopt"], {"now": now})
    return closed


async def mark_instance(connection: _Connection, now: datetime) -> None:
    """Write down which database it is where nobody has yet, so that a backup says so."""
    if await _is(connection, _HAS_INSTANCE):
        await connection.execute(_SQL["first"], {"now": now})


@asynccontextmanager
async def being_copied(connection: _Connection, now: datetime) -> AsyncIterator[None]:
    """While the whole server is copied, say so in the row, which the copy keeps.

    Args:
        connection: Outside a transaction; it holds a lock meanwhile, for which another copy waits.
        now: Aware.
    """
    await mark_instance(connection, now)
    if not await _is(connection, _HAS_INSTANCE):
        yield
        return
    await connection.execute(_SQL["lock_copy"])
    await connection.execute(_SQL["copy_begins"], {"now": now})
    try:
        yield
    finally:
        await connection.execute(_SQL["copy_ended"], {"now": now})


async def _is(connection: _Connection, question: LiteralString) -> bool:
    row = await (await connection.execute(question)).fetchone()
    return row is not None and bool(row[0])
