"""What a channel counts, shared out to other service points."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Paging, Services, ServicesAsOf, UpdatedSince
from central.api.schemas.allocations import (
    AllocationEffectOut,
    AllocationIn,
    AllocationOut,
    AllocationWithdrawIn,
    SharedDayOut,
)
from central.api.schemas.base import Day, PageOut
from central.domain.rating.inputs.segments import DayRange
from central.service.validation.allocate import Allocate
from central.service.views.lookup import require, require_any
from central.service.views.paging import changed_since
from firmware_bridge.contract.obis import Obis

router = APIRouter(tags=["service points"])
_DONE: dict[int | str, dict[str, Any]] = {HTTPStatus.OK.value: {"model": AllocationEffectOut}}
Point = Annotated[
    str | None, Query(min_length=1, max_length=200, description="Of what is shared out.")
]
Counts = Annotated[
    str, Query(min_length=1, max_length=30, description="What it counts, an OBIS code.")
]


@router.get("/allocations")
async def list_allocations(
    services: ServicesAsOf, page: Paging, point: Point = None, updated_since: UpdatedSince = None
) -> PageOut[AllocationOut]:
    """List what is shared out to whom, by point, day by day with all revisions."""
    entered = await services.allocations.entered(point)
    require_any(entered, "allocation of", point, "GET /allocations shows all.")
    return page(
        changed_since(entered, updated_since, lambda entry: (entry.at,)),
        lambda entry: (
            entry.point,
            str(entry.obis),
            entry.allocation.effective.isoformat(),
            entry.allocation.revision,
        ),
        AllocationOut.of,
    )


@router.post("/allocations", responses=_DONE, response_model=None)
async def enter_allocation(services: Services, once: DoOnce, order: AllocationIn) -> Response:
    """Enter whose share is how much from a day on, or show what that would change.

    Closed days from that day on are shared out anew.
    """
    document = order.document()

    async def work() -> tuple[HTTPStatus, AllocationEffectOut]:
        use = Allocate(services.allocations, services.clock)
        done = await use.enter(document, once.actor, order.reason, preview=order.preview)
        return HTTPStatus.OK, AllocationEffectOut.of(done, preview=order.preview)

    return await once(work)


@router.post("/allocations/{point}/{first}/withdraw", responses=_DONE, response_model=None)
async def withdraw_allocation(
    services: Services, once: DoOnce, point: str, first: Day, order: AllocationWithdrawIn
) -> Response:
    """Withdraw shares that were entered by mistake; those before them hold on."""
    counts = None if order.counts is None else Obis.parse(order.counts)

    async def work() -> tuple[HTTPStatus, AllocationEffectOut]:
        use, note = Allocate(services.allocations, services.clock), (once.actor, order.reason)
        done = await use.withdraw(point, counts, first, note, preview=order.preview)
        return HTTPStatus.OK, AllocationEffectOut.of(done, preview=order.preview)

    return await once(work)


@router.get("/allocations/{point}/days/{day}")
async def get_shared_day(
    services: ServicesAsOf, point: str, day: Day, counts: Counts
) -> SharedDayOut:
    """Get a closed day of what is shared out, interval by interval, with all shares of it."""
    obis = Obis.parse(counts)
    channels = await services.allocations.channels_at(point)
    channel = require(channels.get(obis), "channel", f"{point} {obis}")
    days = await services.allocations.shared_days(channel, DayRange(day, day + timedelta(days=1)))
    return SharedDayOut.of(point, str(obis), require(days[0] if days else None, "closed day", day))
