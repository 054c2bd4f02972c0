"""What pages show of cycles and groups, from the database."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from central.adapters.timescale.named_query import Asker, as_prefix, as_text
from central.adapters.timescale.pool import Pool
from central.service.views.memberships import (
    CycleAccountView,
    CyclePeriodView,
    CycleView,
    GroupView,
    MemberView,
)
from central.service.views.paging import Page, day_of_cursor, decode_cursor, paged


class TimescaleMemberships:
    """`MembershipOverview` on PostgreSQL.

    Args:
        pool: Connections in the application's role.
    """

    def __init__(self, pool: Pool) -> None:
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def cycles(
        self, *, today: date, search: str = "", after: str | None = None, limit: int
    ) -> Page[CycleView]:
        """See `MembershipOverview`."""
        values = _names(today, search, None, after, limit)
        rows = await self._ask.rows("cycles", values)
        return paged([CycleView(*row) for row in rows], limit, lambda view: (view.name,))

    async def cycle(self, name: str, today: date) -> CycleView | None:
        """See `MembershipOverview`."""
        row = await self._ask.row("cycles", _names(today, "", name, None, 1))
        return None if row is None else CycleView(*row)

    async def periods(
        self, cycle: str, *, billed: bool, after: str | None = None, limit: int
    ) -> Page[CyclePeriodView]:
        """See `MembershipOverview`."""
        key = decode_cursor(after, (str,))
        row = await self._ask.row("billed_to", {"cycle": as_text(cycle)})
        values = {
            "cycle": as_text(cycle),
            "claimed": None if row is None else row[0],
            "billed": billed,
            "after": None if key is None else day_of_cursor(key[0]),
            "limit": limit + 1,
        }
        rows = await self._ask.rows("periods", values)
        views = [
            CyclePeriodView(name, first, end, bill_day, billed)
            for name, first, end, bill_day in rows
        ]
        return paged(views, limit, lambda view: (view.first.isoformat(),))

    async def accounts(
        self,
        cycle: str,
        *,
        today: date | None,
        search: str = "",
        after: str | None = None,
        limit: int,
    ) -> Page[CycleAccountView]:
        """See `MembershipOverview`."""
        values = {"cycle": as_text(cycle), **_dated(today, search, after, limit)}
        rows = await self._ask.rows("accounts", values)
        views = [CycleAccountView(*row) for row in rows]
        return paged(views, limit, lambda view: (view.number, view.first.isoformat()))

    async def groups(
        self, *, today: date, search: str = "", after: str | None = None, limit: int
    ) -> Page[GroupView]:
        """See `MembershipOverview`."""
        rows = await self._ask.rows("groups", _names(today, search, None, after, limit))
        return paged([GroupView(*row) for row in rows], limit, lambda view: (view.name,))

    async def group(self, name: str, today: date) -> GroupView | None:
        """See `MembershipOverview`."""
        row = await self._ask.row("groups", _names(today, "", name, None, 1))
        return None if row is None else GroupView(*row)

    async def members(
        self,
        group: str,
        *,
        today: date | None,
        search: str = "",
        after: str | None = None,
        limit: int,
    ) -> Page[MemberView]:
        """See `MembershipOverview`."""
        values = {"group": as_text(group), **_dated(today, search, after, limit)}
        kind = await self._ask.row("kind", {"group": as_text(group)})
        if kind is None:
            return Page(())
        rows = await self._ask.rows(f"members_{kind[0]}", values)
        views = [MemberView(*row) for row in rows]
        return paged(views, limit, lambda view: (view.member, view.first.isoformat()))


def _names(
    today: date, search: str, name: str | None, after: str | None, limit: int
) -> dict[str, object]:
    key = decode_cursor(after, (str,))
    return {
        "today": today,
        "prefix": as_prefix(search),
        "name": None if name is None else as_text(name) or "",
        "after": None if key is None else key[0],
        "limit": limit + 1,
    }


def _dated(today: date | None, search: str, after: str | None, limit: int) -> dict[str, object]:
    key = decode_cursor(after, (str, str))
    return {
        "today": today,
        "prefix": as_prefix(search),
        "after": None if key is None else key[0],
        "after_day": None if key is None else day_of_cursor(key[1]),
        "limit": limit + 1,
    }
