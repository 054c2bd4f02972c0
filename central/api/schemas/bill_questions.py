"""Questions about lines of bills."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime, Field

from central.api.schemas.base import Schema
from central.api.schemas.writes import Order
from central.domain.billing.bill_question import TEXT_MAX, QuestionKind


class BillQuestionIn(Order):
    """A question about a line of an issued bill."""

    LINES: ClassVar[frozenset[str]] = frozenset({"text"})

    kind: QuestionKind = Field(description="To understand the line, or to have it changed.")
    text: str = Field(min_length=1, max_length=TEXT_MAX, description="In the customer's words.")


class BillAnswerIn(Order):
    """An answer."""

    LINES: ClassVar[frozenset[str]] = frozenset({"text"})

    text: str = Field(min_length=1, max_length=TEXT_MAX)


class BillQuestionRef(Schema):
    """A question."""

    question: str


class BillQuestionOut(BillQuestionRef):
    """A question about a line, and its answer; texts are null once the account is erased."""

    bill: str
    bill_number: str
    account: str
    line: int
    kind: QuestionKind
    text: str | None
    asked_by: str
    asked_at: AwareDatetime
    answer: str | None
    answered_by: str | None
    answered_at: AwareDatetime | None
