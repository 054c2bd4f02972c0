"""Prices tried on real use: of one account month by month, of many as winners and losers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError
from central.dashboard.page import asked, pages_of
from central.domain.billing.bill import Party
from central.domain.rating.impact import ImpactBin, accounts_of, histogram_of
from central.domain.rating.pilot import PilotRow, sums_of
from central.domain.tariff.document import TariffDocument
from central.service.pilots.tried_months import lines_of, months_tried
from central.service.pilots.try_prices import (
    TriedPrices,
    TryPrices,
    months_between,
    named_scope,
    unlike,
)
from central.service.registry.show_tariffs import ShowTariffs, chosen, read_version
from central.service.spreadsheet import written_csv

router = APIRouter(include_in_schema=False)
NAME_MAX = 200
SHOWN_MAX = 200
WHOM = ("account", "group", "on")
_BAR = 1000


@router.get("/tariffs/{tariff}/try")
async def try_prices(request: Request, tariff: str) -> Response:
    """Try a version on the use of an account, a group, or all of a tariff."""
    services = pages_of(request).services
    today = services.clock().date()
    history = await ShowTariffs(services.registry).history(tariff)
    read = read_version(chosen(history, asked(request, "version"), today))
    if read.document is None:
        raise read.refused or AssertionError
    given = {name: asked(request, name, NAME_MAX) for name in (*WHOM, "first", "last", "version")}
    trial = await shown_trial(request, read.document, given, asked(request, "as"))
    if isinstance(trial, Response):
        return trial
    return pages_of(request).render(
        request,
        "tariff_try.html",
        tariff=tariff,
        document=read.document,
        given=given,
        usual=usual_month(request),
        trial=trial,
    )


def usual_month(request: Request) -> str:
    """The month that prices are tried on where nobody says which: the one before this."""
    before = pages_of(request).now().date().replace(day=1) - timedelta(days=1)
    return f"{before:%Y-%m}"


async def shown_trial(
    request: Request, document: TariffDocument, given: dict[str, str], form: str
) -> Response | dict[str, Any] | None:
    """Try a document on real use.

    Args:
        request: Whose page.
        document: What is tried.
        given: Whose use, by `account`, `group` or `on`, a tariff; `first` and `last` month.
        form: `csv`, `letter`, or "" for a page.

    Returns:
        What a page shows of it, or the file or letter; None where nobody's use is named.
    """
    if not any(given[name] for name in WHOM):
        return None
    usual = usual_month(request)
    days = months_between(_month(given["first"] or usual), _month(given["last"] or usual))
    scope = named_scope(*(given[name] for name in WHOM))
    result = await TryPrices(pages_of(request).services.pilot_store)(document, scope, days)
    if form == "csv":
        return _csv(result, document.tariff)
    if form == "letter" and scope.account:
        return await _letter(request, result, document, scope.account)
    return _shown(result)


def _shown(result: TriedPrices) -> dict[str, Any]:
    rows = result.rows
    return {
        "result": result,
        "sides": sums_of(rows),
        "bins": bins_of(rows),
        "rows": rows[:SHOWN_MAX],
        "count": len(rows),
        "held": unlike(rows),
        "agreements": [
            (each.row, months_tried(each), lines_of(each)) for each in result.comparisons
        ],
    }


def bins_of(rows: Sequence[PilotRow]) -> list[tuple[str, list[tuple[ImpactBin, int]]]]:
    """The histogram of each currency: its bins, each with the length of its bar."""
    impacts = accounts_of(rows)
    histograms = []
    for currency in sorted({impact.currency for impact in impacts}):
        bins = histogram_of([impact for impact in impacts if impact.currency == currency])
        most = max(each.accounts for each in bins)
        histograms.append((currency, [(each, each.accounts * _BAR // most) for each in bins]))
    return histograms


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        message = f"{text!r} is not a month such as 2026-10."
        raise FieldRefusedError(message, value=text) from None


def _csv(result: TriedPrices, tariff: str) -> Response:
    """What each agreement would pay, for a spreadsheet."""
    rows = [row.to_json() | {"held": " ".join(row.held)} for row in result.rows]
    name = f"{tariff}-{result.days.first}-{result.days.last}.csv"
    return Response(
        written_csv(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _letter(
    request: Request, result: TriedPrices, document: TariffDocument, account: str
) -> Response:
    """A letter to an account: what it paid for, before and after."""
    pages = pages_of(request)
    async with pages.services.registry.transaction() as registry:
        record = await registry.account(account)
        seller = await registry.seller()
    return pages.render(
        request,
        "tariff_letter.html",
        document=document,
        party=Party(account, ()) if record is None else record.party,
        account=account,
        seller=seller,
        **_shown(result),
    )
