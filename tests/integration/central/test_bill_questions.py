"""A customer asks about a line of their bill, a clerk answers, and both read it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import unescape
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import errors
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app as commands
from central.domain.access.policy import Role
from central.domain.billing.bill_question import WAITING_MAX
from central.service.ports.people import NewPerson
from tests.support.actors import CHIEF
from tests.support.office import ACCOUNTS, HOUSEHOLDS, NOW, Office
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

WORDS = "Why so much? <script>alert(1)</script> =2+2"
KEY = "Idempotency-Key"


@dataclass
class Counter:
    """Where customers and clerks meet."""

    dsn: str
    sol: httpx.AsyncClient
    clerk: httpx.AsyncClient
    viewer: httpx.AsyncClient
    own: str
    anothers: str
    draft: str

    async def text(self, web: httpx.AsyncClient, address: str) -> str:
        answer = await web.get(address)
        assert answer.status_code == 200, answer.text
        assert "<script>alert" not in answer.text
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    async def ask(self, bill: str, **fields: str) -> httpx.Response:
        form = {"line": "1", "kind": "dispute", "text": WORDS, **fields}
        token = {"csrf_token": self.sol.headers["x-meterline-form"]}
        return await self.sol.post(f"/bills/{bill}/questions", data={**form, **token})


@pytest.fixture
async def counter(plain_filled: Database) -> AsyncIterator[Counter]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool, AsyncExitStack() as stack:
        office = Office(pool)
        await office.open()
        services = office.services()
        for name in ("Okafor", "Iturbe"):
            await services.approve.one(office.bills[name], CHIEF)
            await services.issue.one(office.bills[name], CHIEF)
        accounts = frozenset({ACCOUNTS[HOUSEHOLDS.index("Okafor")]})
        people = {
            "sol": NewPerson("sol", frozenset({Role.CUSTOMER}), accounts=accounts),
            "clerk": NewPerson("clerk", frozenset({Role.BILLING_CLERK})),
            "viewer": NewPerson("viewer", frozenset({Role.VIEWER})),
        }
        await add_people(services.people, NOW, **people)
        app = create_app(services, WebSettings())
        sol, clerk, viewer = [
            await stack.enter_async_context(await signed_in(app, name, NOW)) for name in people
        ]
        bills = [str(office.bills[name]) for name in ("Okafor", "Iturbe", "Sanchis")]
        yield Counter(plain_filled.dsn, sol, clerk, viewer, *bills)


async def test_a_dispute_is_asked_answered_and_read(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await counter.ask(counter.own)
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        f"/bills/{counter.own}#questions",
    )
    assert (
        f"Dispute Customer charge line 1, 2026-11-03 09:00:00 UTC {WORDS} waits for an answer"
        in (await counter.text(counter.sol, f"/bills/{counter.own}"))
    )
    queue = await counter.text(counter.clerk, "/bill-questions")
    assert f"line 1 {WORDS} dispute just now" in queue
    (row,) = (await counter.clerk.get("/api/v1/bill-questions?waiting=true")).json()["items"]
    assert (row["bill"], row["line"], row["text"]) == (counter.own, 1, WORDS)
    answer = f"/api/v1/bill-questions/{row['question']}/answer"
    order, again = {"text": "The register was read."}, {"text": "And once more."}
    for web in (counter.sol, counter.viewer):
        assert (await web.post(answer, json=order)).status_code == 403
    assert (await counter.clerk.post(answer, json=order)).status_code == 200
    twice = await counter.clerk.post(answer, json=again)
    assert twice.json()["code"] == "NOT_WAITING"
    page = await counter.text(counter.sol, f"/bills/{counter.own}")
    assert "The register was read." in page
    assert "waits for an answer" not in page
    assert "No question waits" in await counter.text(counter.clerk, "/bill-questions")
    assert "The register was read. clerk" in (
        await counter.text(counter.clerk, "/bill-questions?show=every")
    )
    monkeypatch.setenv("METERLINE_DATABASE", counter.dsn)
    listing = ["bill", "questions", "--all", "--json"]
    said = await asyncio.to_thread(CliRunner().invoke, commands, listing)
    assert json.loads(said.stdout)[0]["answer"] == "The register was read."
    with psycopg.connect(counter.dsn) as connection:
        rows = connection.execute(
            "SELECT actor, action, detail::text FROM audit_log"
            " WHERE action LIKE 'bill_question.%' ORDER BY id"
        ).fetchall()
    assert [row[:2] for row in rows] == [
        ("sol", "bill_question.asked"), ("clerk", "bill_question.answered"),
    ]  # fmt: skip
    assert not any("Why" in detail or "register" in detail for _, _, detail in rows)


async def test_only_a_line_of_an_own_issued_bill_is_asked_about(counter: Counter) -> None:
    for bill in (counter.anothers, counter.draft, str(UUID(int=1))):
        assert (await counter.ask(bill)).status_code == 403, bill
        path = f"/api/v1/bills/{bill}/lines/1/questions"
        order = {"kind": "question", "text": "why"}
        assert (await counter.sol.post(path, json=order)).status_code == 403, bill
        assert (await counter.viewer.post(path, json=order)).status_code == 403, bill
    assert (await counter.sol.get("/bill-questions")).status_code == 403
    assert (await counter.sol.get("/api/v1/bill-questions")).status_code == 403
    draft = f"/api/v1/bills/{counter.draft}/lines/1/questions"
    refused = await counter.clerk.post(draft, json={"kind": "question", "text": "why"})
    assert refused.json()["code"] == "NOT_ASKABLE"
    for wrong in ({"line": "999"}, {"kind": "joke"}, {"text": " "}, {"text": "x" * 2001}):
        answer = await counter.ask(counter.own, **wrong)
        assert 400 <= answer.status_code < 500, wrong
    for _ in range(WAITING_MAX):
        assert (await counter.ask(counter.own)).status_code == 303
    refused = await counter.sol.post(
        f"/api/v1/bills/{counter.own}/lines/1/questions", json={"kind": "question", "text": "why"}
    )
    assert refused.json()["code"] == "TOO_MANY_QUESTIONS"


async def test_what_was_asked_stays_until_the_account_is_erased(counter: Counter) -> None:
    await counter.ask(counter.own)
    changes = (
        "UPDATE bill_question SET question = 'other'",
        "UPDATE bill_question SET kind = 'question'",
        "DELETE FROM bill_question",
        "TRUNCATE bill_question",
    )
    with psycopg.connect(counter.dsn, autocommit=True) as connection:
        for statement in changes:
            with pytest.raises(errors.RestrictViolation):
                connection.execute(statement)
        number = ACCOUNTS[HOUSEHOLDS.index("Okafor")]
        connection.execute("SELECT erase_account(%s, now())", (number,))
        row = connection.execute("SELECT question, answer, kind FROM bill_question").fetchone()
    assert row == (None, None, "dispute")
    assert "No question waits" in await counter.text(counter.clerk, "/bill-questions")
    page = await counter.text(counter.clerk, f"/bills/{counter.own}")
    assert "Why so much" not in page
    assert "erased" in page
