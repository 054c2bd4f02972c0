"""Connections of the application, in the role that owns nothing."""

from __future__ import annotations

from typing import Any, TypeAlias

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

APPLICATION_ROLE = "meterline_app"

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


def make_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 4,
    name: str = "meterline",
    check: bool = True,
) -> Pool:
    """A pool that is not open yet; use it as an async context manager.

    Whoever the DSN logs in as, the session works as `meterline_app`, so that a forgotten owner's
    DSN cannot drop a chunk or disable a trigger.

    Args:
        dsn: How to reach the database.
        min_size: Connections kept open.
        max_size: Connections at most.
        name: What the server's activity view shows.
        check: Try each connection before it is lent out, at the price of a round trip. Who tries
            again anyway, as ingest does, goes without.
    """
    return AsyncConnectionPool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        open=False,
        name=name,
        timeout=10.0,
        configure=_configure,
        check=AsyncConnectionPool.check_connection if check else None,
        kwargs={"autocommit": True, "application_name": name},
    )


async def _configure(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    await connection.execute(f"SET ROLE {APPLICATION_ROLE}")
    await connection.execute("SET timezone TO 'UTC'")
