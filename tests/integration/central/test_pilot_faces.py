"""Pilots by command and over HTTP: both say the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.process.services import timescale_services
from tests.support.books import NOW
from tests.support.moved_books import MOVED
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(MOVED)


@pytest.fixture
async def web(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        url = "http://127.0.0.1/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            yield client


async def central(*words: str) -> Any:  # noqa: ANN401 - JSON is anything
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def test_a_pilot_is_set_run_and_shown(web: httpx.AsyncClient) -> None:
    await central("group", "add", "tried", "--of", "account")
    await central("group", "assign", "tried", "A-1", "--from", "2026-09-01")
    order = {
        "name": "dear",
        "group": "tried",
        "tariff": "DEAR",
        "first": "2026-10-01",
        "end": "2026-11-01",
        "reason": "is it worth it?",
    }
    done = await web.post("/pilots", json=order)
    assert (done.status_code, done.json()["version"]) == (201, 1), done.text
    assert (await web.get("/pilots")).json()["items"] == [done.json()]
    again = await central(
        *("pilot", "set", "dear", "--group", "tried", "--tariff", "DEAR", "--from", "2026-10-01"),
        *("--to", "2026-11-01", "--reason", "again"),
    )
    assert again == {"pilot": "dear", "version": 1, "new": False}
    assert (await web.get("/pilots/dear")).json()["code"] == "NO_SUCH_PILOT"
    result = await central("pilot", "run", "dear")
    (row,) = result["rows"]
    assert (row["account"], row["against"], row["held"]) == ("A-1", "HOME", [])
    assert [side["losers"] for side in result["sides"]] == [1]
    ran = await web.post("/pilots/dear/run", json={})
    assert ran.status_code == 200, ran.text
    kept = ran.json()
    assert (kept["run"], kept["rows"], kept["sides"]) == (1, [row], result["sides"])
    assert (await web.get("/pilots/dear", params={"version": 1})).json() == kept
    assert (await central("pilot", "show", "dear"))["rows"] == [row]
    (listed,) = (await web.get("/pilots")).json()["items"]
    assert (listed["pilot"], listed["control"]) == ("dear", None)
    assert [each["pilot"] for each in await central("pilot", "list")] == ["dear"]
    assert 'href="/pilots/dear">dear</a>' in (await web.get("http://127.0.0.1/pilots")).text
    page = (await web.get("http://127.0.0.1/pilots/dear")).text
    assert 'href="/accounts?q=A-1"' in page
    assert f'<td class="n">{row["difference"]} {row["currency"]}</td>' in page
    wrong = await web.post("/pilots", json={**order, "end": "2026-10-01"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "INVALID_VALUE")
