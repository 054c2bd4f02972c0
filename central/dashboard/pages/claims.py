"""Days that bills of earlier releases billed twice or not, and what is decided about them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, pages_of
from central.domain.billing.claim_conflict import ClaimDecision
from central.service.billing.decide_claims import decide_claim_conflict
from central.service.ports.decisions import DecisionNote

router = APIRouter(include_in_schema=False)


@router.get("/claim-conflicts")
async def claim_conflicts(request: Request) -> Response:
    """Those that are open, or those that are decided."""
    pages = pages_of(request)
    decided = asked(request, "show") == "decided"
    claims = pages.services.claims
    return pages.render(
        request,
        "claim_conflicts.html",
        conflicts=await claims.conflicts(decided=decided, after=cursor(request), limit=ROWS),
        counts=await claims.count(),
        decided=decided,
    )


@router.post("/claim-conflicts/{conflict}/decide")
async def decide(request: Request, conflict: int) -> Response:
    """Decide one."""
    services = pages_of(request).services
    form = await SentForm.of(request)
    chosen = form.text("decision", "Decision")
    try:
        decision = ClaimDecision(chosen)
    except ValueError:
        message = f"{chosen!r} is not a decision."
        raise FieldRefusedError(message, value=chosen) from None
    note = DecisionNote(request.state.actor, form.text("reason", "Reason"), services.clock())
    await decide_claim_conflict(services.claims, conflict, decision, note)
    return back_to("/claim-conflicts")
