"""Finding anything that has a name, by a part of it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from central.domain.access.policy import Principal
from central.service.views.search import SearchPart


class SearchStore(Protocol):
    """Meters, service points, accounts and gateways by their words."""

    async def search(
        self, principal: Principal, typed: str, *, now: datetime, limit: int
    ) -> tuple[SearchPart, ...]:
        """What has, for each word that was typed, one that begins so.

        Accents, case and signs make no difference.

        Args:
            principal: Who asks: kinds that they may not see are left out, and of the others what
                is outside of their limits.
            typed: Words, in any order.
            now: When a meter is in place and an agreement holds. [aware]
            limit: Most hits of one kind.

        Returns:
            Kinds of which something was found.
        """
