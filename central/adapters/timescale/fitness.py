"""Whether a database is one that this release can work with."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection, DataError, ProgrammingError, errors

from central.adapters.timescale.errors import translated
from central.adapters.timescale.migrate import newest_version
from central.adapters.timescale.pool import APPLICATION_ROLE
from central.adapters.timescale.queue_schema import newest_queue_step
from central.service.ports.faults import SchemaMissingError, SchemaNewError, SchemaOldError
from firmware_bridge.contract.errors import ConfigurationError

_CONNECT_S = 10


class DsnUnreadableError(ConfigurationError):
    """The DSN of the database cannot be read; its text is not repeated, it may have a password."""

    code = "DSN_UNREADABLE"
    default_remedy = "Write it as postgresql://user@host/meterline."


async def check_fit(dsn: str) -> None:
    """Return where the database's schema and rights are those of this release.

    Raises:
        DsnUnreadableError: The DSN is none.
        StoreUnfitError: They are not; says what to do.
        StoreUnavailableError: It does not answer.
    """
    with translated():
        connection = await _connect(dsn)
        async with connection:
            # A migration may have the table locked.
            await connection.execute(f"SET statement_timeout TO '{_CONNECT_S}s'")
            try:
                await connection.execute(f"SET ROLE {APPLICATION_ROLE}")
            except DataError as error:
                message = f"The database server has no role {APPLICATION_ROLE}."
                raise SchemaMissingError(message, value=error.sqlstate) from error
            try:
                cursor = await connection.execute("SELECT max(version) FROM schema_migration")
            except errors.UndefinedTable as error:
                message = "The database has no schema of Meterline."
                raise SchemaMissingError(message, value=error.sqlstate) from error
            row = await cursor.fetchone()
            check_version(None if row is None else row[0])
            cursor = await connection.execute("SELECT max(name) FROM queue_migration")
            row = await cursor.fetchone()
    check_queue(None if row is None else row[0])


async def _connect(dsn: str) -> AsyncConnection[tuple[Any, ...]]:
    try:
        return await AsyncConnection.connect(
            dsn,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            tcp_user_timeout=_CONNECT_S * 1000,
            application_name="meterline-check",
        )
    except ProgrammingError as error:
        message = "The DSN of the database cannot be read."
        raise DsnUnreadableError(message) from error


def check_version(applied: int | None) -> None:
    """Return where a schema's version is the one that this release was made for.

    Raises:
        StoreUnfitError: It is another.
    """
    wanted, applied = newest_version(), applied or 0
    if applied == wanted:
        return
    if not applied:
        message = "The database has no schema of Meterline."
        raise SchemaMissingError(message, value=applied)
    message = f"The database's schema has version {applied}; this release needs version {wanted}."
    kind = SchemaNewError if applied > wanted else SchemaOldError
    raise kind(message, value=applied)


def check_queue(applied: str | None) -> None:
    """Return where the queue's tables are those that its library was made for.

    Raises:
        QueueLibraryError: The library is not installed.
        StoreUnfitError: They are others.
    """
    wanted, applied = newest_queue_step(), applied or ""
    if applied == wanted:
        return
    message = f"The queue's tables are at {applied or 'nothing'}; this release needs {wanted}."
    kind = SchemaNewError if applied > wanted else SchemaOldError
    raise kind(message, value=applied)
