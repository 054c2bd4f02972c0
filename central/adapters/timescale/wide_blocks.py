"""Bring the day blocks of the former layout over: eight bytes a value then, packed now.

The services are stopped meanwhile, as for every migration: they work with no schema but their own.
What is committed stays, and is not read again by whoever continues.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.validation.blocks import (
    BLOCK_TYPES,
    SQL,
    BlockHeading,
    block_rows,
    heading_columns,
)
from central.domain.metering.block import DayBlock
from firmware_bridge.contract.quantity import Unit

BATCH = 20_000
_OLD = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class _Key(NamedTuple):
    channel_id: int
    day: date
    version: int


def bring_over(
    connection: psycopg.Connection[_Row],
    progress: Callable[[int, int], None],
    batch: int = BATCH,
) -> None:
    """Copy the blocks that the new table does not have, in the order of their keys.

    Args:
        connection: Of the database's owner, outside of a transaction.
        progress: Told how many are there, and how many there are in all, after each transaction.
        batch: How many blocks a transaction has.

    Raises:
        psycopg.Error: The server refused; what was committed stays.
    """
    ((whole, done),) = connection.execute(_OLD["counts"]).fetchall()
    # They come in order, so the last one says how far it went.
    row = connection.execute(_OLD["last"]).fetchone()
    after = _Key(-1, date.min, 0) if row is None else _Key(*row)
    while done < whole:
        values = {**after._asdict(), "limit": batch}
        with connection.cursor(binary=True) as cursor:
            rows = cursor.execute(_OLD["next"], values).fetchall()
        with connection.transaction():
            _copy(connection, rows)
        done += len(rows)
        after = _Key(*rows[-1][:3])
        progress(done, whole)


def _copy(connection: psycopg.Connection[_Row], rows: list[_Row]) -> None:
    blocks = [_block(row) for row in rows]
    actors = [str(row[11]) for row in rows]
    keys: dict[tuple[str, BlockHeading], int] = {}
    for actor in sorted(set(actors)):
        keys |= _headings(connection, actor, {BlockHeading.of(block) for block in blocks})
    of_each = [
        keys[actor, BlockHeading.of(block)] for actor, block in zip(actors, blocks, strict=True)
    ]
    with connection.cursor() as cursor, cursor.copy(SQL["add_blocks"]) as copy:
        copy.set_types(BLOCK_TYPES)
        for row, new in zip(rows, block_rows(blocks, of_each, actors), strict=True):
            # Bills name the hash that was stored, whatever became of the block.
            copy.write_row((new[0], row[10], *new[1:9], row[9], *new[10:], row[12] or ""))


def _headings(
    connection: psycopg.Connection[_Row], actor: str, headings: set[BlockHeading]
) -> dict[tuple[str, BlockHeading], int]:
    rows = connection.execute(SQL["headings"], heading_columns(headings, actor)).fetchall()
    if missing := headings - {BlockHeading(*row[1:]) for row in rows}:
        added = connection.execute(SQL["add_headings"], heading_columns(missing, actor))
        rows += added.fetchall()
    return {(actor, BlockHeading(*row[1:])): row[0] for row in rows}


def _block(row: _Row) -> DayBlock:
    return DayBlock.unpack(
        channel_id=row[0],
        day=row[1],
        version=row[2],
        start=row[3],
        period_s=row[4],
        exponent=row[5],
        zone=row[6],
        unit=Unit(row[7]),
        values=row[8],
        quality=row[13],
    )
