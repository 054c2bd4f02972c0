"""The bills of several accounts as one list."""

from __future__ import annotations

from collections.abc import Sequence

from central.domain.billing.state import BillState
from central.service.ports.overview import BillingOverview
from central.service.views.billing import BillView
from central.service.views.paging import Page, decode_cursor, encode_cursor


async def bills_of(
    overview: BillingOverview,
    accounts: Sequence[str],
    state: BillState,
    after: str | None,
    limit: int,
) -> Page[BillView]:
    """A page of the bills of accounts, account by account.

    Args:
        overview: Where bills are.
        accounts: Identifiers of accounts.
        state: Where the bills stand.
        after: Cursor of the page before, or None for the first.
        limit: Most bills to show, from 1 on.

    Raises:
        CursorError: The cursor is not one of this list.
    """
    first, behind = decode_cursor(after, (str, str)) or ("", "")
    ahead = sorted(account for account in accounts if account >= str(first))
    rows: list[BillView] = []
    for position, account in enumerate(ahead):
        if len(rows) == limit:
            return Page(tuple(rows), encode_cursor((account, "")))
        inner = str(behind) or None if position == 0 and account == first else None
        page = await overview.bills(
            account=account, state=state, after=inner, limit=limit - len(rows)
        )
        rows += page.rows
        if page.after is not None:
            return Page(tuple(rows), encode_cursor((account, page.after)))
    return Page(tuple(rows))
