"""Tariffs: which there are and where they are used, what each says, and what changed."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import ROWS, asked, cursor, pages_of, presenter_of, services_as_of
from central.dashboard.tariff_terms import terms_of
from central.dashboard.tariff_week import draw_weeks
from central.service.ports.registry import TariffRevision
from central.service.registry.show_tariffs import (
    ShowTariffs,
    chosen,
    in_force,
    read_version,
    version_key,
)
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)
NAME_MAX = 200


@router.get("/tariffs")
async def tariffs(request: Request) -> Response:
    """All tariffs, fifty at a time, and where they are used."""
    pages, services = pages_of(request), services_as_of(request)
    search = asked(request, "q", NAME_MAX)
    listed = await services.billing.tariff_uses(
        today=services.clock().date(), search=search, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "tariffs.html", tariffs=listed, search=search)


@router.get("/tariffs/{tariff}")
async def tariff(request: Request, tariff: str) -> Response:
    """What a version says: its times of use, its parts, and the versions beside it."""
    pages, services = pages_of(request), services_as_of(request)
    today = services.clock().date()
    history = await ShowTariffs(services.registry).history(tariff)
    read = read_version(chosen(history, asked(request, "version"), today))
    uses = await services.billing.tariff_uses(today=today, name=tariff, limit=1)
    holding = in_force(history)
    presenter = presenter_of(request)
    document = read.document
    return pages.render(
        request,
        "tariff.html",
        tariff=tariff,
        read=read,
        record=read.revision.record,
        document=document,
        history=[(each, version_key(each), each in holding) for each in reversed(history)],
        before=_before(holding, read.revision),
        use=require(next(iter(uses.rows), None), "tariff", tariff),
        weeks=() if document is None else draw_weeks(document, presenter),
        terms=() if document is None else terms_of(document, presenter),
    )


@router.get("/tariffs/{tariff}/changes")
async def changes(request: Request, tariff: str) -> Response:
    """Where two versions differ."""
    pages, services = pages_of(request), services_as_of(request)
    today = services.clock().date()
    use_case = ShowTariffs(services.registry)
    history = await use_case.history(tariff)
    after = chosen(history, asked(request, "after"), today)
    named = asked(request, "before") or _before(in_force(history), after)
    before = chosen(history, named, today) if named else after
    read = read_version(before), read_version(after)
    return pages.render(
        request,
        "tariff_changes.html",
        tariff=tariff,
        before=read[0],
        after=read[1],
        keys=[version_key(each) for each in history],
        changes=use_case.difference(*read),
    )


def _before(holding: tuple[TariffRevision, ...], revision: TariffRevision) -> str:
    """The version that held before a revision's; "" where it is the first."""
    earlier = [each for each in holding if each.record.effective < revision.record.effective]
    return version_key(earlier[-1]) if earlier else ""
