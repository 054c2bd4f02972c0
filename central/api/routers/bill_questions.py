"""Questions about lines of bills."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from central.api.idempotency import DoOnce, shown_at
from central.api.parameters import LIMIT, After, Limit, Services
from central.api.schemas.base import PageOut, page_out
from central.api.schemas.bill_questions import (
    BillAnswerIn,
    BillQuestionIn,
    BillQuestionOut,
    BillQuestionRef,
)
from central.service.operator.bill_orders import questions_of
from central.service.operator.services import OperatorServices
from central.service.views.lookup import require

router = APIRouter(tags=["bills"])
OneAccount = Annotated[str | None, Query(min_length=1, max_length=200, description="Number.")]
Waiting = Annotated[bool, Query(description="Only those that nobody answered.")]
OneBill = Annotated[UUID | None, Query(description="Only those about this bill.")]
LineNumber = Annotated[int, Path(ge=1, le=99_999)]


@router.get("/bill-questions")
async def list_bill_questions(  # noqa: PLR0913, PLR0917 - one parameter each
    services: Services,
    waiting: Waiting = False,  # noqa: FBT002 - of a query
    bill: OneBill = None,
    account: OneAccount = None,
    after: After = None,
    limit: Limit = LIMIT,
) -> PageOut[BillQuestionOut]:
    """List questions about lines of bills, the oldest first."""
    page = await questions_of(services).listed(
        waiting=waiting, bill=bill, account=account, after=after, limit=limit
    )
    return page_out(page, lambda each: BillQuestionOut.model_validate(each.to_json()))


@router.post(
    "/bills/{bill}/lines/{number}/questions",
    responses={HTTPStatus.CREATED.value: {"model": BillQuestionOut}},
    response_model=None,
)
async def ask_about_line(
    services: Services, once: DoOnce, bill: UUID, number: LineNumber, order: BillQuestionIn
) -> Response:
    """Ask about a line of an issued bill, or dispute it."""

    async def work() -> tuple[HTTPStatus, BillQuestionOut]:
        uid = await questions_of(services).ask(bill, number, order.kind, order.text, once.actor)
        return HTTPStatus.CREATED, await _question(services, uid)

    return await once(work, lambda answer: shown_at("bill-questions", answer["question"])(answer))


@router.get("/bill-questions/{question}")
async def get_bill_question(services: Services, question: UUID) -> BillQuestionOut:
    """Get one question about a line of a bill."""
    return await _question(services, question)


async def _question(services: OperatorServices, question: UUID) -> BillQuestionOut:
    asked = require(await questions_of(services).question(question), "question", question)
    return BillQuestionOut.model_validate(asked.to_json())


@router.post(
    "/bill-questions/{question}/answer",
    responses={HTTPStatus.OK.value: {"model": BillQuestionRef}},
    response_model=None,
)
async def answer_bill_question(
    services: Services, once: DoOnce, question: UUID, order: BillAnswerIn
) -> Response:
    """Answer a question that waits."""

    async def work() -> tuple[HTTPStatus, BillQuestionRef]:
        await questions_of(services).answer(question, order.text, once.actor)
        return HTTPStatus.OK, BillQuestionRef(question=str(question))

    return await once(work)
