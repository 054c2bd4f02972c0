"""Finding anything that has a name, in the words that the database folded."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import LiteralString

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
        parts = []
        for kind in SearchKind:
            if SEEN_WITH[kind] not in principal.permissions:
                continue
            query = self._query(kind, limited=principal.limited)
            rows = await self._ask.rows(kind.value, values, query=query)
            hits = tuple(SearchHit(kind, *row) for row in rows[:limit])
            if hits:
                parts.append(SearchPart(kind, hits, more=len(rows) > limit))
        return tuple(parts)

    def _query(self, kind: SearchKind, *, limited: bool) -> LiteralString:
        """A kind's statement, within somebody's limits where they have some."""
        inside = self._ask.text(f"{kind}_inside") if limited else ""
        customer_inside = self._ask.text("customer_inside") if limited else ""
        hit = self._ask.text("hit").format(kind=kind.value, inside=inside)
        return self._ask.text(kind.value).format(hit=hit, customer_inside=customer_inside)
