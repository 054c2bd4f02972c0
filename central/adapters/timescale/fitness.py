"""Whether a database is one that this release can work with."""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import AsyncConnection, DataError, ProgrammingError, errors

from central.adapters.timescale.errors import translated
from central.adapters.timescale.migrate import newest_version
from central.adapters.timescale.pool import APPLICATION_ROLE, Pool
from central.adapters.timescale.queue_schema import newest_queue_step
from central.migrations import WORKS_WITHOUT
from central.service.ports.faults import SchemaMissingError, SchemaNewError, SchemaOldError
from firmware_bridge.contract.errors import ConfigurationError

_CONNECT_S = 10
# The newest version that releases which do not know it cannot work with.
_UNKNOWN = """\
SELECT max(version) FROM schema_migration
WHERE version NOT IN (SELECT version FROM release_beside)"""


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
            await check_schema(connection)


class FitCheck:
    """Whether the database of a process that runs is still one that it can work with.

    Args:
        pool: An open pool.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __call__(self) -> None:
        """Return where it is.

        Raises:
            StoreUnfitError: It is not; says what to do.
            StoreUnavailableError: It does not answer.
        """
        with translated():
            async with self._pool.connection() as connection:
                await check_schema(connection)


async def check_schema(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    """Return where this release works with the schema that is there.

    Args:
        connection: In the application's role.

    Raises:
        QueueLibraryError: The queue's library is not installed.
        StoreUnfitError: It does not; says what to do.
    """
    try:
        applied = await _ask(connection, "SELECT max(version) FROM schema_migration") or 0
    except errors.UndefinedTable as error:
        message = "The database has no schema of Meterline."
        raise SchemaMissingError(message, value=error.sqlstate) from error
    unknown = None
    if applied > newest_version():
        unknown = await _ask(connection, _UNKNOWN)
    check_version(applied, unknown)
    check_queue(await _ask(connection, "SELECT max(name) FROM queue_migration"))


async def _ask(connection: AsyncConnection[tuple[Any, ...]], question: LiteralString) -> Any:  # noqa: ANN401 - as the server answers
    row = await (await connection.execute(question)).fetchone()
    return None if row is None else row[0]


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


def check_version(applied: int, unknown: int | None) -> None:
    """Return where this release works with a version of the schema.

    That is its own; an earlier one where no migration since is needed yet; a later one where each
    migration since says that processes of the release before work beside.

    Args:
        applied: The newest migration; 0 where there is none.
        unknown: The newest that says nothing of the kind; None where nobody asked.

    Raises:
        StoreUnfitError: It does not; says what to do.
    """
    wanted = newest_version()
    if not applied:
        message = "The database has no schema of Meterline."
        raise SchemaMissingError(message, value=applied)
    message = f"The database's schema has version {applied}; this release needs version {wanted}."
    if applied < wanted and not WORKS_WITHOUT.issuperset(range(applied + 1, wanted + 1)):
        raise SchemaOldError(message, value=applied)
    if applied > wanted and (unknown is None or unknown > wanted):
        raise SchemaNewError(message, value=applied)


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
