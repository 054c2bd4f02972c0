"""Pilots: a tariff tried on a group's own intervals; nothing of it is ever billed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import Paging, Services, UpdatedSince
from central.api.schemas.base import PageOut
from central.api.schemas.pilots import PilotIn, PilotOut, PilotResultOut
from central.service.views.paging import changed_since

router = APIRouter(tags=["bills"])
Version = Annotated[int | None, Query(ge=1, le=1_000_000, description="Of the document.")]


@router.get("/pilots")
async def list_pilots(
    services: Services, page: Paging, updated_since: UpdatedSince = None
) -> PageOut[PilotOut]:
    """List the newest version of each pilot, by name."""
    pilots = await services.pilots.listed()
    return page(
        changed_since(pilots, updated_since, lambda pilot: (pilot.decided_at,)),
        lambda pilot: (pilot.name,),
        lambda pilot: PilotOut.model_validate(pilot.to_json()),
    )


@router.post(
    "/pilots", responses={HTTPStatus.CREATED.value: {"model": PilotOut}}, response_model=None
)
async def set_pilot(services: Services, once: DoOnce, order: PilotIn) -> Response:
    """Write a pilot down, or another version of it."""

    async def work() -> tuple[HTTPStatus, PilotOut]:
        use_case = services.pilots
        _, new = await use_case.set(order.name, order.document(), once.actor, order.reason)
        status = HTTPStatus.CREATED if new else HTTPStatus.OK
        written = next(row for row in await use_case.listed() if row.name == order.name)
        return status, PilotOut.model_validate(written.to_json())

    return await once(work, shown_at("pilots"))


@router.post(
    "/pilots/{name}/run",
    responses={HTTPStatus.OK.value: {"model": PilotResultOut}},
    response_model=None,
)
async def run_pilot(services: Services, once: DoOnce, name: str) -> Response:
    """Rate a pilot's agreements under both tariffs; the same result is not kept twice."""

    async def work() -> tuple[HTTPStatus, PilotResultOut]:
        result = await services.pilots.run(name, once.actor)
        return HTTPStatus.OK, PilotResultOut.model_validate(result.to_json())

    return await once(work)


@router.get("/pilots/{name}")
async def get_pilot(services: Services, name: str, version: Version = None) -> PilotResultOut:
    """Get what came of a pilot: winners, losers, and the control group."""
    result = await services.pilots.show(name, version)
    return PilotResultOut.model_validate(result.to_json())
