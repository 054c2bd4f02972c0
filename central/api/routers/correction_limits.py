"""How far back issued bills may be corrected."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import Services
from central.api.schemas.corrections import (
    CorrectionLimitIn,
    CorrectionLimitOut,
    CorrectionLimitRef,
)

router = APIRouter(tags=["bills"])


@router.get("/correction-limits")
async def list_limits(services: Services) -> list[CorrectionLimitOut]:
    """List limits, all revisions, those of everybody first."""
    limits = await services.limits.listed()
    return [CorrectionLimitOut.model_validate(limit.to_json()) for limit in limits]


@router.post(
    "/correction-limits",
    responses={HTTPStatus.CREATED.value: {"model": CorrectionLimitRef}},
    response_model=None,
)
async def enter_limit(services: Services, once: DoOnce, order: CorrectionLimitIn) -> Response:
    """Enter a limit; one of the same group, cause and day takes the place of what was there."""

    async def work() -> tuple[HTTPStatus, CorrectionLimitRef]:
        revision = await services.limits.enter(
            order.terms(), once.actor, order.reason, order.effective, order.scope()
        )
        return HTTPStatus.CREATED, CorrectionLimitRef(
            group=order.group, cause=order.cause, effective=order.effective, revision=revision
        )

    return await once(work, shown_at("correction-limits"))
