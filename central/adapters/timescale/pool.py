"""Connections of the application, in the role that owns nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from time import monotonic
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, sql
from psycopg_pool import AsyncConnectionPool

from central.config.connection_limits import WAIT_S, ConnectionLimits

APPLICATION_ROLE = "meterline_app"

_CONNECT_S = 10
_IDLE_S = 0.5
_TRANSACTION_TIMEOUT_SINCE = 170_000
_Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]
Pool: TypeAlias = AsyncConnectionPool[_Connection]


class _Answers:
    """When connections answered last, so that one that has just answered is not tried again."""

    def __init__(self) -> None:
        self._at: WeakKeyDictionary[_Connection, float] = WeakKeyDictionary()

    def note(self, connection: _Connection) -> None:
        """Note that a connection answers now."""
        self._at[connection] = monotonic()

    async def try_idle(self, connection: _Connection) -> None:
        """Try a connection that stood still.

        Raises:
            OperationalError: It does not answer.
        """
        if monotonic() - self._at.get(connection, -inf) >= _IDLE_S:
            await AsyncConnectionPool.check_connection(connection)


class _LimitedPool(AsyncConnectionPool[_Connection]):
    """A pool whose connections are lent for a time; then the transaction rolls back."""

    transaction_s: float | None = None
    answers: _Answers | None = None

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[_Connection]:  # noqa: ASYNC109 - the pool's own
        """Lend a connection.

        Raises:
            TimeoutError: It was kept too long.
        """
        async with super().connection(timeout) as connection:
            lent = asyncio.timeout(self.transaction_s)
            try:
                async with lent:
                    yield connection
                if self.answers is not None:
                    self.answers.note(connection)
            except TimeoutError as error:
                if not lent.expired():
                    raise
                message = f"a transaction lasted longer than {self.transaction_s:g} s"
                raise TimeoutError(message) from error


def session_of(
    limits: ConnectionLimits, schema: str | None = None
) -> Callable[[_Connection], Awaitable[None]]:
    """What makes a new connection one of the application's.

    Args:
        limits: How long it may stand still, and a transaction last.
        schema: Where names without a schema are looked up; None leaves it to the DSN.
    """

    async def configure(connection: _Connection) -> None:
        await connection.set_autocommit(True)
        # Set here and not in the DSN, whose own options would be lost; the server's too, since it
        # is the one that waits for a client that is frozen.
        durations = {
            "statement_timeout": limits.statement_s,
            "idle_in_transaction_session_timeout": limits.idle_s,
            "tcp_user_timeout": limits.tcp_s,
        }
        if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE and limits.transaction_s:
            durations["transaction_timeout"] = limits.longest_s
        commands = [sql.SQL("SET ROLE {}").format(sql.Identifier(APPLICATION_ROLE))]
        commands.append(sql.SQL("SET timezone TO 'UTC'").format())
        # Compiling a statement to machine code takes longer than any of ours runs: approving a
        # dozen bills took 370 ms of CPU for it, and 8 ms without.
        commands.append(sql.SQL("SET jit TO off").format())
        if schema is not None:
            commands.append(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        commands += [
            sql.SQL("SET {} TO {}").format(sql.Identifier(name), sql.Literal(f"{_ms(seconds)}ms"))
            for name, seconds in durations.items()
        ]
        await connection.execute(sql.SQL("; ").join(commands))

    return configure


def make_pool(  # noqa: PLR0913 - each is named by its caller
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = 4,
    name: str = "meterline",
    check: bool = True,
    limits: ConnectionLimits | None = None,
    schema: str | None = None,
) -> Pool:
    """A pool that is not open yet; use it as an async context manager.

    Whoever the DSN logs in as, the session works as `meterline_app`, so that a forgotten owner's
    DSN cannot drop a chunk or disable a trigger.

    Args:
        dsn: How to reach the database.
        min_size: Connections kept open.
        max_size: Connections at most.
        name: What the server's activity view shows.
        check: Try each connection that stood still for half a second before it is lent out, at the
            price of a round trip. Who tries again anyway, as ingest does, goes without.
        limits: How long a connection may stand still, and a transaction last.
        schema: Where names without a schema are looked up; None leaves it to the DSN.
    """
    limits = ConnectionLimits() if limits is None else limits
    answers = _Answers()
    pool = _LimitedPool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        open=False,
        name=name,
        timeout=WAIT_S,
        configure=session_of(limits, schema),
        check=answers.try_idle if check else None,
        kwargs={
            "application_name": name,
            "tcp_user_timeout": _ms(limits.tcp_s),
            "connect_timeout": _CONNECT_S,
        },
    )
    pool.answers = answers if check else None
    pool.transaction_s = limits.transaction_s or None
    return pool


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
