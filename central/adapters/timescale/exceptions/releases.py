"""Held bills that are released, on PostgreSQL; the statements are in `releases.sql`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.stored_bill import read_bill
from central.adapters.timescale.class_policies import rows_of
from central.adapters.timescale.errors import translated
from central.adapters.timescale.knowledge import record_at
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.audit.change import change
from central.domain.billing.bill import Bill
from central.domain.billing.state import BillState
from central.domain.rating.hashing import canonical
from central.service.billing.check_bills import content_sha256
from central.service.ports.bill_releases import ReleasedBill
from central.service.ports.exception_notes import ActionNote

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]


class TimescaleBillReleases:
    """`BillReleaseStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def release(
        self, uid: UUID, codes: Collection[str], answer: ActionNote
    ) -> ReleasedBill | None:
        """See `BillReleaseStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                await record_at(connection, answer.note.at)
                return await release(connection, uid, codes, answer)


async def release(
    connection: AsyncConnection[_Row], uid: UUID, codes: Collection[str], answer: ActionNote
) -> ReleasedBill | None:
    """See `BillReleaseStore`; in a transaction that is open."""
    if not await rows_of(connection, _SQL, "hold", uid=uid):
        return None
    record = await read_bill(connection, uid)
    if record is None or not record.bill.lines:
        return None
    bill = record.bill
    named = tuple(dict.fromkeys(hold.code for hold in bill.holds if hold.code in codes))
    if not named:
        return None
    left = tuple(hold for hold in bill.holds if hold.code not in named)
    content = bytes.fromhex(content_sha256(bill))
    for code in named:
        values = {"bill": record.id, "code": code, "content": content, **answer.columns}
        await connection.execute(_SQL["add"], values)
    state = BillState.HELD if left else BillState.DRAFT
    await _change(connection, record.id, replace(bill, holds=left, state=state))
    detail = change(
        {"holds": [hold.code for hold in bill.holds]},
        {"holds": [hold.code for hold in left], "reason_code": answer.code.value},
        answer.note.reason,
    )
    await audit(
        connection, answer.note.at, answer.note.actor, "bill.hold_released", str(uid), detail
    )
    return ReleasedBill(uid, named, tuple(dict.fromkeys(hold.code for hold in left)))


async def _change(connection: AsyncConnection[_Row], key: int, bill: Bill) -> None:
    text = bill.canonical_text()
    values = {
        "bill": key,
        "state": bill.state.value,
        "holds": canonical([hold.to_json() for hold in bill.holds]),
        "sha256": bytes.fromhex(text.sha256),
        "document": text.document,
    }
    await connection.execute(_SQL["change"], values)
