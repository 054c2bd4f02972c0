"""Channels of meters, and what was read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import LIMIT, After, Limit, Services
from central.api.schemas.base import PageOut, When, page_out
from central.api.schemas.field import ChannelOut, ReadingOut
from central.service.views.lookup import require
from firmware_bridge.contract.interval import Interval

router = APIRouter(tags=["channels"])


@router.get("/channels/{channel}")
async def get_channel(services: Services, channel: str) -> ChannelOut:
    """One channel."""
    return ChannelOut.model_validate(
        require(await services.field.channel(channel), "channel", channel)
    )


@router.get("/channels/{channel}/readings")
async def list_readings(  # noqa: PLR0913, PLR0917 - every filter is a parameter
    services: Services,
    channel: str,
    start: Annotated[When, Query(description="First instant.")],
    end: Annotated[When, Query(description="First instant no longer wanted.")],
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[ReadingOut]:
    """A channel's readings in [start, end), every revision, in ascending time."""
    require(await services.field.channel(channel), "channel", channel)
    page = await services.field.readings(channel, Interval(start, end), after=after, limit=limit)
    return page_out(page, ReadingOut.model_validate)
