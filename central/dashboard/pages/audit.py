"""The audit log: who did what, and whether the log still says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, pages_of
from central.service.audit.row_text import changed_fields, reason_of
from central.service.operator.audit_log import audit_page
from central.service.ports.audit import AuditFilter

router = APIRouter(include_in_schema=False)
WAIT_S = 2.0
NAMES = ("subject", "actor", "action", "origin", "since", "until")
NAME_MAX = 200


@router.get("/audit")
async def audit(request: Request) -> Response:
    """The log, newest first, and what its last verification found."""
    pages = pages_of(request)
    services = pages.services
    given = {name: asked(request, name, NAME_MAX) for name in NAMES}
    days = SentForm(given)
    wanted = AuditFilter(
        given["subject"] or None,
        given["actor"] or None,
        given["action"] or None,
        _start(days.optional_day("since", "From")),
        _start(days.optional_day("until", "To"), timedelta(days=1)),
        origin=given["origin"] or None,
    )
    return pages.render(
        request,
        "audit.html",
        rows=await audit_page(services.audit, wanted, after=cursor(request), limit=ROWS),
        given=given,
        filtered=any(given.values()),
        head=await services.audit.head(),
        check=services.audit_check,
        fields=changed_fields,
        reason_of=reason_of,
    )


@router.post("/audit/check")
async def begin_check(request: Request) -> Response:
    """Verify the log; the page says what was found, or that it goes on."""
    await pages_of(request).services.audit_check.begin(WAIT_S)
    return back_to("/audit")


def _start(day: date | None, plus: timedelta = timedelta()) -> datetime | None:
    if day is None or day >= date.max:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + plus
