"""What questions about bills need of a store."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from central.domain.billing.bill_question import BillQuestion, QuestionKind
from central.service.ports.decisions import DecisionNote
from central.service.views.paging import Page


class BillQuestionStore(Protocol):
    """Where questions about bills are kept."""

    async def ask(
        self, bill: UUID, line: int, kind: QuestionKind, most: int, note: DecisionNote
    ) -> UUID | None:
        """Write a question down, and log that; the reason of the note is its text.

        Returns:
            Its identifier; None where so many about the bill wait already.
        """

    async def answer(self, question: UUID, note: DecisionNote) -> bool:
        """Answer one that waits, and log that; whether it waited."""

    async def question(self, question: UUID) -> BillQuestion | None:
        """One question, or None."""

    async def questions(
        self,
        *,
        waiting: bool = False,
        bill: UUID | None = None,
        account: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[BillQuestion]:
        """Questions, the oldest first.

        Args:
            waiting: Only those that nobody answered.
            bill: Only those about this bill.
            account: Only those of this account, by its number.
            after: Cursor of the page before.
            limit: Most rows.
        """
