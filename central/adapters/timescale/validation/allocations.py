"""Allocations on PostgreSQL: who shares in what, from when, and what became of days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from central.adapters.timescale.errors import translated
from central.adapters.timescale.validation.allocated import SQL, allocation_of
from central.adapters.timescale.validation.blocks import blocks_of
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.allocations import EnteredAllocation, SharedDay
from central.service.ports.validation import PointChannelId
from firmware_bridge.contract.obis import Obis

_Row = tuple[Any, ...]


class TimescaleAllocations(TimescaleValidationStore):
    """`AllocationStore` over a pool of connections."""

    async def entered(self, point: str | None) -> Sequence[EnteredAllocation]:
        """See `AllocationStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.cursor(binary=True) as ask:
                await ask.execute(SQL["entered"], {"point": point})
                rows = await ask.fetchall()
                keys = {channel for row in rows for channel, _ in row[4]}
                await ask.execute(SQL["names"], {"ids": sorted(keys)})
                names = {row[0]: (row[1], Obis(bytes(row[2]))) for row in await ask.fetchall()}
        return [_entered(row, names) for row in rows]

    async def shared_days(self, source: PointChannelId, days: DayRange) -> Sequence[SharedDay]:
        """See `AllocationStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.cursor(binary=True) as ask:
                await ask.execute(SQL["sources"], {"ids": [source]})
                keys = [row[1] for row in await ask.fetchall()]
                await ask.execute(SQL["names"], {"ids": keys})
                names = {row[0]: (row[1], Obis(bytes(row[2]))) for row in await ask.fetchall()}
                asked = {"ids": [source, *keys], "first": days.first, "end": days.end}
                await ask.execute(SQL["shared_days"], asked)
                blocks = blocks_of(await ask.fetchall())
        shares = {(block.day, block.channel_id): block for block in blocks}
        return [
            SharedDay(
                block,
                {
                    names[key]: shares[block.day, key]
                    for key in sorted(keys, key=names.__getitem__)
                    if (block.day, key) in shares
                },
            )
            for block in blocks
            if block.channel_id == source
        ]


def _entered(row: _Row, names: dict[int, tuple[str, Obis]]) -> EnteredAllocation:
    allocation = allocation_of(row[2], row[3], row[4], withdrawn=row[5])
    remainder = None if row[6] is None else names[row[6]][0]
    holds = row[10] and not row[5]
    return EnteredAllocation(
        point=row[0],
        obis=Obis(bytes(row[1])),
        allocation=allocation,
        names={channel: names[channel] for channel in allocation.shares},
        remainder=remainder,
        holds=holds,
        actor=row[7],
        at=row[8],
        reason=row[9],
    )
