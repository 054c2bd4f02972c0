"""The queue by command and over HTTP, in the application's role: both say and do the same."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
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
from central.service.ports.exceptions import ExceptionKind
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
    counted = (await web.get("/exceptions/counts")).json()["items"]
    # A command shows the most frequent first, pages go by kind and code.
    assert Counter({row["code"]: row["waiting"] for row in counted}) == Counter(
        {row["code"]: row["waiting"] for row in await central("exceptions", "counts")}
    )
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
    assert len((await web.get("/field-orders")).json()["items"]) == 1
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


async def test_all_that_match_are_decided_at_once_as_often_as_was_seen(
    web: httpx.AsyncClient,
) -> None:
    waiting = (await web.get("/exceptions", params={"kind": "finding", "limit": 500})).json()[
        "items"
    ]
    keys = [row["exception"] for row in waiting]
    assert keys
    by_kind = ("--matching", "kind=finding", "--reason", "one outage")
    to = ("exceptions", "assign", "--to", "ana")
    preview = await central(*to, *by_kind, "--preview")
    assert [row["exception"] for row in preview["done"]] == keys
    assert (await web.get("/exceptions", params={"owner": "ana"})).json()["items"] == []
    others = await central(*to, *by_kind, "--expect", str(len(keys) + 1), code=2)
    assert others["error"]["code"] == "OTHERS_MATCH"
    done = await central(*to, *by_kind, "--expect", str(len(keys)))
    assert (len(done["done"]), done["failed"]) == (len(keys), [])
    order = {**ASKED, "owner": None, "matching": {"owner": "ana"}, "preview": True}
    asked = await web.post("/exceptions/assign", json={**order, "expected": len(keys)})
    assert [row["exception"] for row in asked.json()["done"]] == keys, asked.text
    wrong = await web.post("/exceptions/assign", json={**order, "expected": 99})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "OTHERS_MATCH")
    both = await web.post("/exceptions/assign", json={**order, "exceptions": keys})
    assert both.status_code == 422
    for refused, code in (
        (("--matching", "code=NOTHING"), "NO_SUCH_EXCEPTION"),
        (("--matching", "colour=red"), "INVALID_VALUE"),
        (("--matching", "severity=high"), "INVALID_VALUE"),
        (("--matching", "older=-1"), "INVALID_VALUE"),
        ((keys[0], *by_kind[:2]), "INVALID_VALUE"),
        ((), "INVALID_VALUE"),
    ):
        answer = await central(*to, *refused, "--reason", "one outage", code=2)
        assert answer["error"]["code"] == code, refused
    everything = await web.post("/exceptions/assign", json={**order, "matching": {}})
    assert everything.status_code == 422


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


class Pages:
    """The queue's pages, as a browser without scripts uses them."""

    root = "http://127.0.0.1"

    def __init__(self, web: httpx.AsyncClient) -> None:
        self.web = web

    async def get(self, path: str, code: int = 200) -> str:
        answer = await self.web.get(f"{self.root}{path}")
        assert answer.status_code == code, answer.text
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    async def send(self, fields: dict[str, str | list[str]], code: int = 200) -> str:
        form = (await self.web.get(f"{self.root}/runs")).text
        token = re.search(r'X-Meterline-Form": "(\w+)"', form)
        assert token is not None
        sent = {"csrf_token": token[1], "reason": "read on site", **fields}
        answer = await self.web.post(f"{self.root}/exceptions/do", data=sent)
        assert answer.status_code == code, answer.text
        return unescape(answer.text)


async def test_a_clerk_finds_previews_and_settles_exceptions_on_pages(
    web: httpx.AsyncClient,
) -> None:
    pages = Pages(web)
    keys = [
        row["exception"]
        for row in (await web.get("/exceptions", params={"code": "MISSING_INTERVALS"})).json()[
            "items"
        ]
    ]
    key = keys[0]
    page = await pages.get("/exceptions?code=MISSING_INTERVALS&severity=critical&owner=-")
    assert f"Missing intervals {key}" in page
    assert "Conflicting readings" in await pages.get("/exceptions?kind=conflict")
    assert "No exception is like that." in await pages.get("/exceptions?owner=ana")
    assert "No exception is like that." in await pages.get("/exceptions?older=30&subject=nowhere")
    await pages.get("/exceptions?kind=nonsense", 422)
    await pages.get("/exceptions?older=soon", 422)
    shown = await pages.get(f"/exceptions/{key}")
    assert "Same days of other weeks" in shown
    assert "Estimate the gap" in shown
    await pages.get("/exceptions/v999999", 404)
    # What is previewed of several is done when it is sent once more, and not before.
    chosen: dict[str, str | list[str]] = {
        "do": "assign",
        "exception": keys[:2],
        "owner": "ana",
        "day": "2026-12-24",
    }
    preview = await pages.send({**chosen, "preview": "yes"})
    assert "What would be done" in preview
    assert "assigned to ana, due on 2026-12-24" in preview
    assert "No exception is like that." in await pages.get("/exceptions?owner=ana")
    again = dict.fromkeys(re.findall(r'name="(\w+)" value="([^"]*)"', preview))
    assert ("exception", keys[1]) in again
    assert ("preview", "yes") not in again
    assert "What was done" in await pages.send(chosen)
    assert f"{keys[1]}" in await pages.get("/exceptions?owner=ana")
    # Each is answered for itself.
    refused = await pages.send({"do": "accept", "exception": [key]})
    assert "1 is refused" in refused
    estimated = await pages.send(
        {"do": "estimate", "exception": [key], "method": "EVEN", "total": "1000,5"}
    )
    assert re.search(r"estimated: [^<]+</td><td>no<", estimated), estimated
    conflict = (await web.get("/exceptions", params={"kind": "conflict"})).json()["items"][0]
    decided = await pages.send(
        {"do": "decide", "exception": [conflict["exception"]], "value": "replace"}
    )
    assert "decided: replace" in decided
    refusals: tuple[dict[str, str | list[str]], ...] = (
        {"do": "burn", "exception": [key]},
        {"do": "suppress", "exception": [key]},
        {"do": "decide", "exception": [key], "value": "both"},
        {"do": "assign", "exception": [key], "reason": ""},
        {"do": "edit", "exception": [key], "at noon": "5"},
        {"do": "estimate", "exception": [key], "total": "-5"},
    )
    for wrong in refusals:
        await pages.send(wrong, 422)
    await pages.send({"do": "accept", "exception": ["x1"]}, 404)
    await pages.send({"do": "accept"}, 404)


async def test_events_of_nobody_are_settled_by_every_face(web: httpx.AsyncClient) -> None:
    pages = Pages(web)
    events = [
        {"id": f"e{name}", "source": "cloud", "subject": name, "type": "calls"}
        for name in ("acme", "beta", "gamma")
    ]
    given = {"time": "2026-10-03T10:00:00Z", "data": {"value": "2"}}
    sent = await web.post("/usage-events", json=[{**each, **given} for each in events])
    assert sent.json()["stored"] == 3, sent.text
    waiting = (await web.get("/exceptions", params={"kind": "subject"})).json()["items"]
    keys = {row["subject"]: row["exception"] for row in waiting}
    assert set(keys) == {"acme", "beta", "gamma"}
    # As everything else that waits they can be given to somebody.
    owned = await web.post(
        "/exceptions/assign", json={**ASKED, "exceptions": [*keys.values()], "owner": "ana"}
    )
    assert len(owned.json()["done"]) == 3, owned.text
    shown = await pages.get(f"/exceptions/{keys['acme']}")
    assert "Say to which service point its events belong" in shown
    order = {**ASKED, "exceptions": [keys["acme"]], "service_point": "SP-1", "first": "2026-10-01"}
    preview = await web.post("/exceptions/assign-point", json={**order, "preview": True})
    assert preview.json()["done"][0]["closed"], preview.text
    done = await web.post("/exceptions/assign-point", json=order)
    assert done.json()["done"] == [
        {
            "exception": keys["acme"],
            "done": "acme belongs to SP-1 from 2026-10-01 on",
            "closed": True,
        }
    ]
    because = ("--reason", "a test of theirs")
    dismissed = await central("exceptions", "dismiss", keys["beta"], *because)
    assert dismissed["done"][0]["done"] == "beta is dismissed; events that concern nobody: 1"
    refused = await pages.send({"do": "dismiss", "exception": [keys["beta"]]})
    assert "1 is refused" in refused
    chosen: dict[str, str | list[str]] = {"do": "assign-point", "exception": [keys["gamma"]]}
    await pages.send(chosen, 422)
    assert "What was done" in await pages.send({**chosen, "point": "SP-1", "first": "2026-10-01"})
    assert (await web.get("/exceptions", params={"kind": "subject"})).json()["items"] == []
    every = {"kind": [kind.value for kind in ExceptionKind]}
    assert (await web.get("/exceptions", params=every)).status_code == 200
