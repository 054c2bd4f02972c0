"""Unbilled revenue: what days that no issued bill says come to."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import ROWS, asked, cursor, pages_of, services_as_of

router = APIRouter(include_in_schema=False)
NUMBER_MAX = 200


@router.get("/unbilled")
async def unbilled(request: Request) -> Response:
    """By charge over all accounts, and account by account; the days of one that is named."""
    services, account = services_as_of(request), asked(request, "account", NUMBER_MAX)
    store = services.unbilled_store
    return pages_of(request).render(
        request,
        "unbilled.html",
        account=account,
        charges=() if account else await store.charges(),
        rows=await store.accounts(None if account else cursor(request), ROWS, account or None),
        days=await store.days(account, cursor(request), ROWS) if account else None,
    )
