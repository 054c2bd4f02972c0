"""Whatever has a name, found by a part of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import asked, pages_of

router = APIRouter(include_in_schema=False)
TYPED_MAX = 100
OF_A_KIND = 20


@router.get("/search")
async def search(request: Request) -> Response:
    """Accounts, service points, meters and gateways that somebody may see."""
    pages = pages_of(request)
    typed = asked(request, "q", TYPED_MAX)
    parts = await pages.services.search_store.search(
        request.state.principal, typed, now=pages.now(), limit=OF_A_KIND
    )
    return pages.render(request, "search.html", typed=typed, parts_found=parts)
