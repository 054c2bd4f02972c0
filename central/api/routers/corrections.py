"""What issued bills would say today, and what becomes of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import Services
from central.api.schemas.corrections import CorrectionReportOut
from central.service.billing.approve_bills import unknown
from central.service.billing.find_bill import find_uid

router = APIRouter(tags=["bills"])
FromBill = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=200,
        description="First bill, by identifier or legal number; default: the first of which an"
        " input is another.",
    ),
]


@router.get("/accounts/{account}/correction-preview")
async def preview_correction(
    services: Services, account: str, from_bill: FromBill = None
) -> CorrectionReportOut:
    """Rate an account's issued bills again, and give what would differ. Nothing is changed."""
    uid = None
    if from_bill is not None and (uid := await find_uid(services.bills, from_bill)) is None:
        raise unknown(from_bill)
    report = await services.correct.preview(account, uid)
    return CorrectionReportOut.model_validate(report.to_json())
