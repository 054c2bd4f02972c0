"""Shadow bills: what another system billed, beside what is billed here."""

from __future__ import annotations

import math
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import SentForm
from central.dashboard.page import pages_of
from central.domain.billing.shadow_bill import ComparedBill, ShadowReport
from central.service.billing.shadow_bills import ShadowBills
from central.service.billing.shadow_file import read_names, read_shadow_lines
from central.service.spreadsheet import written_csv

router = APIRouter(include_in_schema=False)
TEXT_MAX: Final = 200_000
SHOWN_MAX: Final = 100
_FIELDS: Final = ("file", "names")


@router.get("/shadow-bills")
async def shadow_bills(request: Request) -> Response:
    """Ask for the other system's lines."""
    return _page(request, dict.fromkeys(_FIELDS, ""), comma=False)


@router.post("/shadow-bills")
async def compare_shadow_bills(request: Request) -> Response:
    """Compare the other system's lines with the bills here. Nothing is kept and nothing changed."""
    form = await SentForm.of(request)
    given = {"file": form.document("file", "Lines", TEXT_MAX), "names": ""}
    names = None
    if form.lines("names", "Names"):
        given["names"] = form.document("names", "Names", TEXT_MAX)
        names = read_names(given["names"])
    comma = form.has("decimal_comma")
    lines = read_shadow_lines(given["file"], names, decimal_comma=comma)
    report = await ShadowBills(pages_of(request).services.bills)(lines)
    if form.optional("as", "Form") == "csv":
        return _csv(report)
    return _page(request, given, comma=comma, report=report)


def _page(
    request: Request, given: dict[str, str], *, comma: bool, report: ShadowReport | None = None
) -> Response:
    # Bills that differ first: they are what somebody has to look at.
    bills: list[ComparedBill] = [] if report is None else sorted(report.bills, key=_is_equal)
    return pages_of(request).render(
        request,
        "shadow_bills.html",
        given=given,
        comma=comma,
        report=report,
        permille=None if report is None else _permille_equal(report),
        bills=bills[:SHOWN_MAX],
        count=len(bills),
    )


def _is_equal(bill: ComparedBill) -> bool:
    return bill.equal


def _permille_equal(report: ShadowReport) -> int | None:
    """The share of equal bills, rounded down, so that most is not all. [per mille]."""
    share = report.share_equal
    return None if share is None else math.floor(share * 1000)


def _csv(report: ShadowReport) -> Response:
    """Each line of each bill, for a spreadsheet."""
    rows = [
        {"account": bill.account, "period": bill.period, "bill": bill.bill, **line.to_json()}
        for bill in report.bills
        for line in bill.lines
    ]
    return Response(
        written_csv(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="shadow-bills.csv"'},
    )
