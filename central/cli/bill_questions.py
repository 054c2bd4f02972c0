"""`meterline-central bill questions`, `ask` and `answer`: what customers ask about their bills."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from central.cli.output import (
    ActingAs,
    AsJson,
    actor_of,
    answered,
    listed,
    settings,
    show,
    wait_for,
)
from central.cli.shadow import app
from central.domain.billing.bill_question import BillQuestion, QuestionKind
from central.process.stores import open_stores
from central.service.billing.bill_questions import BillQuestions
from central.service.billing.find_bill import find_bill

__all__ = ["app"]
_NAME = "meterline-questions"
_MOST = 1_000


@app.command("questions")
@answered
def questions_command(
    account: Annotated[
        str | None, typer.Option("--account", help="Number of an account; default: all accounts.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are answered as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what customers ask about lines of their bills, the oldest first."""

    async def work() -> tuple[BillQuestion, ...]:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            use_case = BillQuestions(stores.questions, stores.billing)
            page = await use_case.listed(waiting=not every, account=account, limit=_MOST)
            return page.rows

    rows = [each.to_json() for each in wait_for(work())]
    listed(rows, as_json=as_json, nothing="No question waits.")


@app.command("ask")
@answered
def ask_command(  # noqa: PLR0913 - one option each
    bill: Annotated[str, typer.Argument(help="An issued bill, such as INV-000007.")],
    line: Annotated[int, typer.Argument(min=1, help="Number of its line.")],
    text: Annotated[str, typer.Argument(help="In the customer's words.")],
    actor: ActingAs = None,
    *,
    dispute: Annotated[bool, typer.Option(help="They want it changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write down what a customer asks about a line of an issued bill."""
    kind = QuestionKind.DISPUTE if dispute else QuestionKind.QUESTION

    async def work() -> UUID:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            uid = (await find_bill(stores.bills, bill)).uid
            use_case = BillQuestions(stores.questions, stores.billing)
            return await use_case.ask(uid, line, kind, text, actor_of(actor))

    uid = wait_for(work())
    if as_json:
        show({"question": str(uid)})
    else:
        typer.echo(f"It waits for an answer: `bill answer {uid} TEXT`.")


@app.command("answer")
@answered
def answer_command(
    question: Annotated[UUID, typer.Argument(help="Identifier of the question.")],
    text: Annotated[str, typer.Argument(help="What the customer reads at their bill.")],
    actor: ActingAs = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Answer a question that waits; the customer reads it at their bill."""

    async def work() -> None:
        async with open_stores(settings(), _NAME, max_size=2) as stores:
            use_case = BillQuestions(stores.questions, stores.billing)
            await use_case.answer(question, text, actor_of(actor))

    wait_for(work())
    if as_json:
        show({"question": str(question)})
    else:
        typer.echo(f"Question {question} is answered.")
