"""Days of bills from before there were claims, for somebody to decide."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce
from central.api.parameters import LIMIT, After, Limit, Services, ServicesAsOf
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.claim_conflicts import (
    ClaimConflictOut,
    ClaimDecisionIn,
    ClaimDecisionOut,
)
from central.service.billing.decide_claims import decide_claim_conflict
from central.service.ports.decisions import DecisionNote

router = APIRouter(tags=["bills"])
Decided = Annotated[bool, Query(description="Those that are decided, in place of those open.")]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/claim-conflicts")
async def list_claim_conflicts(
    services: ServicesAsOf, *, decided: Decided = False, after: After = None, limit: Limit = LIMIT
) -> PageOut[ClaimConflictOut]:
    """List days that bills of earlier releases billed twice or not, by number."""
    page = await services.claims.conflicts(decided=decided, after=after, limit=limit)
    return page_out(page, ClaimConflictOut.model_validate)


@router.post(
    "/claim-conflicts/{conflict}/decide",
    responses={HTTPStatus.OK.value: {"model": ClaimDecisionOut}},
    response_model=None,
)
async def decide(
    services: Services, once: DoOnce, conflict: Number, order: ClaimDecisionIn
) -> Response:
    """Decide what becomes of the days. No bill changes by it."""

    async def work() -> tuple[HTTPStatus, ClaimDecisionOut]:
        note = DecisionNote(once.actor, order.reason, services.clock())
        await decide_claim_conflict(services.claims, conflict, order.decision, note)
        return HTTPStatus.OK, ClaimDecisionOut(conflict=conflict, decision=order.decision)

    return await once(work)
