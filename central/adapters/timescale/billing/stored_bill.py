"""A bill as it is kept, read whole; the statements are in `stored_bill.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill import Bill
from central.domain.billing.issue import IssueFacts
from central.service.ports.billing import BillRecord

_Row = tuple[Any, ...]
_SQL = load_queries(Path(__file__).with_suffix(".sql"))


async def read_bill(connection: AsyncConnection[_Row], uid: UUID) -> BillRecord | None:
    """A bill with its lines; None where there is none."""
    cursor = await connection.execute(_SQL["bill"], {"uid": uid})
    row = await cursor.fetchone()
    if row is None:
        return None
    lines = await connection.execute(_SQL["lines"], {"bill": row[0]})
    return _record(row, await lines.fetchall())


def _record(row: _Row, lines: Sequence[_Row]) -> BillRecord:
    said = {"cycle": row[17], "currency": row[18], **row[3]}
    said["state"] = row[4]
    said["lines"] = [
        {"position": line[0], "service_point": line[1], "line": line[2]} for line in lines
    ]
    return BillRecord(
        id=row[0],
        uid=row[1],
        run=row[2],
        bill=Bill.from_json(said),
        sha256=None if row[5] is None else bytes(row[5]).hex(),
        kwh=row[6],
        creator=row[7],
        made_at=row[8],
        approver=row[9],
        issued_at=row[10],
        series=row[11],
        legal_number=row[12],
        issue=None if row[13] is None else IssueFacts.from_json(row[13]),
        content_sha256=None if row[14] is None else bytes(row[14]).hex(),
        contributors=tuple(row[15]),
        decision=row[16],
    )
