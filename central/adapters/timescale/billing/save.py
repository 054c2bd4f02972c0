"""A shard of bills into the store, in a handful of statements whatever its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from central.adapters.timescale.billing import stamps
from central.adapters.timescale.billing.load import SQL
from central.domain.billing.bill import CanonicalText
from central.domain.rating.hashing import canonical
from central.domain.uuid7 import uuid7
from central.service.ports.billing import NewBill, RunRecord

_Row = tuple[Any, ...]
_DRAFT = "draft"
_OPEN = ("held", _DRAFT)


@dataclass(frozen=True, slots=True)
class _BillText:
    """A bill with its text.

    Args:
        new: The bill.
        text: What it says.
        sha256: Its hash; None where it could not be rated.
    """

    new: NewBill
    text: CanonicalText
    sha256: bytes | None

    @classmethod
    def of(cls, new: NewBill) -> _BillText:
        text = new.bill.canonical_text()
        return cls(new, text, bytes.fromhex(text.sha256) if new.bill.lines else None)

    def replaces(self, there: _Row) -> bool:
        """Whether a row of `existing` is to become this bill."""
        if there[3] not in _OPEN:
            return False
        same = self.sha256 is not None and there[4] == self.sha256
        return not (same and there[3] == self.new.bill.state.value)

    def stays(self, there: Mapping[int, _Row]) -> bool:
        """Whether it is a draft that is there and says the same."""
        row = there.get(self.new.account_id)
        return row is not None and row[3] == _DRAFT and not self.replaces(row)


class ShardWriter:
    """Writes the bills of one shard.

    Args:
        connection: In the shard's transaction.
        run: The run.
        creator: Key of who makes the bills, or runs them again.
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
        texts = [_BillText.of(one) for one in bills]
        fresh = [one for one in texts if one.new.account_id not in there]
        again = [
            (int(there[one.new.account_id][1]), one)
            for one in texts
            if one.new.account_id in there and one.replaces(there[one.new.account_id])
        ]
        await self._run_again([one.new for one in texts if one.stays(there)], there)
        added = list(zip(await self._next_ids(len(fresh)), fresh, strict=True))
        await self._copy("add_bills", (self._bill(key, one) for key, one in added))
        await self._change(again)
        written = [*added, *again]
        await self._copy("add_lines", (row for key, one in written for row in _lines(key, one)))
        await self._copy("add_parts", (row for key, one in written for row in _parts(key, one)))
        return len(written)

    async def _run_again(self, bills: Sequence[NewBill], there: Mapping[int, _Row]) -> None:
        """Note newer revisions, and who ran them, in drafts that say the same as before."""
        if bills:
            await stamps.refresh(self._connection, bills)
            keys = [there[bill.account_id][1] for bill in bills]
            values = {"bills": keys, "creator": self._creator}
            await self._connection.execute(SQL["run_again"], values)

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

    async def _change(self, again: Sequence[tuple[int, _BillText]]) -> None:
        if not again:
            return
        keys = [key for key, _ in again]
        await self._connection.execute(SQL["drop_lines"], {"bills": keys})
        await self._connection.execute(SQL["drop_parts"], {"bills": keys})
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                SQL["change_bill"], [{"id": key, **self._content(one)} for key, one in again]
            )

    def _bill(self, key: int, one: _BillText) -> Sequence[object]:
        bill = one.new.bill
        content = self._content(one)
        return (
            key,
            uuid7(self._at),
            self._run.id,
            one.new.account_id,
            str(bill.period),
            bill.run_type.value,
            bill.revision,
            *(content[name] for name in _CONTENT),
        )

    def _content(self, one: _BillText) -> dict[str, object]:
        bill, priced = one.new.bill, one.sha256 is not None
        return {
            "state": bill.state.value,
            "holds": canonical([hold.to_json() for hold in bill.holds]),
            "first_day": bill.days.first,
            "end_day": bill.days.end,
            "currency": bill.currency if priced else None,
            "total": bill.total if priced else None,
            "kwh": one.new.kwh,
            "validated_kwh": one.new.validated_kwh,
            "sha256": one.sha256,
            "document": one.text.document,
            "creator": self._creator,
            "made_at": self._at,
            "contributors": [self._creator],
        }


# The columns of `add_bills` after the key, in its order.
_CONTENT = (
    *("state", "holds", "first_day", "end_day", "currency", "total", "kwh", "validated_kwh"),
    *("sha256", "document", "creator", "made_at", "contributors"),
)


def _lines(key: int, one: _BillText) -> Iterator[Sequence[object]]:
    for entry, said in zip(one.new.bill.lines, one.text.lines, strict=True):
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
            said,
        )


def _parts(key: int, one: _BillText) -> Iterator[Sequence[object]]:
    for agreement, days, state in one.new.closing:
        stamp = one.new.stamps.get(agreement)
        yield (
            key,
            agreement,
            days.first,
            days.end,
            canonical(state.to_json()),
            *((None,) * 5 if stamp is None else stamps.stamp_columns(stamp).values()),
        )
