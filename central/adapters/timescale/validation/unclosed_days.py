"""Days that are over and not closed, on PostgreSQL; the statements are in `unclosed_days.sql`."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.metering.installed_days import first_day_to_close
from central.service.ports.unclosed_days import UnclosedDays
from central.service.ports.validation import ENDLESS
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_VALIDATION = load_queries(Path(__file__).with_name("validation.sql"))
_ALL = {"after": 0, "last": 2**63 - 1}
_Row = tuple[Any, ...]


class TimescaleUnclosedDays:
    """`UnclosedDaysStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._zones: str | None = None

    async def count(self, now: datetime, before: datetime, since: datetime) -> UnclosedDays:
        """See `UnclosedDaysStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                zones = await self._known_zones(connection)
                values = {"zones": zones, "before": before, "since": since}
                cursor = await connection.execute(_SQL["count"], values)
                rows = [(row[1], row[2], row[0]) for row in await cursor.fetchall()]
                # Of a zone that the server does not list, days are cut here.
                cursor = await connection.execute(_VALIDATION["strange"], {"zones": zones, **_ALL})
                strange = _first_days(await cursor.fetchall(), before, since)
                channels = sum(row[2] for row in rows) + len(strange)
                oldest = min([*((row[0], row[1]) for row in rows), *strange], default=None)
                if oldest is None:
                    return UnclosedDays(now, 0)
                cursor = await connection.execute(_SQL["channel"], {"channel_id": oldest[1]})
                point, obis = (await cursor.fetchall())[0]
        return UnclosedDays(now, channels, oldest[0], point, str(Obis(bytes(obis))))

    async def _known_zones(self, connection: AsyncConnection[_Row]) -> str:
        """The zones that the server knows; it reads a file for each, so it is asked once."""
        if self._zones is None:
            cursor = await connection.execute(_VALIDATION["zones"])
            self._zones = " ".join(row[0] for row in await cursor.fetchall())
        return self._zones

    async def keep(self, counted: UnclosedDays) -> None:
        """See `UnclosedDaysStore`."""
        values = {
            "as_of": counted.as_of,
            "channels": counted.channels,
            "day": counted.oldest,
            "point": counted.point,
            "obis": None if counted.obis is None else Obis.parse(counted.obis).code,
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_SQL["keep"], values)

    async def newest(self) -> UnclosedDays | None:
        """See `UnclosedDaysStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(_SQL["newest"])).fetchall()
        for as_of, channels, day, point, obis in rows:
            code = None if obis is None else str(Obis(bytes(obis)))
            return UnclosedDays(as_of, channels, day, point, code)
        return None


def _first_days(rows: list[_Row], before: datetime, since: datetime) -> list[tuple[Any, int]]:
    """The first unclosed day of channels as `strange` gives them, with their keys."""
    first_days = []
    for (key, zone, at, closed_through), group in groupby(rows, key=itemgetter(slice(0, 4))):
        spans = [Interval(row[4], row[5] or ENDLESS) for row in group]
        day = first_day_to_close(spans, zone, closed_through, before, since, at)
        if day is not None:
            first_days.append((day, key))
    return first_days
