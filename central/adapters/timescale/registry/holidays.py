"""Public holidays on PostgreSQL; the statements are in `holidays.sql`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.inputs import ChangedInputs
from central.adapters.timescale.queries import load_queries
from central.domain.tariff.holiday_calendar import HolidayCalendar
from central.service.ports.decisions import DecisionNote
from central.service.ports.holidays import HolidayRevision

_SQL = load_queries(Path(__file__).with_name("holidays.sql"))
_Connection = AsyncConnection[tuple[Any, ...]]


class HolidayRows:
    """`HolidayTransaction` on one connection."""

    _connection: _Connection
    changed: ChangedInputs

    async def holiday_history(self, name: str | None) -> tuple[HolidayRevision, ...]:
        """See `HolidayTransaction`."""
        values = {"name": name}
        cursor = await self._connection.execute(_SQL["history"], values)
        return tuple(
            HolidayRevision(_calendar(row[:5]), *row[5:]) for row in await cursor.fetchall()
        )

    async def add_holidays(
        self, calendar: HolidayCalendar, note: DecisionNote, tariffs: Collection[str]
    ) -> bool:
        """See `HolidayTransaction`."""
        values = {
            "name": calendar.name,
            "year": calendar.year,
            "revision": calendar.revision,
            "days": Jsonb([[day.isoformat(), name] for day, name in calendar.days]),
            "withdrawn": calendar.withdrawn,
            "at": note.at,
            "actor": note.actor.key,
            "reason": note.reason,
        }
        cursor = await self._connection.execute(_SQL["add"], values)
        self.changed.tariffs |= set(tariffs)
        return cursor.rowcount == 1


async def newest_holidays(connection: _Connection) -> tuple[HolidayCalendar, ...]:
    """What holds of every year that is kept, in the connection's transaction."""
    cursor = await connection.execute(_SQL["newest"])
    return tuple(map(_calendar, await cursor.fetchall()))


def _calendar(row: tuple[Any, ...]) -> HolidayCalendar:
    days = tuple((date.fromisoformat(day), name) for day, name in row[3])
    return HolidayCalendar(row[0], row[1], row[2], days, withdrawn=row[4])
