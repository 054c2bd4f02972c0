"""Connections of the application, in the role that owns nothing."""

from __future__ import annotations

from typing import Any, TypeAlias

from psycopg import AsyncConnection, sql
from psycopg_pool import AsyncConnectionPool

from central.config.connection_limits import ConnectionLimits

APPLICATION_ROLE = "meterline_app"

Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


def make_pool(  # noqa: PLR0913 - each is named by its caller
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 4,
    name: str = "meterline",
    check: bool = True,
    limits: ConnectionLimits | None = None,
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
        limits: How long a connection may stand still.
    """
    limits = ConnectionLimits() if limits is None else limits

    async def configure(connection: AsyncConnection[tuple[Any, ...]]) -> None:
        await connection.execute(f"SET ROLE {APPLICATION_ROLE}")
        await connection.execute("SET timezone TO 'UTC'")
        # Set here and not in the DSN, whose own options would be lost.
        for setting, seconds in (
            ("statement_timeout", limits.statement_s),
            ("idle_in_transaction_session_timeout", limits.idle_s),
        ):
            command = sql.SQL("SET {} TO {}")
            value = sql.Literal(f"{_ms(seconds)}ms")
            await connection.execute(command.format(sql.Identifier(setting), value))

    return AsyncConnectionPool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        open=False,
        name=name,
        timeout=10.0,
        configure=configure,
        check=AsyncConnectionPool.check_connection if check else None,
        kwargs={
            "autocommit": True,
            "application_name": name,
            "tcp_user_timeout": _ms(limits.tcp_s),
        },
    )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
