"""Conflicts of claims on PostgreSQL; the statements are in `claim_conflicts.sql`."""

from __future__ import annotations

from pathlib import Path

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.named_query import Asker, Record
from central.adapters.timescale.pool import Pool
from central.domain.actor import printed_name
from central.domain.audit.change import change
from central.domain.billing.claim_conflict import ClaimDecision, ConflictKind
from central.service.ports.claim_conflicts import ClaimConflict, NamedBill
from central.service.ports.decisions import DecisionNote
from central.service.views.paging import Page, decode_cursor, paged


class TimescaleClaimConflicts:
    """`ClaimConflictStore` over a pool of connections.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def count(self) -> tuple[int, int]:
        """See `ClaimConflictStore`."""
        waiting, decided = (await self._ask.rows("count", {}))[0]
        return waiting, decided

    async def conflicts(
        self, *, decided: bool = False, after: str | None = None, limit: int
    ) -> Page[ClaimConflict]:
        """See `ClaimConflictStore`."""
        key = decode_cursor(after, (int,))
        values = {
            "decided": decided,
            "after": None if key is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("conflicts", values)
        return paged([_conflict(row) for row in rows], limit, lambda view: (view.id,))

    async def decide(self, conflict: int, decision: ClaimDecision, note: DecisionNote) -> bool:
        """See `ClaimConflictStore`."""
        values = {
            "conflict": conflict,
            "decision": decision.value,
            "reason": note.reason,
            "actor": note.actor.key,
            "at": note.at,
        }
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(self._ask.text("decide"), values)
                row = await cursor.fetchone()
                if row is None:
                    return False
                new = {"claim_conflict": conflict, "decision": decision.value}
                detail = change(None, new, note.reason)
                action = "claim_conflict.decided"
                await audit(connection, note.at, note.actor, action, row[0], detail)
        return True


def _conflict(row: Record) -> ClaimConflict:
    key, kind, account, customer, point, service, first, end = row[:8]
    said, others, decided = row[8:12], row[12:16], row[16:]
    named = zip(*(values or () for values in others), strict=True)
    return ClaimConflict(
        key,
        ConflictKind(kind),
        account,
        customer,
        point,
        service,
        first,
        end,
        None if said[0] is None else _bill(said),
        tuple(map(_bill, named)),
        None if decided[0] is None else ClaimDecision(decided[0]),
        decided[1],
        None if decided[2] is None else printed_name(decided[2]),
        decided[3],
    )


def _bill(row: Record) -> NamedBill:
    uid, cycle, number, state = row
    return NamedBill(str(uid), cycle, number, state)
