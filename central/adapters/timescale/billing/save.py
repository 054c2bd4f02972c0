"""A shard of bills into the store, in a handful of statements whatever its size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection

from central.adapters.timescale.billing import stamps
from central.adapters.timescale.billing.account_state import SQL as OWN
from central.adapters.timescale.billing.account_state import OwnRow, rows_of
from central.adapters.timescale.billing.adjustments import CarryingBill, carry
from central.adapters.timescale.billing.claims import OpenRow, ShardClaims
from central.adapters.timescale.billing.entries import ConsumingPart, consume
from central.adapters.timescale.billing.lines import add_lines, numbered
from central.adapters.timescale.billing.state_text import state_text
from central.adapters.timescale.queries import load_queries
from central.domain.billing.bill import CanonicalText
from central.domain.billing.part_use import PartUse
from central.domain.rating.hashing import canonical
from central.domain.uuid7 import uuid7
from central.service.ports.bill_shard import NewBill, NewPart, RunRecord

_Row = tuple[Any, ...]
SQL = load_queries(Path(__file__).with_suffix(".sql"))


class _PartText(NamedTuple):
    """A part with its closing state as text, and the hashes of the state at both ends."""

    key: tuple[int, date]
    agreement_id: int
    end: date
    opening_sha256: bytes
    closing_sha256: bytes
    closing: str
    settles: bool

    @classmethod
    def of(cls, part: NewPart) -> _PartText:
        _, opening_sha256 = state_text(part.opening)
        closing, closing_sha256 = state_text(part.closing)
        return cls(
            (part.occupancy_id, part.days.first),
            part.agreement_id,
            part.days.end,
            opening_sha256,
            closing_sha256,
            closing,
            part.settles,
        )


# The stamp of a part of which nobody knows it; such a one is always compared.
_UNKNOWN = (*((None,) * 6), "{}", "{}", None, None, None, None)


@dataclass(frozen=True, slots=True)
class _BillText:
    """A bill with its text.

    Args:
        new: The bill.
        text: What it says.
        sha256: Its hash; None where it could not be rated.
        parts: What it is made of.
        shared: What it hands on of the account's own, with the closing states as they are kept.
    """

    new: NewBill
    text: CanonicalText
    sha256: bytes | None
    parts: tuple[_PartText, ...]
    shared: tuple[tuple[OwnRow, str], ...]

    @classmethod
    def of(cls, new: NewBill, part_ids: Mapping[tuple[int, date], int]) -> _BillText:
        text = new.bill.canonical_text()
        sha256 = bytes.fromhex(text.sha256) if new.bill.lines else None
        shared = tuple(rows_of(new, part_ids))
        return cls(new, text, sha256, tuple(map(_PartText.of, new.parts)), shared)

    def replaces(self, there: OpenRow) -> bool:
        """Whether an open bill is to become this one."""
        if there.sha256 != self.sha256:
            return True
        if self.sha256 is None and there.document != json.loads(self.text.document):
            return True
        if (
            there.state != self.new.bill.state.value
            or {row for row, _ in self.shared} != there.shared
        ):
            return True
        states = {
            key: (ends.opening_sha256, ends.closing_sha256) for key, ends in there.parts.items()
        }
        return states != {
            ends.key: (ends.opening_sha256, ends.closing_sha256) for ends in self.parts
        }


class ShardWriter:
    """Writes the bills of one shard.

    Args:
        connection: In the shard's transaction.
        run: The run.
        claims: Of the shard.
        creator: Key of who makes the bills, or runs them again.
        at: Now.
    """

    def __init__(
        self,
        connection: AsyncConnection[_Row],
        run: RunRecord,
        claims: ShardClaims,
        creator: str,
        at: datetime,
    ) -> None:
        self._connection = connection
        self._run = run
        self._claims = claims
        self._creator = creator
        self._at = at
        # As text, since a list is looked through for every bill.
        self._contributors = '{{"{}"}}'.format(creator.replace("\\", "\\\\").replace('"', '\\"'))

    async def write(self, bills: Sequence[NewBill]) -> int:
        """Add new bills and replace those that may be; see `ShardTransaction.save`."""
        idle = [new.plan for new in bills if not new.bill.lines and not new.bill.holds]
        if idle:
            await self._claims.drop(idle, self._at)
            bills = [new for new in bills if new.bill.lines or new.bill.holds]
        texts = [_BillText.of(draft, self._claims.part_ids) for draft in bills]
        fresh = [draft for draft in texts if draft.new.plan.bill_id is None]
        again = [
            (key, draft)
            for draft in texts
            if (key := draft.new.plan.bill_id) is not None
            and draft.replaces(self._claims.rows[key])
        ]
        await self._run_again([draft.new for draft in texts if self._stays(draft)])
        added = list(zip(await self._next_ids(len(fresh)), fresh, strict=True))
        await self._copy(SQL["add_bills"], (self._bill(key, draft) for key, draft in added))
        await self._change(again)
        written = [*added, *again]
        await add_lines(
            self._connection,
            ((key, numbered(draft.new.bill, draft.text)) for key, draft in written),
        )
        await self._copy(
            SQL["add_parts"], (row for key, draft in written for row in self._parts(key, draft))
        )
        if any(draft.shared for _, draft in written):
            await self._copy(
                OWN["add"], (row for key, draft in written for row in _shared_rows(key, draft))
            )
        await self._consume(texts, added)
        return len(written)

    async def _consume(
        self, texts: Sequence[_BillText], added: Sequence[tuple[int, _BillText]]
    ) -> None:
        """Note what bills consume, also where they say the same as before."""
        keys = {id(draft): key for key, draft in added}
        parts = [
            ConsumingPart(
                self._claims.part_ids[consumer.occupancy_id, consumer.days.first],
                draft.new.plan.bill_id or keys[id(draft)],
                consumer.entries,
                consumer.money,
            )
            for draft in texts
            for consumer in draft.new.parts
        ]
        replaced = len(added) < len(texts)
        await consume(self._connection, parts, replaced=replaced)
        carried = [
            CarryingBill(
                draft.new.plan.bill_id or keys[id(draft)],
                len(draft.new.bill.lines),
                draft.new.adjustments,
            )
            for draft in texts
        ]
        await carry(self._connection, carried, replaced=replaced)

    async def _run_again(self, bills: Sequence[NewBill]) -> None:
        """Note newer revisions, and who ran them, in drafts that say the same as before."""
        if bills:
            await stamps.refresh(self._connection, bills)
            keys = [bill.plan.bill_id for bill in bills]
            values = {"bills": keys, "creator": self._creator, "release": self._run.release}
            await self._connection.execute(SQL["run_again"], values)

    def _stays(self, text: _BillText) -> bool:
        """Whether it is a draft that is there and says the same."""
        key = text.new.plan.bill_id
        there = None if key is None else self._claims.rows[key]
        return there is not None and there.state == "draft" and not text.replaces(there)

    def _parts(self, key: int, draft: _BillText) -> Iterator[Sequence[object]]:
        brought = zip(draft.parts, draft.new.parts, draft.new.line_numbers(), strict=True)
        for part, new, (first, end) in brought:
            stamp = draft.new.stamps.get(part.agreement_id)
            part_id = self._claims.part_ids[part.key]
            yield (
                part_id,
                key,
                part.key[0],
                part.agreement_id,
                part.key[1],
                part.end,
                self._claims.state_from.get(part.key),
                part.opening_sha256,
                part.closing_sha256,
                part.closing,
                part.settles,
                f"[{first},{end})",
                self._claims.replaced.get(part_id),
                *(_UNKNOWN if stamp is None else stamps.stamp_columns(stamp, new.days).values()),
                *_use_columns(new.use),
            )

    async def add_content(self, key: int, new: NewBill) -> None:
        """Add lines, parts and what they did to banks of a bill that is there and consumes nothing.

        Args:
            key: Of the bill.
            new: What it says.
        """
        draft = _BillText.of(new, self._claims.part_ids)
        await add_lines(self._connection, [(key, numbered(new.bill, draft.text))])
        await self._copy(SQL["add_parts"], self._parts(key, draft))
        await self._copy(OWN["add"], _shared_rows(key, draft))
        parts = [
            ConsumingPart(self._claims.part_ids[ends.key], key, (), brought.money)
            for ends, brought in zip(draft.parts, new.parts, strict=True)
        ]
        await consume(self._connection, parts, replaced=False)

    async def _next_ids(self, count: int) -> list[int]:
        cursor = await self._connection.execute(SQL["next_ids"], {"count": count})
        return [row[0] for row in await cursor.fetchall()]

    async def _copy(self, statement: LiteralString, rows: Iterable[Sequence[object]]) -> None:
        async with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)

    async def _change(self, again: Sequence[tuple[int, _BillText]]) -> None:
        if not again:
            return
        keys = [key for key, _ in again]
        await self._connection.execute(SQL["drop_lines"], {"bills": keys})
        await self._connection.execute(SQL["drop_parts"], {"bills": keys})
        await self._connection.execute(OWN["drop"], {"bills": keys})
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                SQL["change_bill"],
                [{"id": key, **self._content(draft)} for key, draft in again],
            )

    def _bill(self, key: int, draft: _BillText) -> Sequence[object]:
        bill = draft.new.bill
        content = self._content(draft)
        return (
            key,
            uuid7(self._at),
            self._run.id,
            draft.new.account_id,
            str(bill.period),
            bill.run_type.value,
            *(content[name] for name in _CONTENT),
        )

    def _content(self, draft: _BillText) -> dict[str, object]:
        bill, priced = draft.new.bill, draft.sha256 is not None
        replaced = draft.new.plan.replaces
        return {
            "revision": bill.revision,
            "state": bill.state.value,
            "holds": canonical([hold.to_json() for hold in bill.holds]),
            "first_day": bill.days.first,
            "end_day": bill.days.end,
            "currency": bill.currency if priced else None,
            "total": bill.amounts.total if priced else None,
            "kwh": draft.new.kwh,
            "validated_kwh": draft.new.validated_kwh,
            "sha256": draft.sha256,
            "document": draft.text.document,
            "creator": self._creator,
            "made_at": self._at,
            "contributors": self._contributors,
            "release": self._run.release or None,
            "replaces": None if replaced is None else replaced.id,
        }


# The columns of `add_bills` after the key, in its order.
_CONTENT = (
    *("revision", "state", "holds", "first_day", "end_day", "currency", "total", "kwh"),
    "validated_kwh",
    *("sha256", "document", "creator", "made_at", "contributors", "release", "replaces"),
)


def _use_columns(use: PartUse | None) -> Sequence[object]:
    if use is None or use.used is None:
        return None, None, None, None
    return use.used, use.unit, use.intervals, use.estimated


def _shared_rows(key: int, draft: _BillText) -> Iterator[Sequence[object]]:
    for row, closing in draft.shared:
        hashes = row.opening_sha256, row.closing_sha256
        yield row.part_id, key, draft.new.account_id, row.position, row.state_from, *hashes, closing
