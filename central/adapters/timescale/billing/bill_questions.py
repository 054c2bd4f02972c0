"""Questions about bills on PostgreSQL; the statements are in `bill_questions.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from central.adapters.timescale.audit.write import audit
from central.adapters.timescale.errors import translated
from central.adapters.timescale.named_query import Asker, Record
from central.adapters.timescale.pool import Pool
from central.domain.audit.change import change
from central.domain.billing.bill_question import BillQuestion, QuestionKind
from central.domain.uuid7 import uuid7
from central.service.ports.decisions import DecisionNote
from central.service.views.paging import Page, decode_cursor, paged


class TimescaleBillQuestions:
    """`BillQuestionStore` over a pool of connections. The log says no text: those can be erased.

    Args:
        pool: An open pool, see `make_pool`.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ask = Asker(pool, Path(__file__).with_suffix(".sql"))

    async def ask(
        self, bill: UUID, line: int, kind: QuestionKind, most: int, note: DecisionNote
    ) -> UUID | None:
        """See `BillQuestionStore`."""
        uid = uuid7(note.at)
        values = {"uid": uid, "bill": bill, "line": line, "kind": kind.value, "most": most}
        row = await self._write("ask", values, note, uid, "asked")
        return None if row is None else uid

    async def answer(self, question: UUID, note: DecisionNote) -> bool:
        """See `BillQuestionStore`."""
        values = {"question": question}
        return await self._write("answer", values, note, question, "answered") is not None

    async def _write(
        self, statement: str, values: Mapping[str, object], note: DecisionNote, uid: UUID, done: str
    ) -> Record | None:
        written = {"text": note.reason, "actor": note.actor.key, "at": note.at}
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(self._ask.text(statement), {**values, **written})
                row = await cursor.fetchone()
                if row is not None:
                    bill, line, kind = row
                    detail = change(None, {"bill": bill, "line": line, "kind": kind})
                    action = f"bill_question.{done}"
                    await audit(connection, note.at, note.actor, action, str(uid), detail)
        return row

    async def question(self, question: UUID) -> BillQuestion | None:
        """See `BillQuestionStore`."""
        every = {"waiting": False, "bill": None, "account": None, "after": None, "limit": 1}
        row = await self._ask.row("questions", {**every, "question": question})
        return None if row is None else _question(row)

    async def questions(
        self,
        *,
        waiting: bool = False,
        bill: UUID | None = None,
        account: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Page[BillQuestion]:
        """See `BillQuestionStore`."""
        key = decode_cursor(after, (int,))
        values = {
            "question": None,
            "waiting": waiting,
            "bill": bill,
            "account": account,
            "after": None if key is None else key[0],
            "limit": limit + 1,
        }
        rows = await self._ask.rows("questions", values)
        return paged([_question(row) for row in rows], limit, lambda each: (each.id,))


def _question(row: Record) -> BillQuestion:
    key, uid, bill, number, account, line, kind, *rest = row
    return BillQuestion(key, uid, bill, number, account, line, QuestionKind(kind), *rest)
