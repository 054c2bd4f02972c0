"""What is shared out, on PostgreSQL: what makes a day of a channel makes the days of its shares.

The statements are in `allocated.sql`. The lock of a channel guards the days of its shares as well:
nothing else writes those.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.validation.blocks import blocks_of, write_blocks
from central.domain.actor import Actor
from central.domain.metering.allocation import Allocation, Allocations, share_out
from central.domain.metering.allocation_document import share_text
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.allocations import NewAllocation, SharingPoint
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import ChannelDay, Newest, PointChannelId
from firmware_bridge.contract.obis import Obis

SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class AllocatedDays:
    """`AllocationTransaction` on the connection of a transaction of validation."""

    _connection: AsyncConnection[_Row]
    _changed: ChangedInputs
    # Days of which this transaction made a version, that may have to be shared out.
    _to_share: set[ChannelDay]
    _shared_at: datetime | None
    # Days that are closed for the first time here.
    _fresh: set[tuple[int, date]]
    # Those among which may be some that a bill has and was rated without.
    _closed: list[tuple[int, date]]

    async def _allocated(self, statement: str, /, **values: object) -> list[_Row]:
        async with self._connection.cursor(binary=True) as cursor:
            await cursor.execute(SQL[statement], values)
            return await cursor.fetchall()

    async def newest(self, days: Collection[ChannelDay]) -> dict[ChannelDay, Newest]:
        """See `ValidationTransaction`."""
        if not days:
            return {}
        span = {"first": min(key.day for key in days), "last": max(key.day for key in days)}
        rows = await self._allocated("newest", **_days(days), **span)
        return {
            ChannelDay(PointChannelId(row[0]), row[1]): Newest(
                row[2], bytes(row[3]), decided=row[4]
            )
            for row in rows
        }

    def note_blocks(self, blocks: Sequence[DayBlock], at: datetime) -> None:
        """Note versions that were added: what changes by them, and what is to be shared out."""
        self.note_to_share(blocks, at)
        for block in blocks:
            if block.version == 1:
                self._fresh.add((block.channel_id, block.day))
                self._closed.append((block.channel_id, block.day))
            else:
                self._changed.channels.add(block.channel_id)

    def note_to_share(self, blocks: Sequence[DayBlock], at: datetime) -> None:
        """Note days that are to be shared out, where their channels are."""
        self._shared_at = at
        self._to_share |= {
            ChannelDay(PointChannelId(block.channel_id), block.day) for block in blocks
        }

    async def share_out(self, actor: Actor | None = None) -> int:
        """Share out what this transaction made of channels that are shared out.

        What is there already is not written, so it may be done again.

        Args:
            actor: Who makes the days; None for who made those of the source.

        Returns:
            How many days of points that makes anew.
        """
        days, self._to_share = self._to_share, set()
        at = self._shared_at
        if not days or at is None:
            return 0
        rows = await self._allocated("sources", ids=sorted({key.channel_id for key in days}))
        if not rows:
            return 0
        sources = {row[0] for row in rows}
        return await self._share([key for key in days if key.channel_id in sources], at, actor)

    async def _share(self, days: Sequence[ChannelDay], at: datetime, actor: Actor | None) -> int:
        allocations = {
            source: Allocations(versions)
            for source, versions in (
                await self.allocations_of({key.channel_id for key in days})
            ).items()
        }
        rows = await self._allocated(
            "newest_of",
            ids=[key.channel_id for key in days],
            days=[key.day for key in days],
            first=min(key.day for key in days),
            last=max(key.day for key in days),
        )
        sources = list(zip(blocks_of(rows), (row[11] for row in rows), strict=True))
        there = await self.newest(
            [
                ChannelDay(PointChannelId(channel), block.day)
                for block, _ in sources
                for channel in allocations[PointChannelId(block.channel_id)].shares(block.day)
            ]
        )
        by_maker: dict[str, list[tuple[DayBlock, str]]] = {}
        for block, maker in sources:
            allocation = allocations[PointChannelId(block.channel_id)]
            key = maker if actor is None else actor.key
            by_maker.setdefault(key, []).extend(_shares(block, allocation, there))
        for key, entries in by_maker.items():
            if entries:
                blocks, reasons = zip(*entries, strict=True)
                await write_blocks(self._connection, blocks, key, at, reasons)
                self.note_blocks(blocks, at)
        self._to_share = set()  # what has a share is not shared out
        return sum(map(len, by_maker.values()))

    async def shares_of(self, channel_id: PointChannelId) -> dict[PointChannelId, Obis]:
        """See `EstimateTransaction`."""
        rows = await self._allocated("sources", ids=[channel_id])
        return {PointChannelId(row[1]): Obis(bytes(row[2])) for row in rows}

    async def sharing_points(self, names: Collection[str], obis: Obis) -> dict[str, SharingPoint]:
        """See `AllocationTransaction`."""
        rows = await self._allocated("sharing_points", names=list(names), obis=obis.code)
        return {row[0]: SharingPoint(*row[1:]) for row in rows}

    async def allocations_of(
        self, sources: Collection[PointChannelId]
    ) -> dict[PointChannelId, list[Allocation]]:
        """See `AllocationTransaction`."""
        entered: dict[PointChannelId, list[Allocation]] = {}
        for row in await self._allocated("allocations", ids=sorted(sources)):
            entered.setdefault(PointChannelId(row[0]), []).append(
                allocation_of(*row[1:4], withdrawn=row[4])
            )
        return entered

    async def add_allocation(self, entry: NewAllocation, note: DecisionNote) -> int:
        """See `AllocationTransaction`."""
        await record_at(self._connection, note.at)
        names, obis = list(entry.shares), entry.obis.code
        given = {"names": names, "obis": obis, "source": entry.source}
        await self._connection.execute(SQL["add_channels"], given)
        await self._connection.execute(SQL["share_in"], {**given, "at": note.at})
        keys: dict[str, int] = dict(await self._allocated("channels_of", names=names, obis=obis))
        shares = [[keys[point], share_text(share)] for point, share in entry.shares.items()]
        values = {
            "source": entry.source,
            "effective": entry.effective,
            "shares": Jsonb(shares),
            "remainder": None if entry.remainder is None else keys[entry.remainder],
            "withdrawn": entry.withdrawn,
            "reason": note.reason,
            "actor": note.actor.key,
            "at": note.at,
        }
        (row,) = await self._allocated("add_allocation", **values)
        days = await self._allocated("closed_days", source=entry.source, first=entry.effective)
        self._to_share |= {ChannelDay(entry.source, day) for (day,) in days}
        # What is not closed yet is another input of theirs as well.
        self._changed.channels |= {entry.source, *keys.values()}
        return int(row[0])

    async def share_days(self, note: DecisionNote) -> int:
        """See `AllocationTransaction`."""
        sources = {key.channel_id for key in self._to_share}
        self._shared_at = note.at
        count = await self.share_out(note.actor)
        await self.close_shares(sources)
        return count

    async def close_shares(self, sources: Collection[PointChannelId]) -> None:
        """Note of what has a share that its days are closed with those of its source."""
        await self._connection.execute(SQL["close_shares"], {"ids": sorted(sources)})

    async def issued_shares(
        self, source: PointChannelId, first: date
    ) -> list[tuple[str, DayRange]]:
        """See `AllocationTransaction`."""
        rows = await self._allocated("issued_shares", source=source, first=first)
        return [(row[0], DayRange(row[1], row[2])) for row in rows]


def allocation_of(
    effective: date, revision: int, shares: Sequence[tuple[int, str]], *, withdrawn: bool
) -> Allocation:
    """An allocation as it is kept."""
    return Allocation(
        effective,
        revision,
        {channel: Fraction(share) for channel, share in shares},
        withdrawn=withdrawn,
    )


def _shares(
    block: DayBlock, allocations: Allocations, there: Mapping[ChannelDay, Newest]
) -> list[tuple[DayBlock, str]]:
    """The days that a day makes, as far as they are others than before; on what each rests."""
    shares = allocations.shares(block.day)
    if not shares:
        return []
    newest = {
        channel: there.get(ChannelDay(PointChannelId(channel), block.day)) for channel in shares
    }
    versions = {
        channel: 1 if before is None else before.version + 1 for channel, before in newest.items()
    }
    held = allocations.on(block.day)
    changed = []
    for day in share_out(block, shares, versions):
        before = newest[day.channel_id]
        if before is None or before.sha256 != day.sha256:
            grounds = {
                "source": block.channel_id,
                "version": block.version,
                "sha256": block.sha256.hex(),
                "share": share_text(shares[day.channel_id]),
                "effective": None if held is None else str(held.effective),
                "revision": None if held is None else held.revision,
            }
            changed.append((day, json.dumps({"allocated": grounds})))
    return changed


def _days(days: Collection[ChannelDay]) -> dict[str, list[Any]]:
    return {"ids": [key.channel_id for key in days], "days": [key.day for key in days]}
