"""What a regulator asks for, month by month."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import asked, pages_of
from central.domain.billing.cycle import Cycle
from central.domain.billing.regulator_figure import TARGETS, FigureName

router = APIRouter(include_in_schema=False)
MONTHS = 6


@router.get("/figures")
async def figures(request: Request) -> Response:
    """The figures of the newest months, or of those until one."""
    pages = pages_of(request)
    month = asked(request, "month")
    last = Cycle.parse(month) if month else None
    return pages.render(
        request,
        "figures.html",
        months=await pages.services.figures(last, MONTHS),
        names=list(FigureName),
        targets=TARGETS,
        month=month,
    )
