"""Day blocks of channels by version, on PostgreSQL; the statements are in `versions.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.validation.blocks import blocks_of, read_blocks
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.validation import BlockVersion, ChannelDay, PointChannelId
from firmware_bridge.contract.obis import Obis

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class BlockVersions:
    """The part of `ValidationStore` that reads blocks."""

    _pool: Pool

    async def blocks(self, days: Mapping[ChannelDay, int | None]) -> dict[ChannelDay, DayBlock]:
        """See `ValidationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                found = await read_blocks(connection, days)
        return {
            ChannelDay(PointChannelId(channel), day): block
            for (channel, day), block in found.items()
        }

    async def channels_at(self, point: str) -> dict[Obis, PointChannelId]:
        """See `ValidationStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["channels_at"], {"point": point})
                rows = await cursor.fetchall()
        return {Obis(bytes(row[1])): PointChannelId(row[0]) for row in rows}

    async def versions(self, channel_id: PointChannelId, days: DayRange) -> list[BlockVersion]:
        """See `ValidationStore`."""
        asked = {"channel": channel_id, "first": days.first, "end": days.end}
        with translated():
            async with (
                self._pool.connection() as connection,
                connection.cursor(binary=True) as cursor,
            ):
                await cursor.execute(_SQL["versions"], asked)
                rows = await cursor.fetchall()
        return [
            BlockVersion(block, *row[11:]) for row, block in zip(rows, blocks_of(rows), strict=True)
        ]
