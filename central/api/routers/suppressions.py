"""Days that are not billed by decision."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut
from central.api.schemas.suppressions import (
    LiftIn,
    SuppressionIn,
    SuppressionOut,
    SuppressionRef,
)
from central.service.ports.suppressions import OccupiedService
from central.service.views.paging import changed_since, instant_key

router = APIRouter(tags=["bills"])
OneAccount = Annotated[str | None, Query(min_length=1, max_length=200, description="Number.")]


@router.get("/suppressed-periods")
async def list_suppressions(
    services: Services,
    page: Paging,
    account: OneAccount = None,
    updated_since: UpdatedSince = None,
) -> PageOut[SuppressionOut]:
    """List days that are not billed by decision, newest first."""
    listed = changed_since(
        await services.suppressions.listed(account),
        updated_since,
        lambda each: (each.decided_at, each.approved_at, each.lifted_at),
    )
    return page(
        listed,
        lambda each: (instant_key(each.decided_at), str(each.uid)),
        lambda each: SuppressionOut.model_validate(each.to_json()),
        newest_first=True,
    )


@router.post(
    "/suppressed-periods",
    responses={HTTPStatus.CREATED.value: {"model": SuppressionOut}},
    response_model=None,
)
async def suppress(services: Services, once: DoOnce, order: SuppressionIn) -> Response:
    """Propose that the days from the first unbilled one on be not billed."""

    async def work() -> tuple[HTTPStatus, SuppressionOut]:
        occupied = OccupiedService(order.account, order.service_point, order.service)
        uid = await services.suppressions.suppress(occupied, order.end, once.actor, order.reason)
        proposed = await services.suppressions.listed(order.account)
        written = next(each for each in proposed if each.uid == uid)
        return HTTPStatus.CREATED, SuppressionOut.model_validate(written.to_json())

    return await once(work, shown_at("suppressed-periods"))


@router.post(
    "/suppressed-periods/{suppression}/approve",
    responses={HTTPStatus.OK.value: {"model": SuppressionRef}},
    response_model=None,
)
async def approve_suppression(services: Services, once: DoOnce, suppression: UUID) -> Response:
    """Approve a suppression that another person proposed: its days are not billed."""

    async def work() -> tuple[HTTPStatus, SuppressionRef]:
        await services.suppressions.approve(suppression, once.actor)
        return HTTPStatus.OK, SuppressionRef(suppression=str(suppression))

    return await once(work)


@router.post(
    "/suppressed-periods/{suppression}/lift",
    responses={HTTPStatus.OK.value: {"model": SuppressionRef}},
    response_model=None,
)
async def lift(services: Services, once: DoOnce, suppression: UUID, order: LiftIn) -> Response:
    """Lift a suppression, or withdraw one that waits: the next run bills its days."""

    async def work() -> tuple[HTTPStatus, SuppressionRef]:
        await services.suppressions.lift(suppression, once.actor, order.reason)
        return HTTPStatus.OK, SuppressionRef(suppression=str(suppression))

    return await once(work)
