"""Operators' decisions on PostgreSQL; the statements are in `decisions.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.inputs import ChangedInputs, points_of_device
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.adapters.timescale.registry.tariffs import concerned_bills
from central.adapters.timescale.validation.point_channels import point_channel
from central.domain.audit.change import change
from central.service.ports.concerned_bills import ConcernedBills, changed_from
from central.service.ports.decisions import Choice, DecisionNote, ReadingConflict
from central.service.ports.stamps import InputKind, changed_days
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit

_SQL = load_queries(Path(__file__).with_name("decisions.sql"))
_Row = tuple[Any, ...]
_COLUMNS = ("channel_id", "at", "mantissa", "exponent", "flags", "span_ms")


class TimescaleDecisionStore:
    """`DecisionStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def conflicts(self, limit: int) -> list[ReadingConflict]:
        """See `DecisionStore`."""
        with translated():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(_SQL["conflicts"], {"limit": limit})
                return [_conflict(row) for row in await cursor.fetchall()]

    async def settle(
        self, conflict_id: int, choice: Choice, answer: DecisionNote
    ) -> dict[str, ConcernedBills] | None:
        """See `DecisionStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                return await _settle(connection, conflict_id, choice, answer)

    async def accept_report(self, finding_id: int, answer: DecisionNote) -> bool:
        """See `DecisionStore`."""
        values = {"id": finding_id, "actor": answer.actor.key, "at": answer.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                row = await (await connection.execute(_SQL["accept_report"], values)).fetchone()
                if row is not None:
                    new = {"open": False, "code": row[0], "key": row[1]}
                    detail = change({"open": True}, new, answer.reason)
                    subject = f"ingest finding {finding_id}"
                    await audit(
                        connection, answer.at, answer.actor, "finding.accepted", subject, detail
                    )
        return row is not None


async def _settle(
    connection: AsyncConnection[_Row], conflict_id: int, choice: Choice, answer: DecisionNote
) -> dict[str, ConcernedBills] | None:
    asked = {"id": conflict_id, "at": answer.at, "actor": answer.actor.key, "choice": choice.value}
    row = await (await connection.execute(_SQL["settle"], asked)).fetchone()
    if row is None:
        return None
    reading = dict(zip(_COLUMNS, row, strict=True))
    stored = await (await connection.execute(_SQL["kept"], reading)).fetchone()
    old = {"choice": None, "value": None if stored is None else _value(*stored)}
    value = _value(row[2], row[3]) if choice is Choice.REPLACE else old["value"]
    detail = change(old, {"choice": choice.value, "value": value, "at": row[1]}, answer.reason)
    subject = f"conflict {conflict_id}"
    points = await points_of_device(connection, reading["channel_id"], reading["at"])
    await ChangedInputs(points=points).raise_in(connection)
    # The database takes no revision of a reading that the log does not tell of.
    await audit(connection, answer.at, answer.actor, "conflict.decided", subject, detail)
    if choice is Choice.REPLACE:
        await connection.execute(_SQL["revise"], {**reading, "recorded_at": answer.at})
    await connection.execute(_SQL["queue_for_validation"], reading)
    return await _concerned(connection, reading) if choice is Choice.REPLACE else {}


async def _concerned(
    connection: AsyncConnection[_Row], reading: Mapping[str, Any]
) -> dict[str, ConcernedBills]:
    """The issued bills whose days another value of a reading may change, by the point."""
    cursor = await connection.execute(_SQL["counted_at"], reading)
    concerned: dict[str, ConcernedBills] = {}
    for channel in map(point_channel, await cursor.fetchall()):
        days = changed_days(channel, reading["at"])
        name = channel.point.name
        kind, first = InputKind.POINT, days.first
        bills = await concerned_bills(connection, kind, name, first, days.end)
        if bills.count:
            concerned[changed_from(kind, name, first)] = bills
    return concerned


def _value(mantissa: int, exponent: int) -> Decimal:
    return Decimal(mantissa).scaleb(exponent)


def _conflict(row: _Row) -> ReadingConflict:
    unit = Unit(row[4])
    return ReadingConflict(
        id=row[0],
        gateway=row[1],
        meter=row[2],
        obis=Obis(bytes(row[3])),
        at=row[5],
        kept=Quantity(row[6], row[7], unit),
        other=Quantity(row[8], row[9], unit),
        found_at=row[10],
    )
