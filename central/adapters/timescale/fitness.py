"""Whether a database is one that this release can work with."""

from __future__ import annotations

from psycopg import AsyncConnection, DataError

from central.adapters.timescale.errors import translated
from central.adapters.timescale.migrate import newest_version
from central.adapters.timescale.pool import APPLICATION_ROLE
from central.service.ports.faults import StoreUnfitError

_CONNECT_S = 10


async def check_fit(dsn: str) -> None:
    """Return where the database's schema and rights are those of this release.

    Raises:
        StoreUnfitError: They are not; says what to do.
        StoreUnavailableError: It does not answer.
    """
    with translated():
        connection = await AsyncConnection.connect(
            dsn,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            tcp_user_timeout=_CONNECT_S * 1000,
            application_name="meterline-check",
        )
        async with connection:
            # A migration may have the table locked.
            await connection.execute(f"SET statement_timeout TO '{_CONNECT_S}s'")
            try:
                await connection.execute(f"SET ROLE {APPLICATION_ROLE}")
            except DataError as error:
                message = f"The database server has no role {APPLICATION_ROLE}."
                raise StoreUnfitError(message, value=error.sqlstate, remedy=_MIGRATE) from error
            cursor = await connection.execute("SELECT max(version) FROM schema_migration")
            row = await cursor.fetchone()
    check_version(None if row is None else row[0])


_MIGRATE = "Run `meterline-central migrate` of this release as the database's owner."


def check_version(applied: int | None) -> None:
    """Return where a schema's version is the one that this release was made for.

    Raises:
        StoreUnfitError: It is another.
    """
    wanted, applied = newest_version(), applied or 0
    if applied == wanted:
        return
    message = f"The database's schema has version {applied}; this release needs version {wanted}."
    newer = "Install the release that migrated the database, or a newer one."
    raise StoreUnfitError(message, value=applied, remedy=newer if applied > wanted else _MIGRATE)
