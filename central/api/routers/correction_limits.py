"""How far back issued bills may be corrected."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut
from central.api.schemas.corrections import (
    CorrectionLimitIn,
    CorrectionLimitOut,
)
from central.service.views.paging import changed_since

router = APIRouter(tags=["bills"])


@router.get("/correction-limits")
async def list_limits(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[CorrectionLimitOut]:
    """List limits by group, cause and day, all revisions, those of everybody first."""
    limits = changed_since(
        await services.limits.listed(), updated_since, lambda limit: (limit.recorded_at,)
    )
    return page(
        limits,
        lambda limit: (
            limit.group or "",
            "" if limit.cause is None else limit.cause.value,
            limit.effective.isoformat(),
            limit.revision,
        ),
        lambda limit: CorrectionLimitOut.model_validate(limit.to_json()),
    )


@router.post(
    "/correction-limits",
    responses={HTTPStatus.CREATED.value: {"model": CorrectionLimitOut}},
    response_model=None,
)
async def enter_limit(services: Services, once: DoOnce, order: CorrectionLimitIn) -> Response:
    """Enter a limit; one of the same group, cause and day takes the place of what was there."""

    async def work() -> tuple[HTTPStatus, CorrectionLimitOut]:
        revision = await services.limits.enter(
            order.terms(), once.actor, order.reason, order.effective, order.scope()
        )
        entered = next(
            limit
            for limit in await services.limits.listed()
            if (limit.group, limit.effective, limit.revision)
            == (order.group, order.effective, revision)
            and limit.cause == order.cause
        )
        return HTTPStatus.CREATED, CorrectionLimitOut.model_validate(entered.to_json())

    return await once(work, shown_at("correction-limits"))
