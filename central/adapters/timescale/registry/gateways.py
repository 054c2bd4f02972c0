"""The registry of gateways on PostgreSQL; the statements are in `gateways.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import EpochKey, GatewayId, GatewayRecord
from firmware_bridge.contract.messages import Status

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_name("gateways.sql"))


class TimescaleGatewayStore:
    """`GatewayStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def enrol(self, name: str, note: DecisionNote) -> GatewayRecord:
        """See `GatewayStore`."""
        async with self._begin() as connection:
            row = (await _rows(connection, "enrol", name=name, at=note.at))[0]
            await _revoked(connection, note, ("gateway.enrolled", name), old=row[5], new=False)
        return GatewayRecord(*row[:5])

    async def gateway(self, name: str) -> GatewayRecord | None:
        """See `GatewayStore`."""
        rows, _ = await self._run("gateway", name=name)
        return GatewayRecord(*rows[0]) if rows else None

    async def revoke(self, name: str, note: DecisionNote) -> GatewayRecord | None:
        """See `GatewayStore`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "revoke", name=name, at=note.at)
            await connection.execute(_SQL["revoke_certificates"], {"name": name, "at": note.at})
            await connection.execute(_SQL["withdraw_invitations"], {"name": name, "at": note.at})
            for row in rows:
                await _revoked(connection, note, ("gateway.revoked", name), old=row[5], new=True)
        return GatewayRecord(*rows[0][:5]) if rows else None

    async def revoke_epoch(self, key: EpochKey, note: DecisionNote) -> bool:
        """See `GatewayStore`."""
        async with self._begin() as connection:
            rows = await _rows(connection, "revoke_epoch", **key._asdict(), at=note.at)
            for was, name in rows:
                did = ("epoch.revoked", f"{name} {key.epoch}")
                await _revoked(connection, note, did, old=was, new=True)
        return bool(rows)

    async def move_meter(
        self, manufacturer: str, serial: str, home: GatewayId, note: DecisionNote
    ) -> bool:
        """See `GatewayStore`."""
        nameplate = {"manufacturer": manufacturer, "serial": serial}
        async with self._begin() as connection:
            rows = await _rows(connection, "move_meter", **nameplate, home=home)
            for old, new in rows:
                if old != new:
                    detail = change({"gateway": old}, {"gateway": new}, note.reason)
                    subject = f"{manufacturer}/{serial}"
                    await audit(connection, note.at, note.actor, "meter.moved", subject, detail)
        return bool(rows)

    async def close_finding(self, key: str, closed_by: Actor, at: datetime) -> bool:
        """See `GatewayStore`."""
        _, count = await self._run("close_finding", key=key, closed_by=closed_by.key, at=at)
        return count > 0

    async def save_status(self, name: str, status: Status, at: datetime) -> bool:
        """See `GatewayStore`."""
        state, agent, backlog = status.state.value, status.agent, status.backlog
        fields = {"state": state, "agent": agent, "backlog": backlog}
        _, count = await self._run("save_status", name=name, **fields, at=at)
        return count > 0

    async def admitted(self) -> list[str]:
        """See `GatewayStore`."""
        rows, _ = await self._run("admitted")
        return [row[0] for row in rows]

    async def epochs(self, gateway: GatewayId) -> list[UUID]:
        """See `GatewayStore`."""
        rows, _ = await self._run("epochs", gateway_id=gateway)
        return [row[0] for row in rows]

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection[_Row]]:
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection

    async def _run(self, query: str, **parameters: object) -> tuple[list[tuple[Any, ...]], int]:
        with translated():
            async with self._pool.connection() as connection, connection.cursor() as cursor:
                await cursor.execute(_SQL[query], parameters)
                rows = await cursor.fetchall() if cursor.description is not None else []
                return rows, cursor.rowcount


async def _rows(connection: AsyncConnection[_Row], query: str, **values: object) -> list[_Row]:
    return await (await connection.execute(_SQL[query], values)).fetchall()


async def _revoked(
    connection: AsyncConnection[_Row],
    note: DecisionNote,
    did: tuple[str, str],
    *,
    old: bool | None,
    new: bool,
) -> None:
    """Note that something is refused from now on, or no longer, where it was not so before."""
    if old is not new:
        detail = change(None if old is None else {"revoked": old}, {"revoked": new}, note.reason)
        await audit(connection, note.at, note.actor, *did, detail)
