"""What another system billed, against the bills that are here."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.parameters import Services
from central.api.schemas.shadow_bills import ShadowIn, ShadowReportOut
from central.service.billing.shadow_bills import ShadowBills
from central.service.billing.shadow_file import read_names, read_shadow_lines

router = APIRouter(tags=["bills"])


@router.post("/shadow-bills")
async def compare_shadow_bills(services: Services, order: ShadowIn) -> ShadowReportOut:
    """Compare what another system billed with the bills here, line by line. Nothing is changed."""
    names = None if order.names is None else read_names(order.names)
    lines = read_shadow_lines(order.file, names, decimal_comma=order.decimal_comma)
    report = await ShadowBills(services.bills)(lines)
    return ShadowReportOut.model_validate(report.to_json())
