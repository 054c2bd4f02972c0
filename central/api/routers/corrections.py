"""What issued bills would say today, and what becomes of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Services
from central.api.schemas.corrections import CorrectionReportOut
from central.api.schemas.writes import ProposedOut, RebillIn
from central.service.billing.approve_bills import unknown
from central.service.billing.find_bill import find_uid
from central.service.operator.services import OperatorServices

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
    report = await services.correct.preview(account, await _first(services, from_bill))
    return CorrectionReportOut.model_validate(report.to_json())


@router.post(
    "/accounts/{account}/rebill",
    responses={HTTPStatus.CREATED.value: {"model": ProposedOut}},
    response_model=None,
)
async def rebill(services: Services, once: DoOnce, account: str, order: RebillIn) -> Response:
    """Propose credit notes of an account's issued bills, and new bills in their place.

    Somebody else approves them, and they are issued together.
    """

    async def work() -> tuple[HTTPStatus, ProposedOut]:
        uid = await _first(services, order.from_bill)
        drafts = await services.rebill(
            account, once.actor, order.reason, uid, only_changed=order.only_changed
        )
        return HTTPStatus.CREATED, ProposedOut(bills=list(drafts))

    return await once(work)


async def _first(services: OperatorServices, name: str | None) -> UUID | None:
    uid = None if name is None else await find_uid(services.bills, name)
    if name is not None and uid is None:
        raise unknown(name)
    return uid
