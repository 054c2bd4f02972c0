"""The utility's billing settings on PostgreSQL; the statements are in `settings.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.billing.billing_settings import BillingSettings, SettingsRevision
from central.service.ports.billing_settings import StaleSettingsError

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleSettingsStore:
    """`SettingsStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def revisions(self) -> tuple[SettingsRevision, ...]:
        """See `SettingsStore`."""
        with translated():
            async with self._pool.connection() as connection:
                return await settings_revisions(connection)

    async def add(
        self, revision: SettingsRevision, actor: Actor, detail: Mapping[str, Any]
    ) -> None:
        """See `SettingsStore`."""
        values = {
            "revision": revision.revision,
            "effective": revision.effective,
            "document": Jsonb(revision.settings.to_json()),
            "at": revision.recorded_at,
            "actor": revision.actor,
            "reason": revision.reason,
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(_SQL["add"], values)
                if not cursor.rowcount:
                    raise StaleSettingsError.at(revision.revision)
                # What documents say beside bills may hold them, or release them.
                every = await settings_revisions(connection)
                if any(each.settings.judges_documents for each in every):
                    await ChangedInputs(settings=True).raise_in(connection)
                at = revision.recorded_at
                subject = f"revision {revision.revision}"
                await audit(connection, at, actor, "billing_settings.changed", subject, detail)


async def settings_revisions(
    connection: AsyncConnection[_Row],
) -> tuple[SettingsRevision, ...]:
    """Every revision of the utility's settings, in order."""
    cursor = await connection.execute(_SQL["revisions"])
    return tuple(
        SettingsRevision(row[0], row[1], BillingSettings.from_json(row[2]), *row[3:])
        for row in await cursor.fetchall()
    )
