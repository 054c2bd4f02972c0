"""Bills as they were known at a time: the same answer, however late somebody committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.service.billing.approve_bills import ApproveBills, IssueBills
from tests.support.actors import CHIEF
from tests.support.office import ACCOUNTS, NOW, Office
from tests.support.servers import Database

EARLY, LATE = NOW, NOW + timedelta(minutes=1)


@pytest.fixture
async def office(plain_filled: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_filled.dsn, max_size=6) as pool:
        made = Office(pool)
        await made.open()
        yield made


async def issued(office: Office, clock: datetime, as_of: datetime) -> tuple[int, list[str]]:
    """The status, and the numbers of accounts of which a bill was issued."""
    transport = httpx.ASGITransport(create_app(office.services(lambda: clock), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
        run = (await client.get("/api/v1/bill-runs")).json()["items"][0]["run"]
        answer = await client.get(
            f"/api/v1/bill-runs/{run}/bills", params={"as_of": as_of.isoformat()}
        )
    listed = answer.json().get("items", [])
    return int(answer.status_code), [entry["account_number"] for entry in listed]


async def test_who_commits_late_changes_no_answer(office: Office, plain_filled: Database) -> None:
    store = office.services().bills
    first, second = office.bills["Iturbe"], office.bills["Okafor"]
    for bill in (first, second):
        await ApproveBills(store, lambda: NOW).one(bill, CHIEF)
    with psycopg.connect(plain_filled.dsn) as other:
        other.execute("SELECT FROM bill WHERE uid = %s FOR UPDATE", [first])
        late = asyncio.create_task(IssueBills(store, lambda: EARLY).one(first, CHIEF))
        await asyncio.sleep(0.3)
        await IssueBills(store, lambda: LATE).one(second, CHIEF)
        assert not late.done()
        # It may still commit, with an earlier time.
        status, _ = await issued(office, LATE + timedelta(minutes=4), LATE)
        assert status == 422
    await late
    asked = [await issued(office, LATE + timedelta(minutes=n), LATE) for n in (5, 6)]
    assert asked == [(200, [ACCOUNTS[0], ACCOUNTS[2]])] * 2
    assert await issued(office, NOW + timedelta(days=9), EARLY) == (200, [ACCOUNTS[0]])
    before = EARLY - timedelta(seconds=1)
    assert await issued(office, NOW + timedelta(days=9), before) == (200, [])


async def test_the_command_line_asks_likewise(
    office: Office, plain_filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = office.bills["Iturbe"]
    store = office.services().bills
    then = datetime.now(NOW.tzinfo) - timedelta(hours=1)
    await ApproveBills(store, lambda: then).one(bill, CHIEF)
    await IssueBills(store, lambda: then).one(bill, CHIEF)
    monkeypatch.setenv("METERLINE_DATABASE", plain_filled.dsn)

    def ask(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return done.exit_code, done.output

    def asked(as_of: datetime) -> tuple[list[int], list[str]]:
        commands = (("bill", "list", ACCOUNTS[0]), ("bill", "show", bill))
        answers = [ask(*command, "--as-of", as_of.isoformat()) for command in commands]
        return [code for code, _ in answers], [text for _, text in answers]

    codes, texts = await asyncio.to_thread(asked, then)
    assert codes == [0, 0]
    assert "issued" in texts[0]
    codes, texts = await asyncio.to_thread(asked, then - timedelta(seconds=1))
    assert codes == [0, 2]
    assert "No bills." in texts[0]
    assert "UNKNOWN_BILL" in texts[1]
    codes, texts = await asyncio.to_thread(asked, then + timedelta(hours=1))
    assert codes == [2, 2]
    assert all("may still change" in text for text in texts)
