"""Bills cancelled and billed anew in one decision; the statements are in `rebills.sql`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Rollback

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.billing.claims import ShardClaims
from central.adapters.timescale.billing.credit_notes import add_note, check_adjusted, hold_issued
from central.adapters.timescale.billing.save import ShardWriter
from central.adapters.timescale.billing.tail import TimescaleTail, take_tail
from central.adapters.timescale.errors import translated
from central.adapters.timescale.pool import Pool
from central.adapters.timescale.queries import load_queries
from central.domain.actor import Actor
from central.domain.audit.change import bills_moved
from central.domain.billing.credit_note import CreditNote, TailMovedError
from central.domain.billing.state import BillState
from central.domain.uuid7 import uuid7
from central.service.billing.release import this_release
from central.service.ports.bill_shard import NewBill, NewPart
from central.service.ports.rebills import Rebill

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_Row = tuple[Any, ...]
_Connection = AsyncConnection[_Row]


class TimescaleRebills:
    """`RebillStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def rebilling(
        self, account: str, since: UUID | None, at: datetime
    ) -> AsyncIterator[RebilledTail | None]:
        """See `RebillStore`."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield await take_tail(connection, account, since, at, RebilledTail)


class RebilledTail(TimescaleTail):
    """`RebillTransaction` on one connection."""

    @asynccontextmanager
    async def tried(self) -> AsyncIterator[None]:
        """See `RebillTransaction`."""
        async with self._connection.transaction() as attempt:
            yield
            raise Rollback(attempt)

    async def propose(
        self, rebills: Sequence[Rebill], others: Sequence[CreditNote], actor: Actor, reason: str
    ) -> tuple[UUID, ...]:
        """See `RebillTransaction`."""
        at = self.at
        notes = [*(rebill.note for rebill in rebills), *others]
        await hold_issued(self._connection, notes)
        decision = uuid7(at)
        drafts = [await add_note(self._connection, note, decision, actor, at) for note in notes]
        await check_adjusted(self._connection, drafts)
        claims = await self._claims_of(rebills)
        writer = ShardWriter(self._connection, self.shard.run, claims, actor.key, at)
        bills = []
        for rebill in rebills:
            uid = uuid7(at)
            key = await self._add(rebill, uid, decision, actor, at)
            await writer.add_content(key, _in_place(rebill.bill, _replacing(claims)))
            bills.append(uid)
        subject, detail = bills_moved([*drafts, *bills], "none", BillState.DRAFT)
        detail |= {"reason": reason, "replaces": [str(rebill.note.uid) for rebill in rebills]}
        await audit(self._connection, at, actor, "bill.rebill_proposed", subject, detail)
        return tuple(bills)

    async def _claims_of(self, rebills: Sequence[Rebill]) -> ShardClaims:
        """Keys for the new parts, and what they open from and replace; they claim no day."""
        claims = ShardClaims(self._connection)
        pairs = [
            (old, (brought.occupancy_id, brought.days.first))
            for rebill in rebills
            for old, brought in zip(rebill.note.parts, rebill.bill.parts, strict=True)
        ]
        rows = await _rows(self._connection, "next_part_ids", count=len(pairs))
        for (old, key), (new,) in zip(pairs, rows, strict=True):
            claims.part_ids[key] = new
            claims.replaced[new] = old
        replacing = _replacing(claims)
        firsts = {"firsts": [key[1] for _, key in pairs]}
        values = {"occupancies": [key[0] for _, key in pairs], **firsts}
        for occupancy, first, before in await _rows(self._connection, "before", **values):
            claims.state_from[occupancy, first] = replacing.get(int(before), int(before))
        return claims

    async def _add(
        self, rebill: Rebill, uid: UUID, decision: UUID, actor: Actor, at: datetime
    ) -> int:
        bill, text = rebill.bill.bill, rebill.bill.bill.canonical_text()
        values = {
            "uid": uid,
            "replaces": rebill.note.uid,
            "decision": decision,
            "first": bill.days.first,
            "end": bill.days.end,
            "currency": bill.currency,
            "total": bill.amounts.total,
            "kwh": rebill.bill.kwh,
            "validated_kwh": rebill.bill.validated_kwh,
            "sha256": bytes.fromhex(text.sha256),
            "document": text.document,
            "creator": actor.key,
            "at": at,
            "release": this_release() or None,
        }
        ((key,),) = await _rows(self._connection, "add", **values)
        return int(key)


def _replacing(claims: ShardClaims) -> dict[int, int]:
    """Keys of new parts, by those that they replace."""
    return {old: new for new, old in claims.replaced.items()}


def _in_place(new: NewBill, replacing: Mapping[int, int]) -> NewBill:
    """A bill whose parts follow those that replace the parts which they were rated behind."""
    return replace(new, parts=tuple(_behind(brought, replacing) for brought in new.parts))


def _behind(brought: NewPart, replacing: Mapping[int, int]) -> NewPart:
    shared = brought.shared
    if shared is None or shared.before.part_id is None:
        return brought
    key = shared.before.part_id
    before = replace(shared.before, part_id=replacing.get(key, key))
    return brought._replace(shared=shared._replace(before=before))


async def replaced_parts(connection: _Connection, uids: Sequence[UUID]) -> dict[int, int]:
    """Of some bills the parts that replace others: keys of both."""
    return {row[0]: row[1] for row in await _rows(connection, "replaced", uids=list(uids))}


async def otherwise_behind(connection: _Connection, parts: Mapping[int, int]) -> list[UUID]:
    """Approved bills that opened from what is replaced, and would open with something else.

    Raises:
        TailMovedError: So does an issued one.
    """
    values = {"parts": list(parts), "replaced": list(parts.values())}
    rows = await _rows(connection, "open_otherwise", **values)
    for _, number, state in rows:
        if state == BillState.ISSUED:
            message = f"{number} was issued behind, and would open with something else."
            raise TailMovedError(message, value=number)
    return [uid for uid, *_ in rows]


async def take_over(connection: _Connection, parts: Mapping[int, int]) -> None:
    """Give parts the claims, and what was consumed, of those that they replace."""
    await connection.execute(_SQL["move_entries"], {"parts": list(parts)})
    await connection.execute(_SQL["move_claims"], {"parts": list(parts)})


async def _rows(connection: _Connection, statement: str, /, **values: object) -> list[_Row]:
    cursor = await connection.execute(_SQL[statement], values)
    return await cursor.fetchall()
