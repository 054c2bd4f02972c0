"""What issued bills would say today, and what becomes of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, first_bill, shown_at
from central.api.parameters import LIMIT, After, Limit, Services, UpdatedSince
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.corrections import (
    ApprovedCorrectionOut,
    CandidateFiguresOut,
    CandidateOut,
    CandidatesOut,
    CorrectionIn,
    CorrectionOut,
    CorrectionReportOut,
    DecidedCorrectionOut,
    WithdrawnCorrectionIn,
)
from central.api.schemas.writes import ProposedOut, RebillIn
from central.service.billing.approve_bills import unknown
from central.service.billing.find_bill import find_uid
from central.service.operator.services import OperatorServices

router = APIRouter(tags=["bills"])
FromBill = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=200,
        description="First bill, by identifier or legal number; default: the first of which an"
        " input is another.",
    ),
]

OneAccount = Annotated[str | None, Query(min_length=1, max_length=200, description="Number.")]


@router.get("/accounts/{account}/correction-preview")
async def preview_correction(
    services: Services, account: str, from_bill: FromBill = None
) -> CorrectionReportOut:
    """Rate an account's issued bills again, and give what would differ. Nothing is changed."""
    report = await services.correct.preview(account, await _first(services, from_bill))
    return CorrectionReportOut.model_validate(report.to_json())


@router.post(
    "/accounts/{account}/rebill",
    responses={HTTPStatus.CREATED.value: {"model": ProposedOut}},
    response_model=None,
)
async def rebill(services: Services, once: DoOnce, account: str, order: RebillIn) -> Response:
    """Propose credit notes of an account's issued bills, and new bills in their place.

    Somebody else approves them, and they are issued together.
    """

    async def work() -> tuple[HTTPStatus, ProposedOut]:
        uid = await _first(services, order.from_bill)
        drafts = await services.rebill(
            account, once.actor, order.reason, uid, only_changed=order.only_changed
        )
        return HTTPStatus.CREATED, ProposedOut(bills=list(drafts))

    return await once(work, first_bill)


@router.get("/correction-candidates")
async def list_candidates(  # noqa: PLR0913, PLR0917 - one filter each
    services: Services,
    account: OneAccount = None,
    closed: Annotated[bool, Query(description="Those that are settled.")] = False,  # noqa: FBT002
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> CandidatesOut:
    """List accounts whose issued bills would say something else today, the oldest first."""
    page = await services.show_candidates.page(account, after, limit, updated_since, closed=closed)
    figures = await services.candidates.figures(services.clock())
    return CandidatesOut(
        figures=CandidateFiguresOut(**figures._asdict()),
        items=[CandidateOut.model_validate(each.to_json()) for each in page.rows],
        after=page.after,
    )


@router.get("/correction-candidates/{candidate}")
async def show_candidate(services: Services, candidate: UUID) -> CandidateOut:
    """Get a candidate; its bills as they are and would be are its account's preview."""
    chosen = await services.show_candidates.by_uid(candidate)
    return CandidateOut.model_validate(chosen.to_json())


@router.get("/corrections")
async def list_corrections(
    services: Services,
    account: OneAccount = None,
    updated_since: UpdatedSince = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[CorrectionOut]:
    """List decisions about issued bills, newest first."""
    page = await services.correct.page(account, after, limit, updated_since)
    return page_out(page, lambda each: CorrectionOut.model_validate(each.to_json()))


@router.post(
    "/corrections",
    responses={HTTPStatus.CREATED.value: {"model": CorrectionOut}},
    response_model=None,
)
async def decide_correction(services: Services, once: DoOnce, order: CorrectionIn) -> Response:
    """Decide what becomes of issued bills that would say something else; another approves it."""

    async def work() -> tuple[HTTPStatus, CorrectionOut]:
        since = await _first(services, order.from_bill)
        uid = await services.correct.decide(
            order.account, order.way, once.actor, order.reason, since
        )
        decided = await services.correct.by_uid(uid)
        return HTTPStatus.CREATED, CorrectionOut.model_validate(decided.to_json())

    return await once(work, shown_at("corrections"))


@router.post(
    "/corrections/{correction}/approve",
    responses={HTTPStatus.OK.value: {"model": ApprovedCorrectionOut}},
    response_model=None,
)
async def approve_correction(services: Services, once: DoOnce, correction: UUID) -> Response:
    """Approve a decision that somebody else made, and carry it out."""

    async def work() -> tuple[HTTPStatus, ApprovedCorrectionOut]:
        withdrawn = await services.correct.approve(correction, once.actor)
        bills = list(map(str, withdrawn))
        return HTTPStatus.OK, ApprovedCorrectionOut(correction=str(correction), withdrawn=bills)

    return await once(work)


@router.post(
    "/corrections/{correction}/withdraw",
    responses={HTTPStatus.OK.value: {"model": DecidedCorrectionOut}},
    response_model=None,
)
async def withdraw_correction(
    services: Services, once: DoOnce, correction: UUID, order: WithdrawnCorrectionIn
) -> Response:
    """Withdraw a decision that is not approved yet. Nothing else changes."""

    async def work() -> tuple[HTTPStatus, DecidedCorrectionOut]:
        await services.correct.withdraw(correction, once.actor, order.reason)
        return HTTPStatus.OK, DecidedCorrectionOut(correction=str(correction))

    return await once(work)


async def _first(services: OperatorServices, name: str | None) -> UUID | None:
    """The identifier of a bill by what it is called; None where none is named."""
    if name is None:
        return None
    uid = await find_uid(services.bills, name)
    if uid is None:
        raise unknown(name)
    return uid
