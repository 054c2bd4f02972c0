"""Service points."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from central.api.parameters import (
    LIMIT,
    MONTH,
    After,
    Limit,
    Paging,
    Search,
    ServicesAsOf,
    UpdatedSince,
)
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.field import InstallationOut, MonthOut, PointChannelOut, PointOut
from central.service.operator.month import parse_month, view_month, view_point_months
from central.service.registry.listings import installations_of
from central.service.views.lookup import require
from central.service.views.paging import instant_key

router = APIRouter(tags=["service points"])
Month = Annotated[
    str | None,
    Query(pattern=MONTH, description="Local month, such as 2026-10; default: the newest."),
]

Serial = Annotated[str | None, Query(max_length=32, description="Only meters of this number.")]


@router.get("/service-points")
async def list_points(
    services: ServicesAsOf,
    search: Search = "",
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[PointOut]:
    """List service points by name."""
    page = await services.field.points(
        now=services.clock(), search=search, since=updated_since, after=after, limit=limit
    )
    return page_out(page, PointOut.model_validate)


@router.get("/service-points/{point}")
async def get_point(services: ServicesAsOf, point: str) -> PointOut:
    """Get one service point."""
    return PointOut.model_validate(
        require(await services.field.point(point, services.clock()), "service point", point)
    )


@router.get("/service-points/{point}/channels")
async def list_point_channels(
    services: ServicesAsOf, point: str, page: Paging
) -> PageOut[PointChannelOut]:
    """List the channels of a service point in the order in which they came to it."""
    require(await services.field.point(point, services.clock()), "service point", point)
    views = await services.field.point_channels(point)
    return page(views, lambda view: (int(view.channel),), PointChannelOut.model_validate)


@router.get("/service-points/{point}/installations")
async def list_installations(
    services: ServicesAsOf, point: str, page: Paging, serial: Serial = None
) -> PageOut[InstallationOut]:
    """List the meters of a service point, the newest first."""
    view = require(await services.field.point(point, services.clock()), "service point", point)
    records = [
        record
        for record in await installations_of(services.registry, view.name)
        if serial in {None, record.serial}
    ]
    return page(
        records,
        lambda record: (instant_key(record.start), record.manufacturer, record.serial),
        InstallationOut.of,
        newest_first=True,
    )


@router.get("/point-channels/{channel}/intervals")
async def get_intervals(services: ServicesAsOf, channel: str, month: Month = None) -> MonthOut:
    """Get the validated intervals of a local month, one column per day."""
    first = None if month is None else parse_month(month)
    return MonthOut.of(await view_month(services.field, channel, first, services.clock()))


@router.get("/service-points/{point}/intervals")
async def get_point_intervals(
    services: ServicesAsOf, point: str, page: Paging, month: Month = None
) -> PageOut[MonthOut]:
    """Get the validated intervals of all channels of a service point, in a local month."""
    first = None if month is None else parse_month(month)
    months = await view_point_months(services.field, point, first, services.clock())
    return page(months, lambda shown: (int(shown.channel.channel),), MonthOut.of)
