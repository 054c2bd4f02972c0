"""Questions about lines of bills: those that wait, asking, and answering."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import ROWS, asked, back_to, cursor, pages_of
from central.domain.billing.bill_question import TEXT_MAX, QuestionKind
from central.service.operator.bill_orders import questions_of

router = APIRouter(include_in_schema=False)
_LINES_MAX = 99_999


@router.get("/bill-questions")
async def bill_questions(request: Request) -> Response:
    """Those that wait, the oldest first; or all that there ever were."""
    pages = pages_of(request)
    every = asked(request, "show") == "every"
    questions = await questions_of(pages.services).listed(
        waiting=not every, after=cursor(request), limit=ROWS
    )
    return pages.render(request, "bill_questions.html", questions=questions, every=every)


@router.post("/bills/{bill}/questions")
async def ask(request: Request, bill: UUID) -> Response:
    """Ask about a line, or dispute it."""
    form = await SentForm.of(request)
    kind = form.text("kind", "Kind")
    if kind not in set(QuestionKind):
        message = f"Kind: {kind!r} is not question or dispute."
        raise FieldRefusedError(message, value=kind)
    line = form.whole("line", "Line", _LINES_MAX)
    text = form.document("text", "Question", TEXT_MAX)
    use_case = questions_of(pages_of(request).services)
    await use_case.ask(bill, line, QuestionKind(kind), text, request.state.actor)
    return back_to(f"/bills/{bill}#questions")


@router.post("/bill-questions/{question}/answer")
async def answer(request: Request, question: UUID) -> Response:
    """Answer one that waits."""
    form = await SentForm.of(request)
    text = form.document("text", "Answer", TEXT_MAX)
    await questions_of(pages_of(request).services).answer(question, text, request.state.actor)
    return back_to("/bill-questions")
