"""Overview, gateways, meters, a meter's month, service points."""

from __future__ import annotations

import asyncio
from datetime import date

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.carpet import draw_carpet, pattern_swatch
from central.dashboard.language import chosen_language
from central.dashboard.month_usage import draw_month
from central.dashboard.page import ROWS, asked, cursor, is_part, pages_of, presenter_of
from central.dashboard.slots import block_slots, quality_texts
from central.domain.metering.display_unit import DISPLAY_UNITS, display_unit
from central.service.operator.coverage import coverage_csv, view_coverage
from central.service.operator.month import month_after, month_before, parse_month, view_month
from central.service.views.field import PointChannelView
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)
RECENT = 8
FINDINGS = 20


@router.get("/")
async def overview(request: Request) -> Response:
    """How the field and the latest runs stand."""
    pages = pages_of(request)
    services = pages.services
    now = pages.now()
    totals, findings, gateways, meters, runs, unclosed, candidates = await asyncio.gather(
        services.field.totals(now),
        services.field.findings(limit=RECENT),
        services.field.gateways(now=now, attention=True, limit=RECENT),
        services.field.meters(now=now, attention=True, limit=RECENT),
        services.billing.runs(limit=RECENT),
        services.unclosed.newest(),
        services.candidates.figures(now),
    )
    template = "_overview.html" if is_part(request) else "overview.html"
    return pages.render(
        request,
        template,
        totals=totals,
        findings=findings,
        gateways=gateways,
        meters=meters,
        runs=runs,
        unclosed=unclosed,
        candidates=candidates,
    )


@router.get("/gateways")
async def gateways(request: Request) -> Response:
    """All gateways, fifty at a time."""
    pages = pages_of(request)
    search, attention = asked(request, "q"), asked(request, "show") == "attention"
    listed = await pages.services.field.gateways(
        now=pages.now(), search=search, attention=attention, after=cursor(request), limit=ROWS
    )
    return pages.render(
        request, "gateways.html", gateways=listed, search=search, attention=attention
    )


@router.get("/gateways/{name}")
async def gateway(request: Request, name: str) -> Response:
    """One gateway, its meters and findings."""
    pages = pages_of(request)
    field = pages.services.field
    view = require(await field.gateway(name), "gateway", name)
    meters = await field.meters(now=pages.now(), gateway=name, after=cursor(request), limit=ROWS)
    findings = (await field.findings(gateway=name, limit=FINDINGS)).rows
    return pages.render(
        request,
        "gateway.html",
        gateway=view,
        meters=meters,
        findings=findings,
        finding_count=await field.finding_count(gateway=name),
    )


@router.get("/meters")
async def meters(request: Request) -> Response:
    """All meters, fifty at a time."""
    pages = pages_of(request)
    search, attention = asked(request, "q"), asked(request, "show") == "attention"
    listed = await pages.services.field.meters(
        now=pages.now(), search=search, attention=attention, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "meters.html", meters=listed, search=search, attention=attention)


@router.get("/meters/{meter}")
async def meter(request: Request, meter: str) -> Response:
    """One meter: where it is, its channels, and a month of what it counts there."""
    pages = pages_of(request)
    field = pages.services.field
    view = require(await field.meter(meter, pages.now()), "meter", meter)
    series = await field.point_channels(view.point) if view.point else ()
    chosen = _choose(series, asked(request, "channel"))
    wanted = asked(request, "month")
    shown = None
    if chosen is not None:
        first = parse_month(wanted) if wanted else None
        shown = await view_month(field, chosen.channel, first, pages.now())
    return pages.render(
        request,
        "meter.html",
        meter=view,
        channels=await field.channels(meter),
        series=series,
        chosen=chosen,
        month=shown,
        drawing=draw_month(shown, presenter_of(request)) if shown else None,
        carpet=draw_carpet(shown, presenter_of(request)) if shown and shown.validated else None,
        swatch=pattern_swatch,
        coverage=await view_coverage(field, chosen, shown.first, pages.now())
        if chosen and shown
        else (),
        qualities=quality_texts(chosen_language(request)),
        units={unit.value: [read.name, read.places] for unit, read in DISPLAY_UNITS.items()},
        before=f"{month_before(shown.first):%Y-%m}" if shown else None,
        after=f"{month_after(shown.first):%Y-%m}" if shown else None,
        findings=(await field.findings(meter=meter, limit=FINDINGS)).rows,
        finding_count=await field.finding_count(meter=meter),
    )


@router.get("/meters/{meter}/coverage.csv")
async def meter_coverage(request: Request, meter: str) -> Response:
    """The months up to one, for a spreadsheet."""
    pages = pages_of(request)
    field = pages.services.field
    view = require(await field.meter(meter, pages.now()), "meter", meter)
    series = await field.point_channels(view.point) if view.point else ()
    chosen = require(_choose(series, asked(request, "channel")), "validated channel of", meter)
    newest = parse_month(asked(request, "month"))
    months = await view_coverage(field, chosen, newest, pages.now())
    return Response(
        coverage_csv(months),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="coverage.csv"'},
    )


def _choose(series: tuple[PointChannelView, ...], wanted: str) -> PointChannelView | None:
    """The channel asked for, else the one with the newest validated day."""
    for channel in series:
        if channel.channel == wanted:
            return channel
    if wanted:
        require(None, "channel at this meter's service point", wanted)
    return max(series, key=lambda channel: channel.last_day or date.min, default=None)


@router.get("/meters/{meter}/days/{channel}/{day}")
async def meter_day(request: Request, meter: str, channel: str, day: date) -> Response:
    """The intervals of one day, as rows under that day."""
    pages = pages_of(request)
    view = require(await pages.services.field.meter(meter, pages.now()), "meter", meter)
    shown = await view_month(pages.services.field, channel, day.replace(day=1), pages.now())
    row = shown.days[day.day - 1]
    return pages.render(
        request,
        "_day.html" if is_part(request) else "day.html",
        meter=view,
        month=shown,
        row=row,
        slots=list(block_slots(row.block, chosen_language(request))) if row.block else [],
        unit=display_unit(shown.channel.unit).name,
    )


@router.get("/points")
async def points(request: Request) -> Response:
    """Service points, fifty at a time."""
    pages = pages_of(request)
    search = asked(request, "q")
    listed = await pages.services.field.points(
        now=pages.now(), search=search, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "points.html", points=listed, search=search)
