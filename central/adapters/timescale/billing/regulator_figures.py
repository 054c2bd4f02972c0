"""What a regulator asks for, counted on PostgreSQL; the statements: `regulator_figures.sql`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.regulator_figures import BillCounts, ExceptionCounts, IntervalCounts

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class TimescaleRegulatorFigures:
    """`RegulatorFigureStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def bills(self, days: DayRange) -> BillCounts:
        """See `RegulatorFigureStore`."""
        return BillCounts(*await self._counts("bills", first=days.first, end=days.end))

    async def exceptions(self, since: datetime, until: datetime, now: datetime) -> ExceptionCounts:
        """See `RegulatorFigureStore`."""
        return ExceptionCounts(*await self._counts("exceptions", since=since, until=until, now=now))

    async def intervals(self, days: DayRange) -> IntervalCounts:
        """See `RegulatorFigureStore`."""
        return IntervalCounts(*await self._counts("intervals", first=days.first, end=days.end))

    async def _counts(self, statement: str, /, **values: object) -> list[int]:
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL[statement], values)
                row = await cursor.fetchone()
                return [int(count) for count in row or ()]
