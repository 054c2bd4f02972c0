"""The queue by command and over HTTP, in the application's role: both say and do the same."""

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
from tests.contract.billing.test_decisions import in_conflict
from tests.support.books import NOW, timescale_utility
from tests.support.servers import Database

ASKED = {"reason": "read on site", "reason_code": "read_on_site"}


@pytest.fixture
async def web(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    role = plain_migrated.dsn_as("meterline_app")
    monkeypatch.setenv("METERLINE_DATABASE", role)
    async with timescale_utility(plain_migrated.dsn) as utility:
        await in_conflict(utility, gaps={500: 40})
    async with make_pool(role, max_size=4) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        url = "http://127.0.0.1/api/v1"
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            yield client


async def central(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


async def test_the_queue_is_the_same_by_command_and_over_http(web: httpx.AsyncClient) -> None:
    page = (await web.get("/exceptions", params={"limit": 500})).json()
    listed = await central("exceptions", "list", "--limit", "500")
    assert [row["exception"] for row in page["items"]] == [
        row["key"] for row in listed["exceptions"]
    ]
    counted = (await web.get("/exceptions/counts")).json()
    assert [(row["code"], row["waiting"]) for row in counted] == [
        (row["code"], row["waiting"]) for row in await central("exceptions", "counts")
    ]
    (conflict,) = (await web.get("/exceptions", params={"kind": "conflict"})).json()["items"]
    shown = (await web.get(f"/exceptions/{conflict['exception']}")).json()
    assert shown["evidence"]["Other value"][0]["value"] == "2010"
    assert shown["actions"][0] == "decide"
    by_command = await central("exceptions", "show", conflict["exception"])
    assert by_command["evidence"] == shown["evidence"]
    nowhere = await web.get("/exceptions/v999999")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NO_SUCH_EXCEPTION")


async def test_each_action_is_a_command_and_a_route(web: httpx.AsyncClient) -> None:
    (conflict,) = (await web.get("/exceptions", params={"kind": "conflict"})).json()["items"]
    findings = (await web.get("/exceptions", params={"code": "MISSING_INTERVALS"})).json()["items"]
    key, missing = conflict["exception"], findings[0]["exception"]
    because = ("--reason", "read on site")
    named = {**ASKED, "exceptions": [missing]}
    given = await web.post("/exceptions/assign", json={**named, "owner": "ana"})
    assert given.json()["done"][0]["done"] == "assigned to ana", given.text
    assert len((await web.get("/exceptions", params={"owner": "ana"})).json()["items"]) == 1
    hidden = await web.post("/exceptions/suppress", json={**named, "until": "2026-12-24"})
    assert hidden.json()["done"][0]["done"] == "hidden until 2026-12-24"
    ordered = await web.post("/exceptions/field-order", json={**named, "due_on": "2026-12-24"})
    assert ordered.json()["failed"] == []
    assert len((await web.get("/field-orders")).json()) == 1
    assert len(await central("exceptions", "orders")) == 1
    refused = await web.post("/exceptions/accept", json=named)
    assert [row["code"] for row in refused.json()["failed"]] == ["NO_SUCH_FINDING"]
    again = await central("exceptions", "rerun", missing, *because)
    assert again["done"][0]["done"] == "waits for validation"
    held = await central("exceptions", "release", missing, *because, code=2)
    assert held["failed"][0]["code"] == "NOT_FOR_THIS_KIND"
    preview = await central("exceptions", "decide", key, "--value", "keep", *because, "--preview")
    assert (preview["preview"], preview["done"][0]["closed"]) == (True, True)
    order = {**ASKED, "exceptions": [key], "value": "keep"}
    decided = await web.post("/exceptions/decide", json=order)
    assert decided.json()["done"] == [{"exception": key, "done": "decided: keep", "closed": True}]
    assert (await web.get("/exceptions", params={"kind": "conflict"})).json()["items"] == []


async def test_a_day_is_estimated_and_edited_by_command_and_route(web: httpx.AsyncClient) -> None:
    findings = (await web.get("/exceptions", params={"code": "MISSING_INTERVALS"})).json()["items"]
    (missing,) = [row["exception"] for row in findings if row["message"].startswith("41 ")]
    because = ("--reason", "read on site")
    even = ("exceptions", "estimate", missing, *because, "--method", "even")
    spot = "2026-10-06T12:00+02:00"
    refused = await central(
        "exceptions", "edit", missing, *because, "--set", f"{spot}=3", "--preview", code=2
    )
    assert "would still be missing" in refused["failed"][0]["message"]
    seen = await central(*even, "--preview")
    order = {**ASKED, "exceptions": [missing], "method": "even"}
    done = (await web.post("/exceptions/estimate", json=order)).json()
    assert (seen["preview"], done["preview"]) == (True, False)
    assert seen["done"] == done["done"]
    assert done["done"] == [
        {
            "exception": missing,
            "done": "estimated: 2026-10-06: 2.400 kWh, was 41 of 96 intervals missing",
            "closed": True,
        }
    ]
    intervals = [{"start": spot, "value": "3"}]
    gone = await web.post(
        "/exceptions/edit", json={**ASKED, "exceptions": [missing], "intervals": intervals}
    )
    assert [row["code"] for row in gone.json()["failed"]] == ["NO_SUCH_EXCEPTION"]
    await central(*even, code=2)
