"""What a regulator asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import MONTH, ServicesAsOf
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
    services: ServicesAsOf, month: Month = None, months: Months = 3
) -> list[MonthOfFiguresOut]:
    """List figures by month, the newest first: bills in error, estimated or touched by hand."""
    last = None if month is None else Cycle.parse(month)
    shown = await services.figures(last, months)
    return [MonthOfFiguresOut.model_validate(each.to_json()) for each in shown]
