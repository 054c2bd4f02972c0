"""What a person decides of days: edit, estimate, restore; and every version of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import Paging, Services, UpdatedSince
from central.api.schemas.base import Day, PageOut
from central.api.schemas.decided_days import (
    BlockVersionOut,
    DecidedDaysOut,
    EditIn,
    EstimateIn,
    RestoreIn,
)
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.validation import PointChannelId
from central.service.validation.decide_days import DaysDecision
from central.service.views.paging import changed_since

router = APIRouter(tags=["service points"])
Channel = Annotated[int, Path(ge=1, le=2**63 - 1, description="Of `/service-points/.../channels`.")]
_DONE: dict[int | str, dict[str, Any]] = {HTTPStatus.OK.value: {"model": DecidedDaysOut}}


@router.post("/point-channels/{channel}/edits", responses=_DONE, response_model=None)
async def edit_intervals(
    services: Services, once: DoOnce, channel: Channel, order: EditIn
) -> Response:
    """Give intervals other values, or show what that would change."""

    async def work() -> tuple[HTTPStatus, DecidedDaysOut]:
        return _answer(
            await services.days.edit(
                PointChannelId(channel),
                order.values(),
                order.note(once.actor),
                preview=order.preview,
            ),
            preview=order.preview,
        )

    return await once(work)


@router.post("/point-channels/{channel}/estimates", responses=_DONE, response_model=None)
async def estimate_days(
    services: Services, once: DoOnce, channel: Channel, order: EstimateIn
) -> Response:
    """Estimate days by a method, or show what that would change."""

    async def work() -> tuple[HTTPStatus, DecidedDaysOut]:
        return _answer(
            await services.days.estimate(
                PointChannelId(channel),
                order.days(),
                order.chosen(),
                order.note(once.actor),
                preview=order.preview,
            ),
            preview=order.preview,
        )

    return await once(work)


@router.post("/point-channels/{channel}/restorations", responses=_DONE, response_model=None)
async def restore_days(
    services: Services, once: DoOnce, channel: Channel, order: RestoreIn
) -> Response:
    """Let days say again what their readings say, or show what that would change."""

    async def work() -> tuple[HTTPStatus, DecidedDaysOut]:
        return _answer(
            await services.days.restore(
                PointChannelId(channel),
                order.days(),
                order.note(once.actor),
                preview=order.preview,
            ),
            preview=order.preview,
        )

    return await once(work)


@router.get("/point-channels/{channel}/versions")
async def list_versions(  # noqa: PLR0913, PLR0917 - one filter each
    services: Services,
    channel: Channel,
    first: Annotated[Day, Query(description="First local day.")],
    end: Annotated[Day, Query(description="The local day after the last.")],
    page: Paging,
    updated_since: UpdatedSince = None,
) -> PageOut[BlockVersionOut]:
    """List every version of days, by day, the newest first."""
    days = DayRange(first, max(first, end))
    versions = await services.validation.versions(PointChannelId(channel), days)
    return page(
        changed_since(versions, updated_since, lambda version: (version.made_at,)),
        lambda version: (version.block.day.isoformat(), -version.block.version),
        BlockVersionOut.of_version,
    )


def _answer(decision: DaysDecision, *, preview: bool) -> tuple[HTTPStatus, DecidedDaysOut]:
    return HTTPStatus.OK, DecidedDaysOut.of(decision, preview=preview)
