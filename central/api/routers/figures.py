"""What a regulator asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import MONTH, Paging, ServicesAsOf
from central.api.schemas.base import PageOut
from central.api.schemas.figures import MonthOfFiguresOut
from central.domain.billing.cycle import Cycle
from central.service.billing.regulator_figures import MONTHS_MAX

router = APIRouter(tags=["bills"])
Month = Annotated[
    str | None, Query(pattern=MONTH, description="Newest month, such as 2026-10; default: now.")
]
Months = Annotated[int, Query(ge=1, le=MONTHS_MAX, description="How many months, going back.")]


@router.get("/regulator-figures")
async def list_figures(
    services: ServicesAsOf, page: Paging, month: Month = None, months: Months = 3
) -> PageOut[MonthOfFiguresOut]:
    """List figures by month, the newest first: bills in error, estimated or touched by hand."""
    last = None if month is None else Cycle.parse(month)
    shown = await services.figures(last, months)
    return page(
        shown,
        lambda each: (str(each.month),),
        lambda each: MonthOfFiguresOut.model_validate(each.to_json()),
        newest_first=True,
    )
