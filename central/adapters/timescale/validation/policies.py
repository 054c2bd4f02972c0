"""Policies of validation and storms on PostgreSQL; the statements are in `policies.sql`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection, errors

from central.adapters.timescale.class_policies import (
    OF_DAYS,
    TimescaleClassPolicies,
    log,
    noted,
    rows_of,
)
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.policies_in_force import GroupDays, PoliciesInForce, PolicyVersion, Storm
from central.domain.vee.policy_document import VEE_SCHEMA
from central.service.ports.decisions import DecisionNote
from central.service.ports.validation import PointChannelId

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_BESIDE = timedelta(days=2)
"""How far a local day may lie from the same one of UTC, and more."""


class TimescalePolicies(TimescaleClassPolicies):
    """`PolicyStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, OF_DAYS, VEE_SCHEMA)

    async def storms(self) -> Sequence[Storm]:
        """See `PolicyStore`."""
        return [_storm(row) for row in await self._read(_SQL, "storms")]

    async def add_storm(
        self,
        group: str,
        span: tuple[datetime, datetime | None],
        rules: Sequence[str],
        note: DecisionNote,
    ) -> int | None:
        """See `PolicyStore`."""
        values = {"group": group, "from_at": span[0], "until_at": span[1], "rules": [*rules]}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                rows = await rows_of(connection, _SQL, "add_storm", **values, **noted(note))
                if not rows:
                    return None
                storm = int(rows[0][0])
                await _queue(connection, storm, span[0], min(span[1] or note.at, note.at))
                new = {"group": group, "from": span[0], "until": span[1], "rules": [*rules]}
                await log(connection, note, "vee.storm_started", f"storm {storm}", None, new)
                return storm

    async def end_storm(self, storm: int, end: datetime, note: DecisionNote) -> bool:
        """See `PolicyStore`."""
        while True:
            try:
                with translated():
                    async with self._pool.connection() as connection, connection.transaction():
                        await record_at(connection, note.at)
                        return await _end_storm(connection, storm, end, note)
            except errors.UniqueViolation:  # somebody ended it meanwhile
                continue

    async def channels_of(
        self, group: str | None, days: DayRange, after: PointChannelId, limit: int
    ) -> Sequence[PointChannelId]:
        """See `PolicyStore`."""
        values = {"group": group, "after": after, "limit": limit}
        span = {"first": days.first, "last": days.last}
        return [
            PointChannelId(row[0])
            for row in await self._read(_SQL, "channels_of", **values, **span)
        ]


async def read_policies(
    connection: AsyncConnection[_Row], channels: Collection[PointChannelId], days: DayRange
) -> PoliciesInForce:
    """What judges some channels on some days.

    Args:
        connection: Where to ask.
        channels: Which.
        days: Local days of any zone.
    """
    start, end = (
        datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00")
        for day in (days.first - _BESIDE, days.end + _BESIDE)
    )
    rows = await rows_of(connection, _SQL, "in_force", last=days.last, from_at=start, until_at=end)
    if not rows:
        return PoliciesInForce()
    versions = [
        PolicyVersion(row[0], row[1], row[2], VEE_SCHEMA.of(row[3]))
        for row in rows
        if row[1] is not None
    ]
    storms = [_storm((row[4], row[0], *row[5:])) for row in rows if row[4] is not None]
    names = sorted({row[0] for row in rows})
    groups: dict[int, list[GroupDays]] = {}
    for row in await rows_of(connection, _SQL, "groups_of", ids=sorted(channels), names=names):
        groups.setdefault(row[0], []).append(GroupDays(*row[1:]))
    return PoliciesInForce(versions, storms, groups)


async def _end_storm(
    connection: AsyncConnection[_Row], storm: int, end: datetime, note: DecisionNote
) -> bool:
    rows = await rows_of(connection, _SQL, "storm", storm=storm)
    if not rows or rows[0][1] >= end:
        return False
    _, _, before, revision = rows[0]
    values = {"storm": storm, "revision": revision + 1, "until_at": end}
    await connection.execute(_SQL["end_storm"], {**values, **noted(note)})
    first, last = sorted((end, before or note.at))
    await _queue(connection, storm, first, min(last, note.at))
    old, new = {"until": before}, {"until": end}
    await log(connection, note, "vee.storm_ended", f"storm {storm}", old, new)
    return True


def _storm(row: _Row) -> Storm:
    key, group, start, end, rules, reason = row
    return Storm(key, group, start, end, frozenset(rules), reason)


async def _queue(
    connection: AsyncConnection[_Row], storm: int, start: datetime, end: datetime
) -> None:
    """Have the days of a storm's points validated again, as far as they are over."""
    if start < end:
        values = {"storm": storm, "from_at": start, "until_at": end}
        await connection.execute(_SQL["queue_storm"], values)
