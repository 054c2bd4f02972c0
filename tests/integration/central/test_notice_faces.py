"""Notices and what is unbilled, by command and over HTTP: both say the same."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
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
URL = "https://crm.example/hooks"


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


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what the time decides: the two have other clocks, and write UTC in two ways."""
    return {
        name: value for name, value in row.items() if name != "secrets" and not name.endswith("at")
    }


def without_secret(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "secret"}


async def test_endpoints_rules_and_deliveries(
    web: httpx.AsyncClient, plain_migrated: Database
) -> None:
    order = {"endpoint": "crm", "kind": "webhook", "target": URL, "reason": "it listens"}
    new = await web.post("/notice-endpoints", json=order)
    assert (new.status_code, new.json()["version"]) == (201, 1), new.text
    secret = new.json()["secret"]
    assert await same_by_pages(web, "/notice-endpoints") == [without_secret(new.json())]
    assert secret.startswith("whsec_")
    again = await central("notice", "set-endpoint", "crm", "--url", URL, "--reason", "again")
    assert again == {"endpoint": "crm", "version": 1, "secret": None}
    given = await central("notice", "exchange-secret", "crm", "--reason", "yearly")
    assert given["secret"] not in {secret, None}
    rule = {
        "rule": "late",
        "kind": "bill.issued",
        "endpoint": "crm",
        "conditions": [{"fact": "total", "relation": "at_least", "values": ["100"]}],
        "reason": "great ones",
    }
    written = await web.post("/notice-rules", json=rule)
    assert written.status_code == 201
    assert await same_by_pages(web, "/notice-rules") == [written.json()]
    same = await central(
        *("notice", "set-rule", "late", "--kind", "bill.issued", "--endpoint", "crm"),
        *("--where", "total>=100", "--reason", "again"),
    )
    assert same == {"rule": "late", "version": 1, "new": False}
    made = await web.post("/notice-endpoints/crm/test", json={})
    delivery = made.json()["delivery"]
    assert (made.json()["endpoint"], made.json()["state"]) == ("crm", "waiting")
    resent = await web.post(f"/notice-deliveries/{delivery}/resend", json={"reason": "once more"})
    assert resent.status_code == 201, resent.text
    third = await central("notice", "resend", delivery, "--reason", "and again")
    fourth = await central("notice", "test", "crm")
    page = (await web.get("/notice-deliveries", params={"limit": 3})).json()
    said = [each["delivery"] for each in page["items"]]
    assert said == [fourth["delivery"], third["delivery"], resent.json()["delivery"]]
    rest = await web.get("/notice-deliveries", params={"after": page["after"]})
    assert [each["delivery"] for each in rest.json()["items"]] == [delivery]
    listed = await central("notice", "list", "--state", "waiting", "--endpoint", "crm")
    assert len(listed["items"]) == 4
    shown = (await web.get(f"/notice-deliveries/{delivery}")).json()
    assert timeless(shown) == timeless(await central("notice", "show", delivery))
    assert (shown["facts"], shown["log"]) == ({"endpoint": "crm"}, [])
    for path, command in (("notice-endpoints", "endpoints"), ("notice-rules", "rules")):
        (row,) = await same_by_pages(web, f"/{path}")
        (said_row,) = await central("notice", command)
        assert timeless(row) == timeless(said_row)
    # No secret is shown again, nor told to the log.
    with psycopg.connect(plain_migrated.dsn) as connection:
        rows = connection.execute("SELECT action, detail::text FROM audit_log").fetchall()
    assert not [row for row in rows if secret in row[1] or given["secret"] in row[1]]
    assert [action for action, _ in rows if action.startswith("notice.")] == [
        *("notice.endpoint_set", "notice.secret_added", "notice.secret_added", "notice.rule_set"),
        *("notice.tested", "notice.resent", "notice.resent", "notice.tested"),
    ]
    wrong = await web.post("/notice-endpoints", json={**order, "target": "http://crm.example/"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "INVALID_VALUE")
    nowhere = await web.post("/notice-endpoints/nowhere/test", json={})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NO_SUCH_ENDPOINT")


async def test_what_is_unbilled(web: httpx.AsyncClient) -> None:
    tally = await central("unbilled", "refresh")
    assert (tally["looked"], tally["rated"]) == (3, 3)
    page = (await web.get("/unbilled", params={"account": "A-1"})).json()
    (row,) = page["items"]
    assert (row["account"], row["first"], row["currency"]) == ("A-1", "2026-10-01", "EUR")
    (listed,) = (await central("unbilled", "list", "--account", "A-1"))["items"]
    assert listed["amount"] == row["amount"]
    account = (await web.get("/accounts", params={"search": "A-1"})).json()["items"][0]["account"]
    days = (await web.get(f"/accounts/{account}/unbilled")).json()["items"]
    assert days == (await central("unbilled", "show", "A-1"))["items"]
    charges = (await web.get("/unbilled/charges")).json()["items"]
    assert charges == await central("unbilled", "charges")
    assert {each["charge"] for each in charges} == {"customer", "energy", "vat"}


async def test_notices_and_alerts_have_pages(web: httpx.AsyncClient) -> None:
    order = {"endpoint": "crm", "kind": "webhook", "target": URL, "reason": "it listens"}
    assert (await web.post("/notice-endpoints", json=order)).status_code == 201
    rule = {
        "rule": "late",
        "kind": "bill.issued",
        "endpoint": "crm",
        "conditions": [{"fact": "total", "relation": "at_least", "values": ["100"]}],
        "reason": "great ones",
    }
    assert (await web.post("/notice-rules", json=rule)).status_code == 201
    web.base_url = httpx.URL("http://127.0.0.1")

    async def read(path: str) -> str:
        answer = await web.get(path)
        assert answer.status_code == 200, answer.text
        return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())

    page = await read("/notices")
    assert "Nothing was sent yet." in page
    assert f"crm webhook {URL} on Try it" in page
    assert "late bill.issued crm total at_least 100 on" in page
    token = (await web.get("/notices")).text.split('name="csrf_token" value="')[1].split('"')[0]
    tried = await web.post("/notice-endpoints/crm/test", data={"csrf_token": token})
    assert tried.headers["location"] == "/notices"
    assert "endpoint.test crm waiting 0" in await read("/notices?state=waiting")
    assert "No delivery is in this state." in await read("/notices?state=failed")
    assert (await web.get("/notices?state=burnt")).status_code == 422
    (sent,) = (await web.get("/api/v1/notice-deliveries")).json()["items"]
    again = f"/notice-deliveries/{sent['delivery']}/resend"
    empty = await web.post(again, data={"csrf_token": token, "reason": " "})
    assert (empty.status_code, "Reason is empty." in empty.text) == (422, True)
    form = {"csrf_token": token, "reason": "once more"}
    assert (await web.post(again, data=form)).status_code == 303
    assert (await read("/notices")).count("endpoint.test crm waiting") == 2
    page = await read("/alerts")
    assert "No threshold was reached." in page
    assert "There is no rule." in page
