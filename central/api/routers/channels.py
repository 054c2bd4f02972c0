"""Channels of meters, and what was read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import LIMIT, After, Limit, ServicesAsOf
from central.api.schemas.base import PageOut, When, page_out
from central.api.schemas.field import ChannelOut, ReadingOut
from central.service.views.lookup import require
from firmware_bridge.contract.interval import Interval

router = APIRouter(tags=["channels"])


@router.get("/channels/{channel}")
async def get_channel(services: ServicesAsOf, channel: str) -> ChannelOut:
    """Get one channel."""
    return ChannelOut.model_validate(
        require(await services.field.channel(channel), "channel", channel)
    )


@router.get("/channels/{channel}/readings")
async def list_readings(  # noqa: PLR0913, PLR0917 - every filter is a parameter
    services: ServicesAsOf,
    channel: str,
    start: Annotated[When, Query(description="Start, included, such as 2026-10-01T00:00:00Z.")],
    end: Annotated[When, Query(description="End, not included, such as 2026-11-01T00:00:00Z.")],
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[ReadingOut]:
    """List a channel's readings in [start, end), every revision, oldest first."""
    require(await services.field.channel(channel), "channel", channel)
    page = await services.field.readings(channel, Interval(start, end), after=after, limit=limit)
    return page_out(page, ReadingOut.model_validate)
