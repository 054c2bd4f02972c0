"""Changes that wait for validation, and the days that they may reach; see `waiting.sql`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.arrays import array_text
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.validation.blocks import blocks_of
from central.adapters.timescale.validation.point_channels import point_channel
from central.domain.metering.block import DayBlock
from central.domain.metering.service_point import PointChannel
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.notices import ESTIMATED_GAP
from central.service.ports.stamps import WaitingChange, reaches_into, waiting_change
from firmware_bridge.contract.interval import Interval

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]
_Blocks = Mapping[int, Sequence[DayBlock]]


async def waiting(connection: _Connection, uids: Sequence[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The points of some bills of whose days a change waits for validation."""
    parts = await _rows(connection, "parts", uids=uids)
    days = [DayRange(row[3], row[4]) for row in parts]
    points = [row[2] for row in parts]
    changes = await waiting_at_points(connection, list(zip(points, days, strict=True)))
    names: dict[UUID, set[str]] = {}
    for number, (uid, point, *_) in enumerate(parts):
        if any(reaches_into(change, days[number]) for change in changes.get(number, ())):
            names.setdefault(uid, set()).add(point)
    return {uid: tuple(sorted(points)) for uid, points in names.items()}


async def waiting_at_points(
    connection: _Connection, asked: Sequence[tuple[int, DayRange]]
) -> dict[int, list[WaitingChange]]:
    """The changes that wait for validation and may reach into days.

    Args:
        connection: In a transaction.
        asked: Keys of points, any of them more than once, with local days.

    Returns:
        By position in the list, the earliest first.
    """
    rows = await _rows(
        connection,
        "waiting_at_points",
        numbers=array_text(range(len(asked))),
        points=array_text(point for point, _ in asked),
        firsts=array_text(days.first for _, days in asked),
        ends=array_text(days.end for _, days in asked),
        code=ESTIMATED_GAP.code,
    )
    channels = {row[6]: point_channel(row[6:]) for row in rows}
    blocks = await _blocks(connection, rows, channels)
    changes: dict[int, list[WaitingChange]] = {}
    for row in rows:
        change = waiting_change(
            channels[row[6]], Interval(row[3], row[4]), blocks.get(row[6], ()) if row[5] else ()
        )
        changes.setdefault(row[0], []).append(change)
    return changes


async def _blocks(
    connection: _Connection, rows: Sequence[_Row], channels: Mapping[int, PointChannel]
) -> _Blocks:
    """Blocks from each change to the days of which it may make estimates again, by channel."""
    spans: dict[int, tuple[date, date]] = {}
    for row in rows:
        if row[5]:
            reached = waiting_change(channels[row[6]], Interval(row[3], row[4])).days
            first, end = spans.get(row[6], (row[1], row[2]))
            first, end = min(first, row[1], reached.first), max(end, row[2], reached.end)
            spans[row[6]] = first, end
    blocks: dict[int, list[DayBlock]] = {}
    if spans:
        asked = {
            "ids": list(spans),
            "firsts": [first for first, _ in spans.values()],
            "ends": [end for _, end in spans.values()],
        }
        for block in blocks_of(await _rows(connection, "days", **asked)):
            blocks.setdefault(block.channel_id, []).append(block)
    return blocks


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    listed = {
        name: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
        for name, value in values.items()
    }
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL[statement], listed)
        return await cursor.fetchall()
