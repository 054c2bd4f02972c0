"""Runs, bills, lines and the intervals behind them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import SentForm
from central.dashboard.language import chosen_language
from central.dashboard.page import ROWS, asked, back_to, cursor, is_part, pages_of, services_as_of
from central.dashboard.pages.accounts import points_of
from central.dashboard.slots import line_slots
from central.domain.einvoice.form import EInvoiceForm
from central.service.billing.find_bill import find_uid
from central.service.billing.print_invoice import BillFile
from central.service.operator.bill_change import view_change
from central.service.operator.bill_orders import approve_run, issue_run
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)
SOME = 3


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


@router.get("/bills/{bill}")
async def bill(request: Request, bill: str) -> Response:
    """One bill and its lines; by its legal number as well."""
    pages = pages_of(request)
    services = services_as_of(request)
    billing = services.billing
    uid = await find_uid(pages.services.bills, bill)
    view = require(None if uid is None else await billing.bill(str(uid)), "bill", bill)
    lines = await billing.lines(view.bill)
    chain = await services.cancellations.chain(UUID(view.bill))
    agreements = await billing.agreements(view.account, limit=ROWS)
    billed = tuple(
        agreement
        for agreement in agreements.rows
        if agreement.start < view.end and (agreement.end is None or agreement.end > view.start)
    )
    supplies = (await points_of(services, billed)).values()
    return pages.render(
        request,
        "bill.html",
        bill=view,
        forms=list(EInvoiceForm),
        lines=lines,
        chain=chain,
        supplies=list(supplies),
        change=await view_change(billing, view, lines),
    )


@router.get("/bills/{bill}/invoice.pdf")
async def invoice(request: Request, bill: str) -> Response:
    """Get the invoice of an issued bill as PDF."""
    return _inline(await pages_of(request).services.print_bill.invoice(bill))


@router.get("/bills/{bill}/invoice.xml")
async def einvoice(
    request: Request,
    bill: str,
    form: Annotated[EInvoiceForm, Query(alias="format")] = EInvoiceForm.UBL,
) -> Response:
    """Get an issued bill or credit note as a structured invoice."""
    file = await pages_of(request).services.write_einvoice(bill, form)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type="application/xml", headers=headers)


@router.get("/bills/{bill}/draft.pdf")
async def draft(request: Request, bill: str) -> Response:
    """Get a bill that is not issued as PDF, marked as a draft."""
    return _inline(await pages_of(request).services.print_bill.draft(bill))


def _inline(file: BillFile) -> Response:
    headers = {"Content-Disposition": f'inline; filename="{file.name}"'}
    return Response(file.content, media_type="application/pdf", headers=headers)


@router.get("/bills/{bill}/lines/{line}")
async def line(request: Request, bill: str, line: int) -> Response:
    """The quantities behind a line, their intervals by day, and their sums."""
    pages, services = pages_of(request), services_as_of(request)
    view = require(await services.billing.bill(bill), "bill", bill)
    explained = await services.explain_line(bill, line)
    template = "_line.html" if is_part(request) else "line.html"
    return pages.render(request, template, bill=view, explained=explained)


@router.get("/bills/{bill}/lines/{line}/{place}/{day}")
async def line_day(request: Request, bill: str, line: int, place: int, day: date) -> Response:
    """The intervals of one day behind one quantity of a line."""
    pages, services = pages_of(request), services_as_of(request)
    view = require(await services.billing.bill(bill), "bill", bill)
    explained = await services.explain_line(bill, line)
    proof = require(dict(enumerate(explained.proofs)).get(place), "quantity of this line", place)
    series = asked(request, "series")
    days = [row for row in proof.days if row.day == day and series in {"", row.series}]
    row = require(next(iter(days), None), "day", day)
    return pages.render(
        request,
        "_line_day.html" if is_part(request) else "line_day.html",
        bill=view,
        explained=explained,
        proof=proof,
        row=row,
        slots=list(line_slots(row, proof.zone, chosen_language(request))),
    )


@router.get("/bills/{bill}/approve")
@router.get("/bills/{bill}/issue")
async def confirm(request: Request, bill: str) -> Response:
    """What approving or issuing a bill means, before it is done."""
    pages = pages_of(request)
    view = require(await pages.services.billing.bill(bill), "bill", bill)
    total = (view.currency or "", view.amounts.due) if view.amounts else None
    return pages.render(
        request,
        "confirm.html",
        do=_last_of(request),
        count=1,
        about=f"{view.account_name} {view.account_number}, {view.cycle}",
        totals=[total] if total else [],
        back=f"/bills/{view.bill}",
    )


def _last_of(request: Request) -> str:
    """What the address ends with: what is to be done."""
    return request.url.path.rpartition("/")[2]


@router.get("/runs/{run}/approve")
@router.get("/runs/{run}/issue")
async def confirm_all(request: Request, run: str) -> Response:
    """What approving or issuing the bills of a run means, before it is done."""
    pages = pages_of(request)
    view = require(await pages.services.billing.run(run), "bill run", run)
    do = _last_of(request)
    return pages.render(
        request,
        "confirm.html",
        do=do,
        count=view.drafts if do == "approve" else view.approved,
        about=f"{view.cycle}, {view.scope}" if view.scope else view.cycle,
        totals=view.totals,
        back=f"/runs/{view.run}",
    )


@router.post("/bills/{bill}/approve")
async def approve(request: Request, bill: UUID) -> Response:
    """Approve a draft."""
    await pages_of(request).services.approve.one(bill, request.state.actor)
    return back_to(f"/bills/{bill}")


@router.post("/bills/{bill}/issue")
async def issue(request: Request, bill: UUID) -> Response:
    """Issue an approved bill."""
    await pages_of(request).services.issue.one(bill, request.state.actor)
    return back_to(f"/bills/{bill}")


@router.post("/bills/{bill}/discard")
async def discard(request: Request, bill: UUID) -> Response:
    """Discard a draft or held bill."""
    await pages_of(request).services.discard([bill], request.state.actor)
    return back_to(f"/bills/{bill}")


@router.post("/bills/{bill}/withdraw")
async def withdraw(request: Request, bill: UUID) -> Response:
    """Take the approval of a bill back before it is issued."""
    form = await SentForm.of(request)
    reason = form.text("reason", "Reason")
    await pages_of(request).services.withdraw([bill], request.state.actor, reason)
    return back_to(f"/bills/{bill}")


@router.post("/bills/{bill}/cancel")
async def cancel(request: Request, bill: UUID) -> Response:
    """Propose the credit note of an issued bill, which somebody else approves."""
    form = await SentForm.of(request)
    reason = form.text("reason", "Reason")
    (draft,) = await pages_of(request).services.cancel([bill], request.state.actor, reason)
    return back_to(f"/bills/{draft}")


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
