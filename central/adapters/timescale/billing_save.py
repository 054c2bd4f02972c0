"""A shard of bills into the store, in a handful of statements whatever its size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from central.adapters.timescale.billing_load import SQL
from central.domain.billing.bill import Bill
from central.service.identity import uuid7
from central.service.ports.billing import NewBill, RunRecord

_Row = tuple[Any, ...]
_OPEN = ("held", "draft")


def document_of(bill: Bill) -> dict[str, Any]:
    """All that a bill says but its lines and its state."""
    said = bill.to_json()
    del said["lines"], said["state"]
    return said


class ShardWriter:
    """Writes the bills of one shard.

    Args:
        connection: In the shard's transaction.
        run: The run.
        creator: Who answers for the bills.
        at: Now.
    """

    def __init__(
        self, connection: AsyncConnection[_Row], run: RunRecord, creator: str, at: datetime
    ) -> None:
        self._connection = connection
        self._run = run
        self._creator = creator
        self._at = at

    async def write(self, bills: Sequence[NewBill]) -> int:
        """Add new bills and replace those that may be; see `ShardTransaction.save`."""
        there = await self._existing([one.account_id for one in bills])
        fresh = [one for one in bills if one.account_id not in there]
        again = [
            (there[one.account_id][1], one)
            for one in bills
            if one.account_id in there and _replaces(one, there[one.account_id])
        ]
        ids = await self._next_ids(len(fresh))
        await self._copy(
            "add_bills", (self._bill(key, one) for key, one in zip(ids, fresh, strict=True))
        )
        await self._change(again)
        written = [*zip(ids, fresh, strict=True), *again]
        await self._copy("add_lines", (row for key, one in written for row in _lines(key, one)))
        await self._copy("add_parts", (row for key, one in written for row in _parts(key, one)))
        return len(written)

    async def _existing(self, accounts: list[int]) -> dict[int, _Row]:
        cursor = await self._connection.execute(
            SQL["existing"],
            {
                "accounts": accounts,
                "cycle": str(self._run.cycle),
                "run_type": self._run.run_type.value,
            },
        )
        return {row[0]: row for row in await cursor.fetchall()}

    async def _next_ids(self, count: int) -> list[int]:
        cursor = await self._connection.execute(SQL["next_ids"], {"count": count})
        return [row[0] for row in await cursor.fetchall()]

    async def _copy(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        async with self._connection.cursor() as cursor, cursor.copy(SQL[statement]) as copy:
            for row in rows:
                await copy.write_row(row)

    async def _change(self, again: Sequence[tuple[int, NewBill]]) -> None:
        if not again:
            return
        keys = [key for key, _ in again]
        await self._connection.execute(SQL["drop_lines"], {"bills": keys})
        await self._connection.execute(SQL["drop_parts"], {"bills": keys})
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                SQL["change_bill"],
                [{"id": key, **self._content(one, Jsonb, Jsonb)} for key, one in again],
            )

    def _bill(self, key: int, one: NewBill) -> Sequence[object]:
        content = self._content(one, _json, _json)
        return (
            key,
            uuid7(self._at),
            self._run.id,
            one.account_id,
            str(one.bill.cycle),
            one.bill.run_type.value,
            one.bill.revision,
            content["state"],
            content["holds"],
            content["first_day"],
            content["end_day"],
            content["currency"],
            content["total"],
            content["kwh"],
            content["validated_kwh"],
            content["sha256"],
            content["document"],
            content["creator"],
            content["made_at"],
        )

    def _content(self, one: NewBill, holds: Any, document: Any) -> dict[str, Any]:  # noqa: ANN401 - wraps JSON for COPY or for a parameter
        bill = one.bill
        priced = bool(bill.lines)
        return {
            "state": bill.state.value,
            "holds": holds([hold.to_json() for hold in bill.holds]),
            "first_day": bill.days.first,
            "end_day": bill.days.end,
            "currency": bill.currency if priced else None,
            "total": bill.total if priced else None,
            "kwh": one.kwh,
            "validated_kwh": one.validated_kwh,
            "sha256": bytes.fromhex(bill.sha256) if priced else None,
            "document": document(document_of(bill)),
            "creator": self._creator,
            "made_at": self._at,
        }


def _replaces(one: NewBill, there: _Row) -> bool:
    if there[3] not in _OPEN:
        return False
    same = there[4] is not None and one.bill.lines and bytes(there[4]).hex() == one.bill.sha256
    return not (same and there[3] == one.bill.state.value)


def _lines(key: int, one: NewBill) -> Iterable[Sequence[object]]:
    for entry in one.bill.lines:
        line = entry.line
        yield (
            key,
            entry.position,
            entry.service_point,
            line.id,
            line.kind,
            line.name,
            line.label,
            line.quantity,
            line.unit,
            line.price,
            line.amount,
            _json(line.to_json()),
        )


def _parts(key: int, one: NewBill) -> Iterable[Sequence[object]]:
    for agreement, days, state in one.closing:
        yield (key, agreement, days.first, days.end, _json(state.to_json()))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
