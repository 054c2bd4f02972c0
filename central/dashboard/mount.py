"""Put the pages and their files on an application."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.assets import Asset, Assets
from central.dashboard.page import Pages, pages_of
from central.dashboard.pages import (
    accounts,
    audit,
    bill_questions,
    billing,
    candidates,
    claims,
    correction_rules,
    customer,
    cycles,
    exceptions,
    field,
    field_orders,
    figures,
    groups,
    moves,
    notices,
    people,
    pilots,
    reconciliation,
    runs,
    schedules,
    search,
    settings,
    shadow_bills,
    tariff_editor,
    tariff_trials,
    tariffs,
    unbilled,
    usage,
)
from central.service.background import Background
from central.service.operator.services import OperatorServices

FOREVER = "public, max-age=31536000, immutable"
files = APIRouter(include_in_schema=False)


def mount_pages(app: FastAPI, services: OperatorServices, background: Background) -> None:
    """Add every page to an application.

    Args:
        app: What serves them; its middleware says who may look.
        services: What they show.
        background: What they begin and that goes on after their answer.

    Raises:
        AssetsMissingError: Scripts or styles have not been fetched.
    """
    app.state.pages = Pages(services, Assets(), background)
    for router in (
        files,
        field.router,
        accounts.router,
        usage.router,
        customer.router,
        billing.router,
        runs.router,
        moves.router,
        unbilled.router,
        notices.router,
        bill_questions.router,
        candidates.router,
        claims.router,
        correction_rules.router,
        cycles.router,
        exceptions.router,
        field_orders.router,
        figures.router,
        pilots.router,
        groups.router,
        reconciliation.router,
        schedules.router,
        search.router,
        settings.router,
        shadow_bills.router,
        tariffs.router,
        tariff_trials.router,
        tariff_editor.router,
        audit.router,
        people.router,
    ):
        app.include_router(router)


@files.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A script, style or icon under its content's name."""
    asset = pages_of(request).assets.served(name)
    if asset is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    return _file(request, asset, FOREVER)


@files.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """The icon, for whoever asks without reading the page."""
    return _file(request, pages_of(request).assets.plain("favicon.svg"), "public, max-age=86400")


def _file(request: Request, asset: Asset, caching: str) -> Response:
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}
    if zipped:
        headers["Content-Encoding"] = "gzip"
    content = asset.zipped if zipped else asset.plain
    return Response(content, media_type=asset.media_type, headers=headers)
