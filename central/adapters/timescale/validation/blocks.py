"""Day blocks as rows of the database; the statements are in `blocks.sql`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection, AsyncCursor

from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.day_summary import DaySummary
from central.domain.metering.packed_day import pack_days, unpack_days
from central.domain.retention import LEAST_AGE, BelowFloorError
from firmware_bridge.contract.quantity import Unit

SQL = load_queries(Path(__file__).with_suffix(".sql"))
# The columns of `add_blocks`.
BLOCK_TYPES = (
    *("int8", "timestamptz", "date", "int4", "int4", "int2", "int2", "int2", "bool"),
    *("numeric", "bytea", "bytea", "bytea", "text"),
)
VALIDATION = frozenset({"job:validate", "vee"})
"""Who makes blocks of readings alone, and has a hand in no bill by that."""
_MS = timedelta(milliseconds=1)
_T = TypeVar("_T")
_Number = TypeVar("_Number", bound=np.generic)
_Row = tuple[Any, ...]


class BlockHeading(NamedTuple):
    """What the blocks of many days share.

    Args:
        zone: IANA zone of the service point.
        unit: Unit of all values.
        period_s: Length of every interval. [s]
        exponent: Decimal exponent of all values.
        start_ms: The day's first instant, after midnight UTC of its date. [ms]
        intervals: How many a day has.
    """

    zone: str
    unit: str
    period_s: int
    exponent: int
    start_ms: int
    intervals: int

    @classmethod
    def of(cls, block: DayBlock) -> BlockHeading:
        """The heading of a block."""
        midnight = datetime(block.day.year, block.day.month, block.day.day, tzinfo=UTC)
        start_ms = (block.start - midnight) // _MS
        facts = block.zone, block.unit.value, block.period_s, block.exponent, start_ms
        return cls(*facts, len(block.values))


class KeptDays:
    """Rows of day blocks, to be unpacked at once: a row at a time takes many times as long."""

    def __init__(self) -> None:
        self._channels: list[int] = []
        self._headings: list[BlockHeading] = []
        self._days: list[Sequence[date]] = []
        self._starts: list[Sequence[datetime]] = []
        self._versions: list[Sequence[int]] = []
        self._sha256: list[bytes] = []
        self._lengths: list[Sequence[int]] = []
        self._contents: list[bytes] = []

    def add(  # noqa: PLR0913 - the columns of the days
        self,
        *,
        channel_id: int,
        heading: BlockHeading,
        days: Sequence[date],
        starts: Sequence[datetime],
        versions: Sequence[int],
        sha256: bytes,
        lengths: Sequence[int],
        content: bytes,
    ) -> None:
        """Add days of one channel and heading.

        Args:
            channel_id: The channel.
            heading: What the days share.
            days: Their local dates.
            starts: Their first instants.
            versions: Theirs.
            sha256: As stored, end to end.
            lengths: How many bytes the content of each takes.
            content: As `pack_days` made it, end to end.
        """
        self._channels.append(channel_id)
        self._headings.append(heading)
        self._days.append(days)
        self._starts.append(starts)
        self._versions.append(versions)
        self._sha256.append(sha256)
        self._lengths.append(lengths)
        self._contents.append(content)

    def blocks(self) -> list[DayBlock]:
        """The blocks, in the order in which they were added.

        Raises:
            BlockError: One is damaged.
        """
        if not self._days:
            return []
        numbers = list(map(len, self._days))
        counts = np.repeat([heading.intervals for heading in self._headings], numbers)
        lengths = np.array([*chain.from_iterable(self._lengths)], dtype=np.int64)
        values, quality = unpack_days(b"".join(self._contents), lengths, counts)
        hashes = b"".join(self._sha256)
        zones, units, periods, exponents, _, intervals = zip(*self._headings, strict=True)
        return DayBlock.kept(
            channel_ids=_spread(self._channels, numbers),
            days=chain.from_iterable(self._days),
            zones=_spread(zones, numbers),
            starts=chain.from_iterable(self._starts),
            periods=_spread(periods, numbers),
            exponents=_spread(exponents, numbers),
            units=_spread(map(_unit, units), numbers),
            versions=chain.from_iterable(self._versions),
            values=_split(values, numbers, intervals),
            quality=_split(quality, numbers, intervals),
            sha256=[hashes[begin : begin + 32] for begin in range(0, len(hashes), 32)],
        )


def _spread(column: Iterable[_T], numbers: Iterable[int]) -> Iterable[_T]:
    """What days share, once for each of them."""
    return chain.from_iterable(map(repeat, column, numbers))


def _split(
    values: NDArray[_Number], numbers: Iterable[int], intervals: Iterable[int]
) -> list[NDArray[_Number]]:
    """Values end to end, by day; the rows of a matrix are taken faster than slices."""
    split: list[NDArray[_Number]] = []
    end = 0
    for number, count in zip(numbers, intervals, strict=True):
        begin, end = end, end + number * count
        split.extend(values[begin:end].reshape(number, count))
    return split


def start_of(day: date, start_ms: int) -> datetime:
    """The first instant of a day, as its heading says it."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + start_ms * _MS


_unit = lru_cache(Unit)


async def read_blocks(
    connection: AsyncConnection[_Row], days: Mapping[Any, int | None]
) -> dict[tuple[int, date], DayBlock]:
    """Blocks by (channel, day) and version; the newest where the version is None."""
    if not days:
        return {}
    values = {
        "ids": [key[0] for key in days],
        "days": [key[1] for key in days],
        "versions": list(days.values()),
        "first": min(key[1] for key in days),
        "last": max(key[1] for key in days),
    }
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(SQL["blocks"], values)
        rows = await cursor.fetchall()
    return {(block.channel_id, block.day): block for block in blocks_of(rows)}


def blocks_of(rows: Sequence[_Row]) -> list[DayBlock]:
    """Rows of a block each, which begin with the columns of the statement `blocks`."""
    packed = KeptDays()
    for channel_id, day, version, sha256, content, *heading in rows:
        head = BlockHeading(*heading[:6])
        packed.add(
            channel_id=channel_id,
            heading=head,
            days=[day],
            starts=[start_of(day, head.start_ms)],
            versions=[version],
            sha256=sha256,
            lengths=[len(content)],
            content=content,
        )
    return packed.blocks()


async def write_blocks(
    connection: AsyncConnection[_Row],
    blocks: Sequence[DayBlock],
    actor: Actor | str,
    at: datetime,
    reasons: Sequence[str] | None = None,
) -> None:
    """Add blocks; version and day must be new.

    Args:
        connection: In a transaction.
        blocks: The blocks; at least one.
        actor: Who made them, or their key.
        at: When.
        reasons: What each rests on, where they do not follow from the readings.

    Raises:
        BelowFloorError: A day lies below the floor of its service point.
    """
    days = [block.day for block in blocks]
    maker = actor if isinstance(actor, str) else actor.key
    async with connection.cursor(binary=True) as cursor:
        if min(days) < (at - LEAST_AGE).date():
            await _refuse_below_floor(cursor, blocks)
        await cursor.execute(SQL["attach"], {"first": min(days), "last": max(days), "now": at})
        headings = {BlockHeading.of(block) for block in blocks}
        await cursor.execute(SQL["headings"], heading_columns(headings, maker))
        keys = {BlockHeading(*row[1:]): row[0] for row in await cursor.fetchall()}
        if missing := headings - set(keys):
            await cursor.execute(SQL["add_headings"], heading_columns(missing, maker))
            keys |= {BlockHeading(*row[1:]): row[0] for row in await cursor.fetchall()}
    given: Iterable[str | None] = repeat(None) if reasons is None else reasons
    async with connection.cursor() as cursor, cursor.copy(SQL["add_blocks"]) as copy:
        copy.set_types(BLOCK_TYPES)
        of_each = [keys[BlockHeading.of(block)] for block in blocks]
        rows = block_rows(blocks, of_each, repeat(maker))
        for row, reason in zip(rows, given, strict=False):
            await copy.write_row((row[0], at, *row[1:], reason or ""))


async def _refuse_below_floor(cursor: AsyncCursor[_Row], blocks: Sequence[DayBlock]) -> None:
    values = {
        "channels": [block.channel_id for block in blocks],
        "days": [block.day for block in blocks],
    }
    await cursor.execute(SQL["below_floor"], values)
    row = await cursor.fetchone()
    if row is not None:
        message = f"{row[1]} of {row[0]} lies below its floor, {row[2]}."
        raise BelowFloorError(message, value=str(row[1]))


def heading_columns(headings: Iterable[BlockHeading], actor: str) -> dict[str, object]:
    """Headings as the columns of the statements `headings` and `add_headings`."""
    rows = list(headings)
    columns = dict(zip(BlockHeading._fields, map(list, zip(*rows, strict=True)), strict=True))
    return {**columns, "actor": actor}


def block_rows(
    blocks: Sequence[DayBlock], headings: Iterable[int], actors: Iterable[str]
) -> list[_Row]:
    """Blocks as rows of `add_blocks`, without when they were made and the reason.

    Args:
        blocks: The blocks.
        headings: The key of the heading of each.
        actors: Who made each.
    """
    contents = pack_days([block.values for block in blocks], [block.quality for block in blocks])
    rows: list[_Row] = []
    for block, content, key, actor in zip(blocks, contents, headings, actors, strict=False):
        summary = DaySummary.of(block)
        counts = summary.missing, summary.estimated, summary.zeros
        packed = block.sha256, summary.pack_extremes(), content
        rows.append(
            (
                *(block.channel_id, block.day, block.version, key, *counts),
                *(actor not in VALIDATION, summary.total, *packed),
            )
        )
    return rows
