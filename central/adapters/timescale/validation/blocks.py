"""Day blocks as rows of the database; the statements are in `validation.sql`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import repeat
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from firmware_bridge.contract.quantity import Unit

_SQL = load_queries(Path(__file__).with_name("validation.sql"))
# The columns of `add_blocks`.
_BLOCK_TYPES = (
    *("int8", "date", "int4", "timestamptz", "int4", "int2", "text", "text"),
    *("bytea", "bytea", "bytea", "timestamptz", "text", "text"),
)
_Row = tuple[Any, ...]


async def read_blocks(
    connection: AsyncConnection[_Row], days: Mapping[Any, int | None]
) -> dict[tuple[int, date], DayBlock]:
    """Blocks by (channel, day) and version; the newest where the version is None."""
    values = {
        "ids": [key[0] for key in days],
        "days": [key[1] for key in days],
        "versions": list(days.values()),
    }
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL["blocks"], values)
        rows = await cursor.fetchall()
    return {(row[0], row[1]): block_of(row) for row in rows}


def block_of(row: _Row) -> DayBlock:
    """A row of `day_block`, in the order of the statement `blocks`."""
    return DayBlock.unpack(
        channel_id=row[0],
        day=row[1],
        zone=row[2],
        start=row[3],
        period_s=row[4],
        exponent=row[5],
        unit=Unit(row[6]),
        values=row[7],
        quality=row[8],
        version=row[9],
    )


async def write_blocks(
    connection: AsyncConnection[_Row],
    blocks: Sequence[DayBlock],
    actor: Actor,
    at: datetime,
    reasons: Sequence[str] | None = None,
) -> None:
    """Add blocks; version and day must be new.

    Args:
        connection: In a transaction.
        blocks: The blocks.
        actor: Who made them.
        at: When.
        reasons: What each rests on, where they do not follow from the readings.
    """
    given: Iterable[str | None] = repeat(None) if reasons is None else reasons
    async with connection.cursor() as cursor, cursor.copy(_SQL["add_blocks"]) as copy:
        copy.set_types(_BLOCK_TYPES)
        for block, reason in zip(blocks, given, strict=False):
            await copy.write_row(_columns(block, actor, at, reason))


def _columns(block: DayBlock, actor: Actor, at: datetime, reason: str | None) -> _Row:
    return (
        block.channel_id,
        block.day,
        block.version,
        block.start,
        block.period_s,
        block.exponent,
        block.zone,
        block.unit.value,
        block.sha256,
        block.pack_quality(),
        block.pack_values(),
        at,
        actor.key,
        reason,
    )
