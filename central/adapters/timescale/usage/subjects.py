"""To whom usage events belong, on PostgreSQL; the statements are in `subjects.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.inputs import ChangedInputs, hold_inputs
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.service.ports.decisions import DecisionNote
from central.service.ports.registry import NotRegisteredError
from central.service.ports.usage_events import SubjectAssignment
from firmware_bridge.contract.interval import MIDNIGHT

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class SubjectRows:
    """`SubjectTransaction` on one connection.

    Args:
        connection: In a transaction.
        name: Of the subject.
        key: Of the subject.
        note: Who says something of it, and why.
    """

    def __init__(self, connection: _Connection, name: str, key: int, note: DecisionNote) -> None:
        self._connection = connection
        self._name = name
        self._key = key
        self._note = note
        self._is_changed = False
        self.changed = ChangedInputs()

    async def hold(self) -> None:
        """Keep others from saying something of subjects until the transaction ends."""
        await self._connection.execute(_SQL["hold"])

    async def history(self) -> tuple[SubjectAssignment, ...]:
        """See `SubjectTransaction`."""
        return await subject_history(self._connection, self._name)

    async def zone_of(self, point: str) -> tuple[str, time]:
        """See `SubjectTransaction`."""
        cursor = await self._connection.execute(_SQL["point"], {"point": point})
        row = await cursor.fetchone()
        if row is None:
            message = f"The registry has no service point {point!r}."
            raise NotRegisteredError(message, value=point)
        return row[0], row[1] or MIDNIGHT

    async def add(
        self, assignment: SubjectAssignment, from_at: datetime, detail: Mapping[str, Any]
    ) -> None:
        """See `SubjectTransaction`."""
        note = self._note
        cursor = await self._connection.execute(_SQL["points"], {"key": self._key})
        points = {row[0] for row in await cursor.fetchall()} | ({assignment.point} - {""})
        await hold_inputs(self._connection, points, ())
        values = {
            "key": self._key,
            "from_day": assignment.from_day,
            "revision": assignment.revision,
            "point": assignment.point or None,
            "from_at": from_at,
            "withdrawn": assignment.withdrawn,
            "at": note.at,
            "actor": note.actor.key,
            "reason": note.reason or None,
        }
        await self._connection.execute(_SQL["add"], values)
        self.changed.points |= points
        self._is_changed = True
        await audit(self._connection, note.at, note.actor, "subject.assigned", self._name, detail)

    async def settle(self) -> None:
        """Have it wait, or wait no more, once all is said that this transaction says of it."""
        if self._is_changed:
            values = {"key": self._key, "at": self._note.at}
            for statement in ("wait_no_more", "wait"):
                await self._connection.execute(_SQL[statement], values)

    async def dismiss(self) -> int | None:
        """See `SubjectTransaction`."""
        note = self._note
        values = {
            "key": self._key,
            "at": note.at,
            "actor": note.actor.key,
            "reason": note.reason,
        }
        cursor = await self._connection.execute(_SQL["dismiss"], values)
        row = await cursor.fetchone()
        if row is None:
            return None
        count = int(row[0])
        detail = change({"waiting": count}, {"waiting": 0}, note.reason)
        await audit(self._connection, note.at, note.actor, "subject.dismissed", self._name, detail)
        return count


async def subject_history(
    connection: _Connection,
    subject: str | None,
    behind: tuple[str, date, int] | None = None,
    limit: int | None = None,
    since: datetime | None = None,
) -> tuple[SubjectAssignment, ...]:
    """What was said of a subject, or of all; by subject, day and revision."""
    name, day, revision = behind or (None, None, None)
    values = {
        "subject": subject,
        "behind_name": name,
        "behind_day": day,
        "behind_revision": revision,
        "limit": limit,
        "since": since,
    }
    cursor = await connection.execute(_SQL["history"], values)
    return tuple(SubjectAssignment(*row) for row in await cursor.fetchall())
