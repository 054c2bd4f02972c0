"""The registry of gateways on PostgreSQL; the statements are in `gateways.sql`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.service.ports.decisions import DecisionNote
from central.service.ports.ingest_records import EpochKey, GatewayId, GatewayRecord
from firmware_bridge.contract.messages import Status

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
        rows, _ = await self._run("enrol", name=name, at=note.at)
        return GatewayRecord(*rows[0])

    async def gateway(self, name: str) -> GatewayRecord | None:
        """See `GatewayStore`."""
        rows, _ = await self._run("gateway", name=name)
        return GatewayRecord(*rows[0]) if rows else None

    async def revoke(self, name: str, note: DecisionNote) -> GatewayRecord | None:
        """See `GatewayStore`."""
        rows, _ = await self._run("revoke", name=name, at=note.at)
        return GatewayRecord(*rows[0]) if rows else None

    async def revoke_epoch(self, key: EpochKey, note: DecisionNote) -> bool:
        """See `GatewayStore`."""
        _, count = await self._run("revoke_epoch", **key._asdict(), at=note.at)
        return count > 0

    async def move_meter(
        self, manufacturer: str, serial: str, home: GatewayId, note: DecisionNote
    ) -> bool:
        """See `GatewayStore`."""
        del note
        nameplate = {"manufacturer": manufacturer, "serial": serial}
        _, count = await self._run("move_meter", **nameplate, home=home)
        return count > 0

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

    async def epochs(self, gateway: GatewayId) -> list[UUID]:
        """See `GatewayStore`."""
        rows, _ = await self._run("epochs", gateway_id=gateway)
        return [row[0] for row in rows]

    async def _run(self, query: str, **parameters: object) -> tuple[list[tuple[Any, ...]], int]:
        with translated():
            async with self._pool.connection() as connection, connection.cursor() as cursor:
                await cursor.execute(_SQL[query], parameters)
                rows = await cursor.fetchall() if cursor.description is not None else []
                return rows, cursor.rowcount
