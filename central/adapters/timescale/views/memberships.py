"""What pages show of cycles and groups, from the database."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from central.adapters.timescale.named_query import Asker, Record, as_prefix, as_text
from central.adapters.timescale.pool import Pool
from central.domain.actor import printed_name
from central.domain.billing.cycle import Cycle
from central.domain.billing.run_scope import RunScope
from central.service.views.cycle_board import BoardRow
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

    async def accounts(  # noqa: PLR0913 - every filter is one
        self,
        cycle: str,
        *,
        today: date | None,
        search: str = "",
        number: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[CycleAccountView]:
        """See `MembershipOverview`."""
        values = {"cycle": as_text(cycle), **_dated(today, search, number, after, limit)}
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

    async def members(  # noqa: PLR0913 - every filter is one
        self,
        group: str,
        *,
        today: date | None,
        search: str = "",
        member: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[MemberView]:
        """See `MembershipOverview`."""
        values = {"group": as_text(group), **_dated(today, search, member, after, limit)}
        kind = await self._ask.row("kind", {"group": as_text(group)})
        if kind is None:
            return Page(())
        rows = await self._ask.rows(f"members_{kind[0]}", values)
        views = [MemberView(*row) for row in rows]
        return paged(views, limit, lambda view: (view.member, view.first.isoformat()))

    async def board(
        self, *, since: date, today: date, after: str | None = None, limit: int
    ) -> Page[BoardRow]:
        """See `MembershipOverview`."""
        key = decode_cursor(after, (str, str, str, int))
        months = _months(since, today)
        values = {
            "since": since,
            "today": today,
            "months": [str(month) for month in months],
            "firsts": [month.days.first for month in months],
            "ends": [month.days.end for month in months],
            "after_end": None if key is None else day_of_cursor(key[0]),
            "after_route": None if key is None else key[1],
            "after_period": None if key is None else key[2],
            "after_run": None if key is None else key[3],
            "limit": limit + 1,
        }
        views = [_board_row(row) for row in await self._ask.rows("board", values)]
        return paged(
            views,
            limit,
            lambda view: (view.end.isoformat(), view.route, view.period, view.run_id),
        )


def _months(since: date, today: date) -> list[Cycle]:
    """Calendar months that end after a day, and on another or before."""
    month, months = Cycle(since.year, since.month), []
    while month.days.end <= today:
        if month.days.end > since:
            months.append(month)
        month = month.next
    return months


def _board_row(row: Record) -> BoardRow:
    (
        route, period, first, end, bill_day, run_id, run, scope, finished, owner,
        held, drafts, approved, issued,
    ) = row  # fmt: skip
    return BoardRow(
        route,
        period,
        first,
        end,
        bill_day,
        run_id,
        None if run is None else str(run),
        None if scope is None else str(RunScope.from_json(scope)) or None,
        finished,
        None if owner is None else printed_name(owner),
        int(held),
        int(drafts),
        int(approved),
        int(issued),
    )


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


def _dated(
    today: date | None, search: str, name: str | None, after: str | None, limit: int
) -> dict[str, object]:
    key = decode_cursor(after, (str, str))
    return {
        "today": today,
        "prefix": as_prefix(search),
        "name": None if name is None else as_text(name) or "",
        "after": None if key is None else key[0],
        "after_day": None if key is None else day_of_cursor(key[1]),
        "limit": limit + 1,
    }
