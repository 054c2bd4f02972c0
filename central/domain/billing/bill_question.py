"""What a customer asks about a line of an issued bill, and what a clerk answers.

    (nothing) --ask--> waits --answer--> answered

It is answered once; who wants to know more asks anew. The texts go when the account is erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from firmware_bridge.contract.errors import OperatorError

TEXT_MAX: Final = 2_000
"""How many characters a question or an answer may have."""
WAITING_MAX: Final = 20
"""How many questions about a bill may wait at once."""


class QuestionKind(StrEnum):
    """What is wanted. Stored: never renamed."""

    QUESTION = "question"
    """To understand the line."""
    DISPUTE = "dispute"
    """To have it changed."""


class TooManyQuestionsError(OperatorError):
    """So many questions about one bill wait already."""

    code = "TOO_MANY_QUESTIONS"
    default_remedy = "Wait until some of them are answered."


class NotAskableError(OperatorError):
    """Nobody can ask about this."""

    code = "NOT_ASKABLE"
    default_remedy = "Ask about a line of an issued bill."


class NotWaitingError(OperatorError):
    """There is no such question, or it is answered."""

    code = "NOT_WAITING"
    default_remedy = "`bill questions` lists those that wait."


@dataclass(frozen=True, slots=True)
class BillQuestion:
    """A question about a line of a bill.

    Args:
        id: Its place in the order in which they were asked.
        uid: Its identifier outside.
        bill: The bill's identifier.
        bill_number: As it is printed.
        account: Number.
        line: Number of the line.
        kind: What is wanted.
        question: In the customer's words; None once the account is erased.
        asked_by: Key of who asked.
        asked_at: When.
        answer: In the clerk's words; None while it waits, or once the account is erased.
        answered_by: Key of who answered; None while it waits.
        answered_at: When.
    """

    id: int
    uid: UUID
    bill: UUID
    bill_number: str
    account: str
    line: int
    kind: QuestionKind
    question: str | None
    asked_by: str
    asked_at: datetime
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody has to answer it."""
        return self.answered_at is None and self.question is not None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "question": str(self.uid),
            "bill": str(self.bill),
            "bill_number": self.bill_number,
            "account": self.account,
            "line": self.line,
            "kind": self.kind.value,
            "text": self.question,
            "asked_by": self.asked_by,
            "asked_at": self.asked_at.isoformat(),
            "answer": self.answer,
            "answered_by": self.answered_by,
            "answered_at": None if self.answered_at is None else self.answered_at.isoformat(),
        }
