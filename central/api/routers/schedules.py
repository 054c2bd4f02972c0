"""When the worker's jobs are done, and how they stand."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Paging, Services
from central.api.routers.commands import Responses
from central.api.schemas.base import PageOut
from central.api.schemas.schedules import DueOut, JobStatusOut, ScheduleIn, ScheduleOut, WhyIn

router = APIRouter(tags=["schedules"])
_SCHEDULE: Responses = {HTTPStatus.OK.value: {"model": ScheduleOut}}
_DUE: Responses = {HTTPStatus.OK.value: {"model": DueOut}}


@router.get("/schedules")
async def list_schedules(services: Services, page: Paging) -> PageOut[JobStatusOut]:
    """List the jobs by name, in each of their zones: what ran, what comes next, what failed."""
    return page(
        await services.jobs(),
        lambda status: (status.schedule.name, status.zone),
        lambda status: JobStatusOut.model_validate(status.to_json()),
    )


@router.put("/schedules/{name}", responses=_SCHEDULE, response_model=None)
async def change_schedule(
    services: Services, once: DoOnce, name: str, order: ScheduleIn
) -> Response:
    """Change when a job is done, pause or resume it, or add a schedule of bill runs."""

    async def work() -> tuple[HTTPStatus, ScheduleOut]:
        changed = await services.schedules(once.actor).set(name, order.change(), order.reason)
        out = ScheduleOut.model_validate({"name": changed.name, **changed.to_json()})
        return HTTPStatus.OK, out

    return await once(work)


@router.post("/schedules/{name}/run", responses=_DUE, response_model=None)
async def run_schedule(services: Services, once: DoOnce, name: str, order: WhyIn) -> Response:
    """Have a job done once more for its newest night; a worker does it."""

    async def work() -> tuple[HTTPStatus, DueOut]:
        due = await services.schedules(once.actor).again(name, order.reason)
        return HTTPStatus.OK, DueOut(name=name, due=due)

    return await once(work)
