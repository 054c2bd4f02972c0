"""Accounts: the list, and one with its agreements and bills."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import ROWS, asked, cursor, pages_of
from central.service.operator.services import OperatorServices
from central.service.views.billing import AgreementView
from central.service.views.field import PointView
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)
POINTS_MAX = 20
"""Of how many service points the meter is looked up: a housing company has thousands."""


@router.get("/accounts")
async def accounts(request: Request) -> Response:
    """All accounts, fifty at a time."""
    pages = pages_of(request)
    search = asked(request, "q")
    listed = await pages.services.billing.accounts(
        today=pages.now().date(), search=search, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "accounts.html", accounts=listed, search=search)


@router.get("/accounts/{account}")
async def account(request: Request, account: str) -> Response:
    """One account: who pays, for what, and its bills."""
    pages = pages_of(request)
    billing = pages.services.billing
    view = require(await billing.account(account, pages.now().date()), "account", account)
    agreements = await billing.agreements(account, limit=ROWS)
    return pages.render(
        request,
        "account.html",
        account=view,
        agreements=agreements,
        points=await points_of(pages.services, agreements.rows),
        bills=await billing.bills(account=account, after=cursor(request), limit=ROWS),
    )


async def points_of(
    services: OperatorServices, agreements: tuple[AgreementView, ...]
) -> dict[str, PointView]:
    """The service points of agreements, by identifier, with the meters that are there now."""
    wanted = list(dict.fromkeys(agreement.point for agreement in agreements))[:POINTS_MAX]
    views = [await services.field.point(point, services.clock()) for point in wanted]
    return {view.point: view for view in views if view is not None}
