"""Ask about a line of an issued bill, and answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from central.domain.actor import Actor
from central.domain.billing.bill_question import (
    TEXT_MAX,
    WAITING_MAX,
    BillQuestion,
    NotAskableError,
    NotWaitingError,
    QuestionKind,
    TooManyQuestionsError,
)
from central.domain.billing.state import BillState
from central.service.ports.bill_questions import BillQuestionStore
from central.service.ports.decisions import DecisionNote
from central.service.ports.overview import BillingOverview
from central.service.views.paging import Page
from firmware_bridge.contract.errors import InvalidValueError


class BillQuestions:
    """The use-cases.

    Args:
        store: Where questions are kept.
        billing: Where bills and their lines are read.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: BillQuestionStore,
        billing: BillingOverview,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._billing = billing
        self._clock = clock

    async def ask(self, bill: UUID, line: int, kind: QuestionKind, text: str, actor: Actor) -> UUID:
        """Ask about a line, or dispute it.

        Args:
            bill: An issued one.
            line: Its number.
            kind: What is wanted.
            text: In the customer's words.
            actor: Who asks.

        Returns:
            Identifier of the question.

        Raises:
            InvalidValueError: The text is empty or too long.
            NotAskableError: There is no such line of an issued bill.
            TooManyQuestionsError: So many about the bill wait already.
        """
        note = self._note(actor, text)
        view = await self._billing.bill(str(bill))
        lines = await self._billing.lines(str(bill)) if view is not None else ()
        issued = view is not None and view.state == BillState.ISSUED
        if not issued or line not in {each.number for each in lines}:
            message = f"There is no line {line} of an issued bill {bill}."
            raise NotAskableError(message, value=line)
        uid = await self._store.ask(bill, line, kind, WAITING_MAX, note)
        if uid is None:
            message = f"{WAITING_MAX} questions about this bill wait already."
            raise TooManyQuestionsError(message, value=WAITING_MAX)
        return uid

    async def answer(self, question: UUID, text: str, actor: Actor) -> None:
        """Answer a question that waits.

        Raises:
            InvalidValueError: The text is empty or too long.
            NotWaitingError: There is no such question, or it is answered.
        """
        if not await self._store.answer(question, self._note(actor, text)):
            message = f"No question {question} waits for an answer."
            raise NotWaitingError(message, value=str(question))

    async def question(self, question: UUID) -> BillQuestion | None:
        """One question, or None."""
        return await self._store.question(question)

    async def listed(
        self,
        *,
        waiting: bool = False,
        bill: UUID | None = None,
        account: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[BillQuestion]:
        """Questions, the oldest first; see `BillQuestionStore`."""
        return await self._store.questions(
            waiting=waiting, bill=bill, account=account, after=after, limit=limit
        )

    def _note(self, actor: Actor, text: str) -> DecisionNote:
        if not 0 < len(text.strip()) <= TEXT_MAX:
            message = f"A question or an answer has 1 to {TEXT_MAX} characters."
            raise InvalidValueError(message, value=len(text))
        return DecisionNote(actor, text.strip(), self._clock())
