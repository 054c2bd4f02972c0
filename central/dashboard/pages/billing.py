"""Bills, their lines and the intervals behind them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import SentForm
from central.dashboard.language import chosen_language
from central.dashboard.page import (
    ROWS,
    asked,
    back_to,
    is_part,
    last_of,
    pages_of,
    services_as_of,
)
from central.dashboard.pages.accounts import points_of
from central.dashboard.slots import line_slots
from central.domain.billing.bill_question import TEXT_MAX, QuestionKind
from central.domain.einvoice.form import EInvoiceForm
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.find_bill import find_uid
from central.service.billing.print_invoice import BillFile
from central.service.operator.bill_change import view_change
from central.service.operator.bill_orders import questions_of
from central.service.views.lookup import require

router = APIRouter(include_in_schema=False)


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
        kinds=list(QuestionKind),
        text_max=TEXT_MAX,
        questions=(
            await questions_of(pages.services).listed(bill=UUID(view.bill), limit=ROWS)
        ).rows,
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
@router.get("/bills/{bill}/cancel")
@router.get("/bills/{bill}/issue")
@router.get("/bills/{bill}/rebill")
async def confirm(request: Request, bill: str) -> Response:
    """What is done to a bill, before it is done."""
    pages = pages_of(request)
    view = require(await pages.services.billing.bill(bill), "bill", bill)
    total = (view.currency or "", view.amounts.due) if view.amounts else None
    return pages.render(
        request,
        "confirm.html",
        do=last_of(request),
        count=1,
        about=f"{view.account_name} {view.account_number}, {view.cycle}",
        totals=[total] if total else [],
        days=DayRange(view.start, view.end),
        back=f"/bills/{view.bill}",
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


@router.post("/bills/{bill}/rebill")
async def rebill(request: Request, bill: UUID) -> Response:
    """Propose credit notes of a bill and those after it that differ, and bills in their place."""
    form = await SentForm.of(request)
    services = pages_of(request).services
    view = require(await services.billing.bill(str(bill)), "bill", bill)
    reason = form.text("reason", "Reason")
    await services.rebill(view.account_number, request.state.actor, reason, bill)
    return back_to(f"/accounts/{view.account}")


@router.post("/bills/{bill}/cancel")
async def cancel(request: Request, bill: UUID) -> Response:
    """Propose the credit note of an issued bill, which somebody else approves."""
    form = await SentForm.of(request)
    reason = form.text("reason", "Reason")
    (draft,) = await pages_of(request).services.cancel([bill], request.state.actor, reason)
    return back_to(f"/bills/{draft}")
