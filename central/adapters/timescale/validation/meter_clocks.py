"""When meters' clocks were wrong, from the database; the statement: `meter_clocks.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.metering.clock_error import ClockError

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


async def read_clock_errors(
    connection: AsyncConnection[tuple[Any, ...]], asked: Mapping[str, object]
) -> dict[tuple[int, int], list[ClockError]]:
    """The clock errors of installed meters, ascending, by channel of a point and installation.

    Args:
        connection: Where to ask.
        asked: Channels, installations and the times of the readings that are judged, as columns.
    """
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL["clock_errors"], asked)
        rows = await cursor.fetchall()
    errors_of: dict[tuple[int, int], list[ClockError]] = {}
    for channel, installation, at, own_at, until in rows:
        offset = None if own_at is None else own_at - at
        errors_of.setdefault((channel, installation), []).append(ClockError(at, offset, until))
    return errors_of
