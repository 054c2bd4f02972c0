"""Finding anything that has a name, in the words that the database folded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from central.adapters.timescale.named_query import Asker, as_text
from central.adapters.timescale.pool import Pool
from central.domain.access.policy import Permission, Principal
from central.service.views.search import SEEN_WITH, SearchHit, SearchKind, SearchPart


class TimescaleSearch:
    """`SearchStore` on PostgreSQL.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def search(
        self, principal: Principal, typed: str, *, now: datetime, limit: int
    ) -> tuple[SearchPart, ...]:
        """See `SearchStore`."""
        values = {
            "typed": as_text(typed) or "",
            "groups": sorted(principal.groups),
            "accounts": sorted(principal.accounts),
            "day": now.date(),
            "now": now,
            "customers": Permission.READ_CUSTOMERS in principal.permissions,
            "limit": limit + 1,
        }
        kinds = [kind for kind in SearchKind if SEEN_WITH[kind] in principal.permissions]
        if not kinds:
            return ()
        queries = (self._query(kind, limited=principal.limited) for kind in kinds)
        # One statement for all kinds: somebody waits for it while they type.
        query = " UNION ALL ".join(f"({each})" for each in queries)
        rows = await self._ask.rows("hit", values, query=query)
        parts = []
        for kind in kinds:
            hits = tuple(SearchHit(kind, *row[1:]) for row in rows if row[0] == kind)
            if hits:
                parts.append(SearchPart(kind, hits[:limit], more=len(hits) > limit))
        return tuple(parts)

    def _query(self, kind: SearchKind, *, limited: bool) -> str:
        """A kind's statement, within somebody's limits where they have some."""
        inside = self._ask.text(f"{kind}_inside") if limited else ""
        customer_inside = self._ask.text("customer_inside") if limited else ""
        hit = self._ask.text("hit").format(kind=kind.value, inside=inside)
        return self._ask.text(kind.value).format(hit=hit, customer_inside=customer_inside)
