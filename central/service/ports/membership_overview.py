"""What the pages and the API ask of cycles and groups: reads only, a page at a time."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from central.service.views.cycle_board import BoardRow
from central.service.views.memberships import (
    CycleAccountView,
    CyclePeriodView,
    CycleView,
    GroupView,
    MemberView,
)
from central.service.views.paging import Page


class MembershipOverview(Protocol):
    """Billing cycles with their accounts, and named groups with their members.

    Every list takes the cursor of the page before, and raises `CursorError` where that is not one
    of its own.
    """

    async def cycles(
        self, *, today: date, search: str = "", after: str | None = None, limit: int
    ) -> Page[CycleView]:
        """Cycles that are kept, by name; `search` takes those whose name begins so."""

    async def cycle(self, name: str, today: date) -> CycleView | None:
        """A cycle that is kept."""

    async def periods(
        self, cycle: str, *, billed: bool, after: str | None = None, limit: int
    ) -> Page[CyclePeriodView]:
        """The periods of a cycle's list, ascending: those with billed days, or the others."""

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
        """Accounts of a cycle by number.

        Args:
            cycle: Its name; a built-in one too.
            today: Only those that are in it on this day; None for all that ever were.
            search: Only those whose number begins so.
            number: Only the one of just this number.
            after: Cursor of the page before.
            limit: Most rows.
        """

    async def groups(
        self, *, today: date, search: str = "", after: str | None = None, limit: int
    ) -> Page[GroupView]:
        """Groups by name; `search` takes those whose name begins so."""

    async def group(self, name: str, today: date) -> GroupView | None:
        """Get one group."""

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
        """Members of a group by name, or only the one of just a name; see `accounts`."""

    async def board(
        self, *, since: date, today: date, after: str | None = None, limit: int
    ) -> Page[BoardRow]:
        """Periods that ended on a day or later and are over, with their runs, oldest first.

        Args:
            since: Only those that end later.
            today: Only those that end on this day or before.
            after: Cursor of the page before.
            limit: Most rows.
        """
