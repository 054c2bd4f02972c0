"""Meters of usage on PostgreSQL; the statements are in `meters.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.queries import load_queries
from central.domain.usage.usage_meter import UsageMeter, UsageMeterVersion
from central.service.ports.decisions import DecisionNote
from central.service.ports.usage_events import KeptUsageMeter

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


class UsageMeterRows:
    """`UsageMeterTransaction` on one connection.

    Args:
        connection: In a transaction.
        name: Of the meter.
        note: Who says something of it, and why.
    """

    def __init__(self, connection: _Connection, name: str, note: DecisionNote) -> None:
        self._connection = connection
        self._name = name
        self._note = note
        self.changed = ChangedInputs()

    async def hold(self) -> None:
        """Keep others from saying something of the meter until the transaction ends."""
        await self._connection.execute(_SQL["know"], {"name": self._name})
        await self._connection.execute(_SQL["hold"], {"name": self._name})

    async def history(self) -> tuple[KeptUsageMeter, ...]:
        """See `UsageMeterTransaction`."""
        return await meter_history(self._connection, self._name)

    async def add(self, version: UsageMeterVersion, detail: Mapping[str, Any]) -> None:
        """See `UsageMeterTransaction`."""
        note = self._note
        values = {
            "name": self._name,
            "since": version.since,
            "revision": version.revision,
            "document": Jsonb(version.meter.to_json()),
            "withdrawn": version.withdrawn,
            "at": note.at,
            "actor": note.actor.key,
            "reason": note.reason or None,
        }
        await self._connection.execute(_SQL["add"], values)
        await self._connection.execute(_SQL["changed"], {"name": self._name, "at": note.at})
        self.changed.series.add(self._name)
        await audit(self._connection, note.at, note.actor, "usage_meter.kept", self._name, detail)


async def meter_history(connection: _Connection, name: str | None) -> tuple[KeptUsageMeter, ...]:
    """What was said of a meter, or of all; by name, day and revision."""
    cursor = await connection.execute(_SQL["history"], {"name": name})
    return tuple(
        KeptUsageMeter(
            UsageMeterVersion(row[1], row[2], UsageMeter.from_json(row[0], row[3]), row[4]),
            *row[5:],
        )
        for row in await cursor.fetchall()
    )
