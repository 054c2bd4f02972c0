"""Channels of meters, and what was read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import LIMIT, After, AtDesk, Limit
from central.api.schemas.base import PageOut, When, page_out
from central.api.schemas.field import ChannelOut, ReadingOut
from central.service.views.lookup import found
from firmware_bridge.contract.interval import Interval

router = APIRouter(tags=["channels"])


@router.get("/channels/{channel}")
async def get_channel(desk: AtDesk, channel: str) -> ChannelOut:
    """One channel."""
    return ChannelOut.of(found(await desk.field.channel(channel), "channel", channel))


@router.get("/channels/{channel}/readings")
async def list_readings(  # noqa: PLR0913, PLR0917 - every filter is a parameter
    desk: AtDesk,
    channel: str,
    start: Annotated[When, Query(description="First instant.")],
    end: Annotated[When, Query(description="First instant no longer wanted.")],
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[ReadingOut]:
    """A channel's readings in [start, end), every revision, in ascending time."""
    found(await desk.field.channel(channel), "channel", channel)
    page = await desk.field.readings(channel, Interval(start, end), after=after, limit=limit)
    return page_out(page, ReadingOut.of)
