"""Meters and their channels."""

from __future__ import annotations

from fastapi import APIRouter

from central.api.parameters import LIMIT, After, Attention, Limit, Paging, Search, Services
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.field import ChannelOut, MeterOut
from central.service.views.lookup import require

router = APIRouter(tags=["meters"])


@router.get("/meters")
async def list_meters(  # noqa: PLR0913, PLR0917 - every filter is a parameter
    services: Services,
    search: Search = "",
    gateway: str | None = None,
    attention: Attention = False,  # noqa: FBT002 - a query parameter is named by its caller
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[MeterOut]:
    """List meters by manufacturer and serial number."""
    now = services.clock()
    page = await services.field.meters(
        now=now, search=search, gateway=gateway, attention=attention, after=after, limit=limit
    )
    return page_out(page, lambda view: MeterOut.of(view, now))


@router.get("/meters/{meter}")
async def get_meter(services: Services, meter: str) -> MeterOut:
    """Get one meter: its place, when it was last seen, and its missing intervals."""
    now = services.clock()
    view = require(await services.field.meter(meter, now), "meter", meter)
    return MeterOut.of(view, now)


@router.get("/meters/{meter}/channels")
async def list_channels(services: Services, meter: str, page: Paging) -> PageOut[ChannelOut]:
    """List a meter's channels in the order in which they were first heard."""
    require(await services.field.meter(meter, services.clock()), "meter", meter)
    channels = await services.field.channels(meter)
    return page(channels, lambda view: (int(view.channel),), ChannelOut.model_validate)
