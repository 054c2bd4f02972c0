"""A print run in which one bill cannot be printed, from the command line and the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.domain.billing import make_bill as making
from tests.support.office import ACCOUNTS, CYCLE, Office
from tests.support.servers import Database

CHINESE = "北京"
HOUSEHOLDS = (CHINESE, "Sanchis", "Okafor")


@pytest.fixture
async def office(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        yield Office(pool)


async def asked(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of a command on bills."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["bill", *words, "--json"])
    assert "Traceback" not in done.output
    return done.exit_code, json.loads(done.stdout)


async def printed(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and answer of `bill pdf`."""
    return await asked("pdf", "--out", str(folder), *arguments)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_name_that_cannot_be_printed_holds_its_bill_and_no_other(
    office: Office, tmp_path: Path
) -> None:
    await office.fill(HOUSEHOLDS)
    services = office.services()
    held, other = (str(office.bills[name]) for name in (CHINESE, "Okafor"))
    view, fine = await services.billing.bill(held), await services.billing.bill(other)
    assert view is not None
    assert fine is not None
    assert (view.state, fine.state) == ("held", "draft")
    assert view.reason is not None
    assert "cannot print the buyer's name" in view.reason
    assert "U+5317" in view.reason

    names = [f"{ACCOUNTS[0]}/{CYCLE}", other, "nobody", other]
    code, said = await printed(tmp_path, *names)
    assert code == 3
    assert [Path(one).name for one in said["files"]] == [f"{ACCOUNTS[2]}-{CYCLE}-draft.pdf"]
    reasons = {one["bill"]: one["code"] for one in said["failed"]}
    assert reasons == {names[0]: "UNPRINTABLE_TEXT", "nobody": "UNKNOWN_BILL"}
    assert "U+5317" in json.dumps(said["failed"])
    assert names_in(tmp_path) == [f"{ACCOUNTS[2]}-{CYCLE}-draft.pdf"]

    code, said = await printed(tmp_path, held)
    assert (code, said["files"]) == (2, [])

    transport = httpx.ASGITransport(create_app(services, WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
        answer = await web.get(f"/api/v1/bills/{held}/draft.pdf")
        page = await web.get(f"/bills/{held}/draft.pdf")
        right = await web.get(f"/bills/{other}/draft.pdf")
    assert (answer.status_code, answer.json()["code"]) == (422, "UNPRINTABLE_TEXT")
    assert page.status_code == 422
    assert "U+5317" in page.text
    assert right.headers["content-disposition"].endswith(f'"{ACCOUNTS[2]}-{CYCLE}-draft.pdf"')


async def test_a_bill_of_before_it_was_looked_at_does_not_end_the_run(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "unprintable_holds", lambda _texts: ())
    await office.fill(HOUSEHOLDS)
    code, said = await printed(tmp_path, "--cycle", str(CYCLE))
    assert code == 3
    assert [Path(one).name for one in said["files"]] == [f"{ACCOUNTS[2]}-{CYCLE}-draft.pdf"]
    codes = {one["bill"]: one["code"] for one in said["failed"]}
    assert codes[f"{ACCOUNTS[0]}/{CYCLE}"] == "UNPRINTABLE_TEXT"
    assert set(codes) == {f"{ACCOUNTS[0]}/{CYCLE}", f"{ACCOUNTS[1]}/{CYCLE}"}


async def test_a_month_says_which_of_its_bills_are_held(office: Office, tmp_path: Path) -> None:
    await office.fill((CHINESE, "Sanchis", "Okafor"))
    code, said = await printed(tmp_path, "--cycle", str(CYCLE))
    assert code == 3
    assert names_in(tmp_path) == [f"{ACCOUNTS[2]}-{CYCLE}-draft.pdf"]
    reasons = {one["bill"]: one for one in said["failed"]}
    assert set(reasons) == {f"{ACCOUNTS[0]}/{CYCLE}", f"{ACCOUNTS[1]}/{CYCLE}"}
    assert reasons[f"{ACCOUNTS[0]}/{CYCLE}"]["code"] == "UNPRINTABLE_TEXT"
    assert all(one["message"].startswith("The bill is held: ") for one in reasons.values())
    assert "U+5317" in reasons[f"{ACCOUNTS[0]}/{CYCLE}"]["message"]
    # An account alone is looked for in whichever run it was billed.
    code, _ = await printed(tmp_path / "alone", "--cycle", str(CYCLE), "--account", ACCOUNTS[2])
    assert (code, names_in(tmp_path / "alone")) == (0, [f"{ACCOUNTS[2]}-{CYCLE}-draft.pdf"])
    code, nobody = await printed(tmp_path, "--cycle", str(CYCLE), "--account", "A-404")
    assert (code, nobody["error"]["code"]) == (2, "UNKNOWN_RUN")
    only = ("--cycle", str(CYCLE), "--account", ACCOUNTS[2], "--as", "chief")
    assert await asked("approve", *only) == (0, {"approved": 1})
    assert await asked("approve", *only) == (0, {"approved": 0})
    assert await asked("issue", *only) == (0, {"issued": 1})
    # Named beside its month it is tried once, and said once.
    code, again = await printed(tmp_path, f"{ACCOUNTS[0]}/{CYCLE}", "--cycle", str(CYCLE))
    assert code == 3
    assert sorted(one["bill"] for one in again["failed"]) == sorted(reasons)


async def test_a_month_of_held_bills_alone_is_not_refused(office: Office, tmp_path: Path) -> None:
    await office.fill((CHINESE, "Sanchis", "北"))
    code, said = await printed(tmp_path, "--cycle", str(CYCLE))
    assert (code, said["files"], len(said["failed"])) == (3, [], 3)
    assert names_in(tmp_path) == []
