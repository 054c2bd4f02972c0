"""What is validated against what is billed: the command's report, as a page and as CSV."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.page import asked, pages_of, services_as_of
from central.domain.billing.coverage import BALANCED
from central.domain.billing.cycle import Cycle
from central.service.billing.reconcile import Reconcile
from central.service.billing.reconcile_csv import reconciliation_csv
from central.service.billing.reconciliation_report import ReconciledScope, Reconciliation
from central.service.operator.month import month_before

router = APIRouter(include_in_schema=False)
NAMES = ("month", "run", "tariff", "group", "account", "as_of")
NAME_MAX = 200
FAULTS_SHOWN = 200


@router.get("/reconciliation")
async def reconciliation(request: Request) -> Response:
    """Ask for a report, and see it."""
    pages = pages_of(request)
    given = _given(request)
    wanted = {name: text for name, text in given.items() if text}
    report = await _report(request, given) if given["month"] or given["run"] else None
    return pages.render(
        request,
        "reconciliation.html",
        given=given,
        report=report,
        rows=[] if report is None else sorted(report.sums.items()),
        balanced=BALANCED,
        faults=[] if report is None else report.faults[:FAULTS_SHOWN],
        shown=FAULTS_SHOWN,
        csv=f"/reconciliation.csv?{urlencode(wanted)}",
        usual=f"{month_before(pages.now().date().replace(day=1)):%Y-%m}",
    )


@router.get("/reconciliation.csv")
async def as_csv(request: Request) -> Response:
    """The same report for a spreadsheet."""
    given = _given(request)
    report = await _report(request, given)
    name = f"reconciliation-{report.days.first}-{report.days.last}.csv"
    return Response(
        reconciliation_csv(report),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _given(request: Request) -> dict[str, str]:
    return {name: asked(request, name, NAME_MAX) for name in NAMES}


async def _report(request: Request, given: dict[str, str]) -> Reconciliation:
    services = services_as_of(request)
    days = Cycle.parse(given["month"]).days if given["month"] else None
    run, tariff, group, account = (given[name] or None for name in NAMES[1:5])
    use_case = Reconcile(services.reconciliation, services.clock)
    return await use_case(ReconciledScope(days, run, tariff, group, account))
