"""Suppressed days on PostgreSQL; the statements: `suppressions.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import change
from central.domain.billing.suppression import (
    CannotLiftError,
    Suppression,
    already_proposed,
    billed_since,
    check_other,
    check_suppressible,
)
from central.domain.rating.inputs.segments import DayRange
from central.domain.uuid7 import uuid7
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.suppressions import OccupiedService

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class TimescaleSuppressions:
    """`SuppressionStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def suppress(self, occupied: OccupiedService, until: date, note: DecisionNote) -> UUID:
        """See `SuppressionStore`."""
        uid = uuid7(note.at)
        written = {"actor": note.actor.key, "at": note.at, "reason": note.reason, "uid": uid}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                row = await _unclaimed(connection, occupied)
                name = f"{occupied.account} at {occupied.point}"
                days = check_suppressible(
                    name, row[1], until, row[2], row[5], note.at.astimezone(UTC).date()
                )
                values = {"occupancy": row[0], "first": days.first, "until": days.end}
                if waiting := await _rows(connection, "waits", occupancy=row[0]):
                    raise already_proposed(name, waiting[0][0])
                await connection.execute(_SQL["add"], {**values, **written})
                fields = {**occupied._asdict(), "first": days.first.isoformat()}
                detail = change(None, {**fields, "end": days.end.isoformat()}, note.reason)
                action = "bill.suppression_proposed"
                await audit(connection, note.at, note.actor, action, str(uid), detail)
        return uid

    async def approve(self, uid: UUID, approver: Actor, at: datetime) -> bool:
        """See `SuppressionStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, at)
                rows = await _rows(connection, "held", uid=uid)
                if not rows or not rows[0][3]:
                    return False
                ((occupancy, first, until, _, account, point, proposed_by),) = rows
                check_other(proposed_by, approver)
                name = f"{account} at {point}"
                unclaimed = await _rows(connection, "unclaimed", occupancies=[occupancy])
                if not unclaimed or unclaimed[0][1] != first:
                    raise billed_since(name, first)
                row = unclaimed[0]
                check_suppressible(name, first, until, row[2], row[5], at.astimezone(UTC).date())
                values = {
                    "occupancy": occupancy,
                    "first": first,
                    "until": until,
                    "part": row[3],
                    "opening": None if row[4] is None else Jsonb(row[4]),
                }
                await connection.execute(_SQL["claim"], values)
                decided = {"uid": uid, "actor": approver.key, "at": at}
                await connection.execute(_SQL["approve"], decided)
                days = {"first": first.isoformat(), "end": until.isoformat()}
                action = "bill.period_suppressed"
                await audit(connection, at, approver, action, str(uid), change(None, days))
                return True

    async def lift(self, uid: UUID, note: DecisionNote) -> bool:
        """See `SuppressionStore`."""
        written = {"actor": note.actor.key, "at": note.at, "reason": note.reason, "uid": uid}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                rows = await _rows(connection, "held", uid=uid)
                if not rows:
                    return False
                ((occupancy, first, until, waits, *_),) = rows
                days = {"occupancy": occupancy, "until": until}
                if not waits and await _rows(connection, "behind", **days):
                    message = f"Days from {until} on are billed or suppressed behind it."
                    raise CannotLiftError(message, value=str(uid))
                if not waits:
                    await connection.execute(_SQL["unclaim"], days)
                await connection.execute(_SQL["lift"], written)
                held = {"first": first.isoformat(), "end": until.isoformat()}
                detail = change(held, None, note.reason)
                action = "bill.suppression_lifted"
                await audit(connection, note.at, note.actor, action, str(uid), detail)
                return True

    async def suppressions(self, account: str | None) -> Sequence[Suppression]:
        """See `SuppressionStore`."""
        with translated():
            async with self._pool.connection() as connection:
                rows = await _rows(connection, "suppressions", account=account)
        return [_suppression(row) for row in rows]


def _suppression(row: _Row) -> Suppression:
    uid, account, point, service, first, end, *decided = row
    return Suppression(uid, account, point, service, DayRange(first, end), *decided)


async def _unclaimed(connection: AsyncConnection[_Row], occupied: OccupiedService) -> _Row:
    held = await _rows(connection, "hold", **occupied._asdict())
    rows = await _rows(connection, "unclaimed", occupancies=[row[0] for row in held])
    if len(rows) != 1:
        which = "no days" if not rows else "several services with days"
        message = f"{occupied.account} has {which} to be billed at {occupied.point}."
        raise NotRegisteredError(message, value=occupied.point)
    return rows[0]


async def _rows(
    connection: AsyncConnection[_Row], statement: str, /, **values: object
) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
