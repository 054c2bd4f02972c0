"""Moves by command and over HTTP: both say the same, and a preview changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from html import unescape
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
from tests.support.walked import same_by_pages

pytestmark = pytest.mark.begins_with(MOVED)
CAME = {
    "account": "A-9",
    "service_point": "SP-2",
    "tariff": "HOME",
    "first": "2026-10-25",
    "party": {"name": "Ada Newcomer"},
    "replaces": True,
    "reads": [{"obis": "1.8.0", "value": "431.5"}],
    "reason": "sold the house",
}


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


async def central(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


async def test_a_move_is_made_over_http_and_taken_back_by_command(web: httpx.AsyncClient) -> None:
    seen = await web.post("/moves/in", json={**CAME, "preview": True})
    assert (seen.status_code, seen.json()["move"]) == (200, None), seen.text
    assert (await web.get("/moves")).json() == {"items": [], "after": None}
    done = await web.post("/moves/in", json=CAME)
    assert done.status_code == 201, done.text
    assert done.json()["steps"] == seen.json()["steps"]
    move = done.json()["move"]
    assert (await web.post("/moves/in", json=CAME)).json()["effect"] == "unchanged"
    (record,) = (await web.get("/moves", params={"account": "A-2"})).json()["items"]
    assert (record["move"], record["account"], record["kind"]) == (move, "A-9", "move_in")
    (listed,) = await central("move", "list", "--point", "SP-2")
    assert (listed["move"], listed["reason"]) == (move, "sold the house")
    undone = await central("move", "undo", move, "--reason", "mistaken")
    assert undone["effect"] == "changed"
    (record,) = (await web.get("/moves", params={"service_point": "SP-2"})).json()["items"]
    assert record["undo_reason"] == "mistaken"
    unknown = "01934f1a-0000-7000-8000-000000000000"
    nowhere = await web.post(f"/moves/{unknown}/undo", json={"reason": "why"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NO_SUCH_MOVE")


async def test_each_kind_of_move_is_a_command(web: httpx.AsyncClient) -> None:
    because = ("--reason", "asked for")
    left = await central("move", "out", "A-2", "SP-2", "--on", "2026-11-01", *because, code=2)
    assert left["error"]["code"] == "READ_MISSING"
    read = ("--read", "1.8.0=500")
    left = await central("move", "out", "A-2", "SP-2", "--on", "2026-11-01", *read, *because)
    assert len(left["steps"]) == 3
    home = ("--tariff", "HOME", "--on", "2026-11-03", "--read-later")
    came = await central("move", "in", "A-9", "SP-2", *home, "--name", "Ada", *because)
    assert came["awaited"] == ["the read of MTL/S2 1-0:1.8.0*255 at 2026-11-02T23:00Z"]
    new = ("SP-3", "MTL/S9", "--at", "2026-11-05T10:00:00+01:00", "--gateway", "gw-1")
    reads = ("--closing", "1.8.0=77", "--opening", "1.8.0=0", "--modulus", "1.8.0=1000000")
    done = await central("move", "exchange-meter", *new, *reads, *because)
    assert [step.split()[2] for step in done["steps"]] == ["MTL/S3", "MTL/S9"]
    dear = ("--tariff", "DEAR", "--on", "2026-11-10")
    done = await central("move", "change-agreement", "A-3", "SP-3", *dear, *because)
    assert len(done["steps"]) == 2
    for path in ("in", "out", "meter-exchange", "agreement-change"):
        refused = await web.post(f"/moves/{path}", json={"at": "2026-11-06T10:00:00+01:00"})
        assert refused.status_code == 422
    order: dict[str, Any] = {
        "service_point": "SP-1",
        "reason": "why",
        "account": "A-1",
        "preview": True,
    }
    went = await web.post("/moves/out", json={**order, "end": "2026-11-01"})
    assert went.status_code == 200, went.text
    other = await web.post(
        "/moves/agreement-change", json={**order, "tariff": "DEAR", "first": "2026-10-25"}
    )
    assert other.status_code == 200, other.text
    del order["account"]
    meter = {"at": "2026-11-05T10:00:00Z", "manufacturer": "MTL", "serial": "S8", "gateway": "gw-1"}
    assert len(await same_by_pages(web, "/moves")) > 1
    exchange = await web.post("/moves/meter-exchange", json={**order, **meter, "read_later": True})
    assert exchange.status_code == 200, exchange.text
    assert len(await central("move", "list")) == 4


async def test_a_move_is_previewed_made_and_billed_by_its_pages(web: httpx.AsyncClient) -> None:
    web.base_url = httpx.URL("http://127.0.0.1")

    async def read(answer: httpx.Response) -> str:
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    form = (await web.get("/moves/out?account=A-2&point=SP-2")).text
    assert 'value="A-2"' in form
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    sent = {
        "csrf_token": token,
        "account": "A-2",
        "point": "SP-2",
        "last": "2026-10-24",
        "reads": "1.8.0=431.5",
        "reason": "<b>sold</b> & gone",
    }
    odd = await web.post("/moves/out", data={**sent, "reads": "431.5"})
    assert (odd.status_code, "is not NAME=VALUE" in odd.text) == (422, True)
    preview = await web.post("/moves/out", data=sent)
    assert preview.status_code == 200, preview.text
    assert "Nothing is done yet. This is what would be done." in await read(preview)
    assert "<b>sold</b>" not in preview.text
    assert "Nobody moved yet." in await read(await web.get("/moves"))
    done = await web.post("/moves/out", data={**sent, "confirmed": "yes"})
    assert "It is done." in await read(done)
    assert 'name="final" value="yes"' in done.text
    assert 'name="cycle" value="2026-10"' in done.text
    listed = await web.get("/moves?account=A-2")
    assert "SP-2 move out A-2" in await read(listed)
    assert "<b>sold</b>" not in listed.text
    move = listed.text.split('action="/moves/')[1].split("/")[0]
    final = {"csrf_token": token, "account": "A-2", "cycle": "2026-10", "final": "yes"}
    run = (await web.post("/runs", data=final)).headers["location"]
    assert "2026-10 final, account A-2" in await read(await web.get(run))
    back = {"csrf_token": token, "reason": "they stay"}
    undo = await web.post(f"/moves/{move}/undo", data=back)
    assert "Nothing is done yet." in await read(undo)
    undone = await web.post(f"/moves/{move}/undo", data={**back, "confirmed": "yes"})
    assert "It is done." in await read(undone)
    assert "they stay" in await read(await web.get("/moves"))
