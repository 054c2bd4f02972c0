"""The figures of days that rules ask for, from the database; the statement: `past_days.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.metering.day_summary import DaySummary
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.history import PastDay
from central.service.ports.validation import PastDays, PointChannelId
from firmware_bridge.contract.obis import Obis

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


async def read_past_days(
    connection: AsyncConnection[tuple[Any, ...]], asked: Sequence[PastDays]
) -> dict[PastDays, list[PastDay]]:
    """The newest figures of each asked channel's days, ascending, in one statement.

    Args:
        connection: Where to ask.
        asked: Which days of which channels.
    """
    days_of: dict[PastDays, list[PastDay]] = {days: [] for days in asked}
    if not asked:
        return days_of
    values = {
        "ids": [days.channel_id for days in asked],
        "obis": [days.obis.code for days in asked],
        "firsts": [days.days.first for days in asked],
        "ends": [days.days.end for days in asked],
        "first": min(days.days.first for days in asked),
        "end": max(days.days.end for days in asked),
    }
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SQL["past_days"], values)
        rows = await cursor.fetchall()
    for channel, obis, first, end, day, intervals, exponent, total, counts, extremes in rows:
        key = PastDays(PointChannelId(channel), Obis(bytes(obis)), DayRange(first, end))
        summary = DaySummary.kept(int(total), counts, bytes(extremes))
        days_of[key].append(PastDay(day, intervals, exponent, summary))
    return days_of
