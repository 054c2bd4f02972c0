"""Tariffs and their revisions on PostgreSQL; the statements are in `tariffs.sql`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.service.ports.concerned_bills import ConcernedBills
from central.service.ports.registry import (
    RegistryConflictError,
    TariffRecord,
    TariffRevision,
)
from central.service.ports.stamps import InputKind

CONCERNED_SHOWN = 20
_SQL = load_queries(Path(__file__).with_name("tariffs.sql"))


class TariffRows:
    """That part of `RegistryTransaction`, on one connection."""

    _connection: AsyncConnection[tuple[Any, ...]]
    changed: ChangedInputs

    async def _asked(self, statement: str, /, **values: object) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(_SQL[statement], values)
        return await cursor.fetchall()

    async def tariff_versions(self, name: str) -> tuple[TariffRecord, ...]:
        """See `RegistryTransaction`."""
        return tuple(
            TariffRecord(name, row[0], row[1], bytes(row[2]).hex(), row[3], row[4])
            for row in await self._asked("tariff_versions", name=name)
        )

    async def tariff_history(self, name: str | None) -> tuple[TariffRevision, ...]:
        """See `RegistryTransaction`."""
        return tuple(
            TariffRevision(
                TariffRecord(row[0], row[1], row[2], bytes(row[3]).hex(), row[4], row[5], row[6]),
                recorded_at=row[7],
                recorded_by=row[8],
                reason=row[9],
            )
            for row in await self._asked("tariff_history", name=name)
        )

    async def add_tariff_version(
        self, version: TariffRecord, actor: Actor, at: datetime, reason: str | None = None
    ) -> None:
        """See `RegistryTransaction`."""
        await self._connection.execute(_SQL["add_tariff"], {"name": version.name})
        values = {
            "name": version.name,
            "effective": version.effective,
            "revision": version.revision,
            "withdrawn": version.withdrawn,
            "document": version.document,
            "sha256": bytes.fromhex(version.sha256),
            "currency": version.currency,
            "at": at,
            "actor": actor.key,
            "reason": reason,
        }
        try:
            await self._connection.execute(_SQL["add_tariff_version"], values)
        except errors.UniqueViolation as error:
            message = f"{version.name} already has that revision of {version.effective}."
            raise RegistryConflictError(message, value=version.effective) from error
        self.changed.tariffs.add(version.name)

    async def concerned(
        self, kind: InputKind, name: str, first: date, end: date | None
    ) -> ConcernedBills:
        """See `RegistryTransaction`."""
        return await concerned_bills(self._connection, kind, name, first, end)


async def concerned_bills(
    connection: AsyncConnection[tuple[Any, ...]],
    kind: InputKind,
    name: str,
    first: date,
    end: date | None,
) -> ConcernedBills:
    """See `RegistryTransaction.concerned`."""
    values = {"kind": kind.value, "name": name, "first": first, "end": end}
    cursor = await connection.execute(_SQL["concerned"], {**values, "limit": CONCERNED_SHOWN})
    rows = await cursor.fetchall()
    return ConcernedBills(rows[0][0] if rows else 0, tuple(row[1] for row in rows))
