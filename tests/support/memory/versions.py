"""Day blocks by version, in memory."""

from __future__ import annotations

from collections.abc import Mapping

from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.validation import BlockVersion, ChannelDay, PointChannelId
from firmware_bridge.contract.obis import Obis
from tests.support.memory.books import MemoryBooks
from tests.support.memory.history import block_of


class MemoryBlockVersions:
    """The part of `ValidationStore` that reads blocks."""

    _books: MemoryBooks

    async def blocks(self, days: Mapping[ChannelDay, int | None]) -> dict[ChannelDay, DayBlock]:
        """See `ValidationStore`."""
        async with self._books.begin() as state:
            found = {key: block_of(state, key, version) for key, version in days.items()}
        return {key: block for key, block in found.items() if block is not None}

    async def channels_at(self, point: str) -> dict[Obis, PointChannelId]:
        """See `ValidationStore`."""
        async with self._books.begin() as state:
            return {
                channel.record.obis: key
                for key, channel in state.channels.items()
                if channel.point == point
            }

    async def versions(self, channel_id: PointChannelId, days: DayRange) -> list[BlockVersion]:
        """See `ValidationStore`; who made a block and when is not kept in memory."""
        async with self._books.begin() as state:
            return [
                BlockVersion(block, "", block.start, state.estimates.get((key, version), ""))
                for (key, version), block in sorted(
                    state.blocks.items(), key=lambda row: (row[0][0].day, -row[0][1])
                )
                if key.channel_id == channel_id and days.first <= key.day < days.end
            ]
