"""The ingest store on PostgreSQL and TimescaleDB; the statements are in `ingest.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.errors import translated
from central.adapters.timescale.ingest.channels import find_channels
from central.adapters.timescale.ingest.rows import register_arrays
from central.adapters.timescale.ingest.transaction import TimescaleTransaction, cursor_of
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.service.ports.faults import StoreFaultError
from central.service.ports.gateway_quota import GatewayQuota
from central.service.ports.ingest import IngestTransaction
from central.service.ports.ingest_records import (
    BatchId,
    BatchKey,
    ChannelRecord,
    ClosedSpan,
    EpochCursor,
    EpochKey,
    FindingCode,
    GatewayId,
    GatewayRecord,
    IngestFinding,
    MeterId,
    Quarantine,
    QuarantinedBatch,
    Signing,
)
from firmware_bridge.contract.reading import Channel, from_ms
from firmware_bridge.contract.signed import key_id

_SQL = load_queries(Path(__file__).with_name("ingest.sql"))
_DUPLICATE_TABLE = "42P07"


class TimescaleIngestStore:
    """`IngestStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
        quota: How much one gateway may fill.
    """

    def __init__(self, pool: Pool, quota: GatewayQuota | None = None) -> None:
        self._pool = pool
        self.quota = GatewayQuota() if quota is None else quota
        self._prepared: set[tuple[int, int]] = set()

    @asynccontextmanager
    async def transaction(self, now: datetime) -> AsyncIterator[IngestTransaction]:
        """See `IngestStore`."""
        with translated():
            async with self._pool.connection() as connection:
                register_arrays(connection)
                async with connection.transaction():
                    yield TimescaleTransaction(connection, now, self.quota)

    async def gateways(self, names: Collection[str]) -> dict[str, GatewayRecord]:
        """See `IngestStore`."""
        rows = await self._rows("gateways", names=list(names))
        return {
            row[1]: replace(
                GatewayRecord(*row[:5]),
                signing=Signing(row[5]),
                signing_keys={key_id(bytes(key)): bytes(key) for key in row[6]},
            )
            for row in rows
        }

    async def revoked_epochs(self, gateways: Collection[GatewayId]) -> set[EpochKey]:
        """See `IngestStore`."""
        return {
            EpochKey(*row) for row in await self._rows("revoked_epochs", gateways=list(gateways))
        }

    async def owner_of_epoch(self, epoch: UUID) -> str | None:
        """See `IngestStore`."""
        rows = await self._rows("owner_of_epoch", epoch=epoch)
        return str(rows[0][0]) if rows else None

    async def resolve(
        self, channels: Collection[tuple[GatewayId, Channel]], now: datetime
    ) -> dict[tuple[GatewayId, Channel], ChannelRecord]:
        """See `IngestStore`."""
        if not channels:
            return {}
        async with self._connection() as connection:
            return await find_channels(connection, channels, now, self.quota)

    async def homes(self, meters: Collection[MeterId]) -> dict[MeterId, GatewayId]:
        """See `IngestStore`."""
        return dict(await self._rows("homes", meters=list(meters))) if meters else {}

    async def closed_spans(self, channels: Collection[int]) -> list[ClosedSpan]:
        """See `IngestStore`."""
        return [ClosedSpan(*row) for row in await self._rows("closed_spans", ids=list(channels))]

    async def prepare(self, from_ms_: int, until_ms: int, now: datetime) -> None:
        """Attach the months of a range, unless this process knows that they are; guard what is.

        Those of the day blocks come along, so that validation finds them.
        """
        first, last = from_ms(from_ms_), from_ms(until_ms)
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        wanted = {divmod(month, 12) for month in months}
        if wanted <= self._prepared:
            return
        values = {"from_at": first, "until_at": last, "now": now}
        while any(count for (count,) in await self._attach("attach", values)):
            pass
        await self._attach("attach_blocks", values)
        self._prepared |= wanted

    async def _attach(self, name: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
        try:
            return await self._rows(name, **values)
        except StoreFaultError as error:
            if error.value != _DUPLICATE_TABLE:
                raise
        # Another process made it. Who waited for its lock still has it in the cache that there is
        # no such table, which a lock of no table renews; the next transaction sees it.
        return await self._rows(name, **values)

    async def quarantined(
        self, gateway: str | None, code: str | None, limit: int
    ) -> list[QuarantinedBatch]:
        """See `IngestStore`."""
        rows = await self._rows("quarantined", gateway=gateway, code=code, limit=limit)
        return [
            QuarantinedBatch(
                row[0],
                BatchKey(GatewayId(row[1]), row[2], row[3]),
                Quarantine(BatchId(row[6]), row[7], row[8], row[9]),
                row[4],
                row[5],
            )
            for row in rows
        ]

    async def stalled(self, before: datetime) -> list[EpochCursor]:
        """See `IngestStore`."""
        return [cursor_of(row) for row in await self._rows("stalled", before=before)]

    async def open_findings(self, code: FindingCode | None = None) -> list[IngestFinding]:
        """See `IngestStore`."""
        rows = await self._rows("open_findings", code=code)
        return [IngestFinding(row[0], FindingCode(row[1]), *row[2:]) for row in rows]

    async def _rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        async with self._connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_SQL[query], parameters)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        with translated():
            async with self._pool.connection() as connection:
                yield connection
