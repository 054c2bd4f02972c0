"""Pilots: a tariff tried on a group's own intervals."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import pages_of
from central.dashboard.pages.tariff_trials import bins_of
from central.domain.rating.pilot import PilotSide

router = APIRouter(include_in_schema=False)
SHOWN_MAX = 200


@router.get("/pilots")
async def pilots(request: Request) -> Response:
    """The newest version of each."""
    pages = pages_of(request)
    listed = await pages.services.pilots.listed()
    return pages.render(request, "pilots.html", pilots=[each.to_json() for each in listed])


@router.get("/pilots/{name}")
async def pilot(request: Request, name: str) -> Response:
    """What came of one: winners, losers, and the control group."""
    pages = pages_of(request)
    shown = await pages.services.pilots.show(name)
    result = shown.to_json()
    rows = result["rows"]
    return pages.render(
        request,
        "pilot.html",
        result=result,
        rows=rows[:SHOWN_MAX],
        count=len(rows),
        bins=bins_of([row for row in shown.rows if row.side is PilotSide.PILOT]),
    )
