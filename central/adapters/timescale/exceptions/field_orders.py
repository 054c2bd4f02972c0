"""Field orders on PostgreSQL; the statements are in `field_orders.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.uuid7 import uuid7
from central.service.ports.exception_notes import ActionNote
from central.service.ports.exceptions import ExceptionKey, ExceptionKind
from central.service.ports.field_orders import FieldOrder, OrderedMeter

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_POINT_OF = {
    ExceptionKind.FINDING: "point_of_finding",
    ExceptionKind.BILL: "point_of_bill",
    ExceptionKind.CONFLICT: "point_of_conflict",
}


class TimescaleFieldOrders:
    """`FieldOrderStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def order(self, key: ExceptionKey, due_on: date, answer: ActionNote) -> UUID | None:
        """See `FieldOrderStore`."""
        note, uid = answer.note, uuid7(answer.note.at)
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, note.at)
                points = await rows_of(connection, _SQL, _POINT_OF[key.kind], number=key.number)
                if not points:
                    return None
                named = {"uid": uid, "kind": key.kind.value, "number": key.number}
                values = {**named, "point": points[0][0], "due_on": due_on, **answer.columns}
                await connection.execute(_SQL["add"], values)
                new = {
                    "exception": str(key),
                    "due_on": due_on.isoformat(),
                    "reason_code": answer.code.value,
                }
                detail = change(None, new, note.reason)
                await audit(connection, note.at, note.actor, "field_order.made", str(uid), detail)
        return uid

    async def orders(self, key: ExceptionKey | None, *, every: bool) -> Sequence[FieldOrder]:
        """See `FieldOrderStore`."""
        named = (None, None) if key is None else (key.kind.value, key.number)
        values = {"kind": named[0], "number": named[1], "every": every}
        with translated():
            async with self._pool.connection() as connection:
                rows = await rows_of(connection, _SQL, "orders", **values)
        return [_order(row) for row in rows]


def _order(row: _Row) -> FieldOrder:
    uid, kind, number, point, due_on, by, at, reason, meters, last, read_at = row
    listed = tuple(map(OrderedMeter, meters or (), last or ()))
    key = ExceptionKey(ExceptionKind(kind), number)
    return FieldOrder(uid, key, point, due_on, by, at, reason, listed, read_at)
