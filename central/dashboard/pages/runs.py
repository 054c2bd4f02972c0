"""Bill runs: started, watched, looked through, approved and issued."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, last_of, pages_of
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle, UnlistedPeriodError
from central.domain.billing.run_scope import RunScope
from central.domain.rating.inputs.segments import DayRange
from central.service.operator.bill_change import view_change
from central.service.operator.bill_orders import approve_run, issue_run, run_again
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)
SOME = 3
LARGEST, CAUSES = 10, 3


@router.get("/runs")
async def runs(request: Request) -> Response:
    """List bill runs, newest first."""
    pages = pages_of(request)
    services = pages.services
    waiting, _ = await services.claims.count()
    return pages.render(
        request,
        "runs.html",
        runs=await services.billing.runs(after=cursor(request), limit=ROWS),
        conflicts=(await services.claims.conflicts(limit=SOME)).rows if waiting else (),
        waiting=waiting,
    )


@router.get("/runs/start")
async def choose(request: Request) -> Response:
    """What a run may bill."""
    pages = pages_of(request)
    today = pages.now().date()
    month = Cycle(today.year, today.month)
    groups = await pages.services.memberships.groups(today=today, limit=ROWS)
    return pages.render(
        request,
        "run_start.html",
        months=[str(month.previous), str(month.previous.previous), str(month)],
        groups=groups.rows,
        cycle=asked(request, "cycle"),
    )


@router.post("/runs")
async def start(request: Request) -> Response:
    """Have a period billed; the page of the run says how far it is."""
    form = await SentForm.of(request)
    group, account = form.optional("group", "Group"), form.optional("account", "Account")
    if group and account:
        message = "Group and Account: a run bills a group or one account."
        raise FieldRefusedError(message, value=group)
    pages = pages_of(request)
    run = await pages.services.run_bills.start(
        Cycle.parse(form.text("cycle", "Period", 64)),
        request.state.actor,
        RunType.FINAL if form.has("final") else RunType.REGULAR,
        RunScope(group or None, account or None),
    )
    pages.background.begin(pages.services.run_bills.work(run))
    return back_to(f"/runs/{run.uid}")


@router.post("/runs/{run}/calculate")
async def calculate(request: Request, run: str) -> Response:
    """Calculate what is due and not billed, and the bills that are held."""
    pages = pages_of(request)
    record = await run_again(pages.services, run, request.state.actor)
    pages.background.begin(pages.services.run_bills.work(record))
    return back_to(f"/runs/{record.uid}")


@router.get("/runs/{run}/changes")
async def changes(request: Request, run: str) -> Response:
    """The bills that differ most from the ones before, each with its largest causes."""
    pages = pages_of(request)
    billing = pages.services.billing
    view = require(await billing.run(run), "bill run", run)
    listed = []
    for bill in await billing.largest_changes(run, LARGEST):
        change = await view_change(billing, bill, await billing.lines(bill.bill))
        if change is not None:
            steps = sorted(change.steps, key=lambda row: -abs(row.step.amount))
            listed.append((bill, change, steps[:CAUSES], len(steps) - CAUSES))
    return pages.render(request, "run_changes.html", run=view, changes=listed)


@router.get("/runs/{run}")
async def run(request: Request, run: str) -> Response:
    """One run and its bills."""
    pages = pages_of(request)
    billing = pages.services.billing
    view = require(await billing.run(run), "bill run", run)
    state, search = asked(request, "state"), asked(request, "q")
    bills = await billing.bills(
        run=run, state=state or None, search=search, after=cursor(request), limit=ROWS
    )
    return pages.render(
        request,
        "run.html",
        run=view,
        bills=bills,
        state=state,
        search=search,
        left_out=await billing.not_billed_counts(run),
        progress=require(await billing.run_progress(run), "bill run", run),
    )


@router.get("/runs/{run}/not-billed")
async def not_billed(request: Request, run: str) -> Response:
    """The days that a run left out, and why."""
    pages = pages_of(request)
    billing = pages.services.billing
    view = require(await billing.run(run), "bill run", run)
    code = asked(request, "code")
    entries = await billing.not_billed(run, code=code or None, after=cursor(request), limit=ROWS)
    return pages.render(
        request,
        "not_billed.html",
        run=view,
        entries=entries,
        counts=await billing.not_billed_counts(run),
        code=code,
    )


@router.get("/runs/{run}/approve")
@router.get("/runs/{run}/issue")
async def confirm_all(request: Request, run: str) -> Response:
    """What approving or issuing the bills of a run means, before it is done."""
    pages = pages_of(request)
    view = require(await pages.services.billing.run(run), "bill run", run)
    do = last_of(request)
    progress = require(await pages.services.billing.run_progress(run), "bill run", run)
    return pages.render(
        request,
        "confirm.html",
        do=do,
        count=view.drafts if do == "approve" else view.approved,
        about=f"{view.cycle}, {view.scope}" if view.scope else view.cycle,
        totals=progress.totals_of("draft" if do == "approve" else "approved"),
        days=_days_of(view.cycle),
        back=f"/runs/{view.run}",
    )


@router.post("/runs/{run}/approve")
async def approve_all(request: Request, run: str) -> Response:
    """Approve every draft of a run."""
    outcome = await approve_run(pages_of(request).services, run, request.state.actor)
    outcome.require_all()
    return back_to(f"/runs/{run}")


@router.post("/runs/{run}/issue")
async def issue_all(request: Request, run: str) -> Response:
    """Issue every approved bill of a run."""
    outcome = await issue_run(pages_of(request).services, run, request.state.actor)
    outcome.require_all()
    return back_to(f"/runs/{run}")


def _days_of(cycle: str) -> DayRange | None:
    """The days of a period whose name says them."""
    try:
        return Cycle.parse(cycle).days
    except UnlistedPeriodError:
        return None
