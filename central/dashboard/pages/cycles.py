"""Billing cycles: their periods, what of them is billed, and their accounts."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, pages_of
from central.domain.billing.account_periods import built_in_cycle
from central.domain.billing.billing_cycle import BillingCycle
from central.service.registry.cycle_file import read_cycle_file
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)
FILE_MAX = 40_000
BILL_AFTER_MAX = 366
BOARD_BACK, BOARD_ROWS = timedelta(days=95), 100


@router.get("/cycles")
async def cycles(request: Request) -> Response:
    """All cycles, fifty at a time."""
    pages = pages_of(request)
    search = asked(request, "q")
    listed = await pages.services.memberships.cycles(
        today=pages.now().date(), search=search, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "cycles.html", cycles=listed, search=search)


@router.get("/board")
async def board(request: Request) -> Response:
    """How far each cycle's periods of the last months are."""
    pages = pages_of(request)
    today = pages.now().date()
    rows = await pages.services.memberships.board(
        since=today - BOARD_BACK, today=today, after=cursor(request), limit=BOARD_ROWS
    )
    return pages.render(request, "board.html", board=rows, today=today)


@router.post("/cycles")
async def add(request: Request) -> Response:
    """Add a cycle of months."""
    form = await SentForm.of(request)
    cycle = BillingCycle(
        form.text("cycle", "Name", 31),
        form.day("first", "First day"),
        form.whole("months", "Months", 12),
        form.whole("bill_after", "Days to the bill", BILL_AFTER_MAX),
    )
    use_case = pages_of(request).services.cycles(request.state.actor, form.text("reason", "Reason"))
    await use_case.add(cycle)
    return back_to(_address(cycle.name))


@router.post("/cycles/extend")
async def extend(request: Request) -> Response:
    """Continue all lists."""
    pages = pages_of(request)
    form = await SentForm.of(request)
    use_case = pages.services.cycles(request.state.actor, form.text("reason", "Reason"))
    changes = await use_case.extend()
    return pages.render(request, "cycle_changes.html", changes=changes, given="", dry_run=False)


@router.post("/cycles/lists")
async def write_lists(request: Request) -> Response:
    """Write lists by hand, or say what would become of them."""
    pages = pages_of(request)
    form = await SentForm.of(request)
    text = form.document("file", "List of periods", FILE_MAX)
    dry_run = form.has("dry_run")
    reason = form.optional("reason", "Reason") if dry_run else form.text("reason", "Reason")
    use_case = pages.services.cycles(request.state.actor, reason)
    changes = await use_case.put_lists(read_cycle_file(text, "The list"), dry_run=dry_run)
    return pages.render(request, "cycle_changes.html", changes=changes, given=text, dry_run=dry_run)


@router.get("/cycles/{name}")
async def cycle(request: Request, name: str) -> Response:
    """One cycle with its periods and accounts."""
    pages = pages_of(request)
    overview, today = pages.services.memberships, pages.now().date()
    view = await overview.cycle(name, today)
    require(view or built_in_cycle(name), "billing cycle", name)
    periods = await overview.periods(
        name,
        billed=asked(request, "show") == "billed",
        after=request.query_params.get("periods") or None,
        limit=ROWS,
    )
    ever, search = asked(request, "who") == "ever", asked(request, "q")
    accounts = await overview.accounts(
        name,
        today=None if ever else today,
        search=search,
        after=cursor(request),
        limit=ROWS,
    )
    return pages.render(
        request,
        "cycle.html",
        name=name,
        cycle=view,
        periods=periods,
        accounts=accounts,
        ever=ever,
        search=search,
        billed=asked(request, "show") == "billed",
        today=today,
    )


@router.post("/cycles/{name}/accounts")
async def assign(request: Request, name: str) -> Response:
    """Put an account into a cycle."""
    form = await SentForm.of(request)
    use_case = pages_of(request).services.cycles(request.state.actor, form.text("reason", "Reason"))
    await use_case.assign(form.text("account", "Account"), name, form.day("first", "From"))
    return back_to(_address(name))


def _address(name: str) -> str:
    return f"/cycles/{quote(name, safe='')}"
