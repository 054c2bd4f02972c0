"""Issued bills that would say something else today: the list, and one with both bills."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import asked, back_to, pages_of
from central.domain.billing.candidate import CandidateHold
from central.domain.billing.correction import CorrectionWay
from central.service.billing.rate_tail import CorrectionHeldError, CorrectionOrderError

router = APIRouter(include_in_schema=False)


@router.get("/candidates")
async def candidates(request: Request) -> Response:
    """Those that are open, or those that are settled."""
    pages = pages_of(request)
    closed = asked(request, "show") == "closed"
    return pages.render(
        request,
        "candidates.html",
        candidates=await pages.services.show_candidates.listed(closed=closed),
        figures=await pages.services.candidates.figures(pages.now()),
        closed=closed,
    )


@router.get("/candidates/{uid}")
async def candidate(request: Request, uid: UUID) -> Response:
    """One, with its bills as they are and as they would be."""
    pages = pages_of(request)
    services = pages.services
    chosen = await services.show_candidates.by_uid(uid)
    report, hold = None, None
    try:
        report = await services.show_candidates.report(chosen)
    except (CorrectionHeldError, CorrectionOrderError) as error:
        hold = CandidateHold(error.code, error.message)
    return pages.render(request, "candidate.html", candidate=chosen, report=report, hold=hold)


@router.get("/candidates/{uid}/decide")
async def preview(request: Request, uid: UUID) -> Response:
    """What a way to settle one would do, before somebody proposes it."""
    pages = pages_of(request)
    chosen = await pages.services.show_candidates.by_uid(uid)
    do = asked(request, "do")
    if do not in {*CorrectionWay, "rebill"}:
        message = f"Action: {do!r} is not adjust, leave or rebill."
        raise FieldRefusedError(message, value=do)
    report = await pages.services.show_candidates.report(chosen)
    return pages.render(request, "candidate_decide.html", candidate=chosen, report=report, do=do)


@router.post("/candidates/{uid}")
async def decide(request: Request, uid: UUID) -> Response:
    """Decide what becomes of one, or approve or withdraw what somebody decided."""
    services = pages_of(request).services
    form = await SentForm.of(request)
    actor, do = request.state.actor, form.text("do", "Action")
    chosen = await services.show_candidates.by_uid(uid)
    if do in set(CorrectionWay):
        reason = form.text("reason", "Reason")
        way = CorrectionWay(do)
        await services.correct.decide(chosen.account, way, actor, reason, chosen.bill)
    elif do == "rebill":
        await services.rebill(chosen.account, actor, form.text("reason", "Reason"), chosen.bill)
    elif do == "approve" and chosen.correction is not None:
        await services.correct.approve(chosen.correction, actor)
    elif do == "withdraw" and chosen.correction is not None:
        await services.correct.withdraw(chosen.correction, actor, form.text("reason", "Reason"))
    else:
        message = f"Action: {do!r} is not adjust, leave, rebill, approve or withdraw."
        raise FieldRefusedError(message, value=do)
    return back_to(f"/candidates/{uid}")
