"""Readings that are ordered on site."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import asked, pages_of

router = APIRouter(include_in_schema=False)
SHOWN_MAX = 200


@router.get("/field-orders")
async def field_orders(request: Request) -> Response:
    """Those that are open, the earliest due first; or all that there ever were."""
    pages = pages_of(request)
    every = asked(request, "show") == "every"
    orders = await pages.services.field_orders.orders(None, every=every)
    return pages.render(
        request,
        "field_orders.html",
        orders=orders[:SHOWN_MAX],
        count=len(orders),
        every=every,
        today=pages.now().date(),
    )
