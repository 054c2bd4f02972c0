"""Parts of issued bills as rows say that they are settled; the statements: `tail.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.corrections import SettledPart

_SQL = load_queries(Path(__file__).with_name("tail.sql"))
_Row = tuple[Any, ...]


async def settled_parts(
    connection: AsyncConnection[_Row], bill: int, *, cancelled: bool = False
) -> tuple[SettledPart, ...]:
    """The parts of an issued bill, as they are settled.

    Args:
        connection: In a transaction.
        bill: Its key.
        cancelled: Whether those that are cancelled, not those that stand.
    """
    rows = await _rows(connection, "parts", bill=bill, cancelled=cancelled)
    lines = [
        (number, point, RatedLine.from_json(lineage))
        for number, point, lineage in await _rows(connection, "lines", bill=bill)
    ]
    return tuple(_settled_part(row, lines) for row in rows)


def _settled_part(row: _Row, lines: Sequence[tuple[int, str, RatedLine]]) -> SettledPart:
    """A part of an issued bill, as it is settled.

    Args:
        row: Of the statement `parts`.
        lines: Of the bill: number, service point and line.
    """
    key, occupancy, point, tariff, first, end, settles, version, closing, shared, *numbered = row
    begin, after, is_numbered, newest, hashes = numbered
    days = DayRange(first, end)
    if newest is not None:
        mine = tuple(map(RatedLine.from_json, newest))
    elif is_numbered:
        mine = tuple(line for number, _, line in lines if begin and begin <= number < after)
    else:
        billed = DayRange(first - timedelta(days=1), end) if settles else days
        mine = tuple(
            line
            for _, of_point, line in lines
            if of_point == point and line.tariff_sha256 in hashes and _within(line.first, billed)
        )
    return SettledPart(
        id=key,
        occupancy_id=occupancy,
        service_point=point,
        tariff=tariff,
        days=days,
        version=version,
        lines=mine,
        closing=CarriedState.from_json(closing),
        own_closing=None if shared is None else CarriedState.from_json(shared),
    )


def _within(day: date, days: DayRange) -> bool:
    return days.first <= day < days.end


async def _rows(
    connection: AsyncConnection[_Row], statement: str, /, **values: object
) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
