"""What other systems do over HTTP: a CRM's day as its how-to shows it, readings, runs and lists."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.process.services import timescale_services
from tests.integration.central.test_usage_faces import central, cloud
from tests.support.books import NOW
from tests.support.office import Office
from tests.support.servers import Database

__all__ = ["cloud"]
HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "connect-a-crm.md"
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token


async def run(script: str, address: str) -> str:
    """What a script prints."""
    environment = {**os.environ, "METERLINE_URL": address, "METERLINE_TOKEN": TOKEN}
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, env=environment, stdout=pipe, stderr=pipe
    )
    printed, errors = await running.communicate()
    assert running.returncode == 0, errors.decode()
    return printed.decode()


async def test_the_how_to_of_a_crm_does_what_it_prints(cloud: Database) -> None:
    for name in ("traffic", "users"):
        await asyncio.to_thread(central, "events", "set-meter", f"{name}.yaml")
    (script,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    (printed,) = re.findall(r"```text\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    statements = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.stmt)]
    assert len(statements) <= 40
    async with make_pool(cloud.dsn_as("meterline_app"), max_size=4) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        web = WebSettings(port=0, token=TOKEN)
        async with serving(create_app(services, web), services, web) as address:
            assert await run(script, address) == printed
            again = await run(script, address)
    # Half of it again is none of it again.
    assert "'stored': 0, 'duplicate': 28" in again
    assert again.splitlines()[1:] == printed.splitlines()[1:]


@asynccontextmanager
async def office_web(database: Database) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    async with make_pool(database.dsn_as("meterline_app"), max_size=4) as pool:
        app = create_app(Office(pool).services(), WebSettings())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            yield web, app


async def test_a_gateway_is_enrolled_and_readings_are_sent_once(plain_filled: Database) -> None:
    async with office_web(plain_filled) as (web, _):
        enrolled = await web.post("/api/v1/gateways", json={"gateway": "mdm-export"})
        meter = {"manufacturer": "MTL", "serial": "QX-77", "obis": "1-0:1.8.0*255", "unit": "Wh"}
        readings = [
            {
                **meter,
                "at": f"2026-11-02T0{hour}:00:00Z",
                "value": str(1_000 + hour),
                "period_s": 3600,
            }
            for hour in range(4)
        ]
        order = {"gateway": "mdm-export", "readings": readings}
        first = await web.post("/api/v1/readings", json=order)
        again = await web.post("/api/v1/readings", json=order)
        more = {**order, "readings": [*readings[2:], {**readings[3], "value": "7"}]}
        third = await web.post("/api/v1/readings", json=more)
        wrong = {**order, "readings": [{**readings[0], "obis": "x"}]}
        refused = await web.post("/api/v1/readings", json=wrong)
        nobody = await web.post("/api/v1/readings", json={**order, "gateway": "nobody"})
        revoked = await web.post("/api/v1/gateways/mdm-export/revoke", json={"reason": "replaced"})
    assert (enrolled.status_code, enrolled.headers["location"]) == (
        201,
        "/api/v1/gateways/mdm-export",
    )
    assert (first.status_code, first.json()["stored"]) == (200, 4), first.text
    assert (again.json()["stored"], again.json()["duplicate"]) == (0, 4)
    assert (third.json()["stored"], third.json()["duplicate"]) == (0, 2)
    assert third.json()["conflict"] + third.json()["quarantined"] == 1
    assert (refused.status_code, "readings.0" in refused.json()["detail"]) == (422, True)
    assert nobody.status_code == 404
    assert (revoked.status_code, revoked.json()["revoked"]) == (200, True)


async def test_a_run_of_all_goes_on_after_its_answer(plain_filled: Database) -> None:
    async with office_web(plain_filled) as (web, app):
        begun = await web.post("/api/v1/bill-runs", json={"cycle": "2026-10"})
        await app.state.background.idle()
        ended = await web.get(begun.headers["location"])
        early = await web.post("/api/v1/bill-runs", json={"cycle": "2026-12"})
        lost = await web.post("/api/v1/bill-runs", json={"cycle": "2026-10", "group": "none"})
    assert begun.status_code == 201
    assert (ended.json()["state"], ended.json()["bills"]) == ("finished", 3)
    assert early.status_code == 409
    assert lost.status_code in {404, 409, 422}


async def test_bills_are_listed_by_page_and_by_what_they_are(plain_filled: Database) -> None:
    async with office_web(plain_filled) as (web, _):

        async def listed(query: str) -> list[dict[str, Any]]:
            return (await web.get(f"/api/v1/bills?{query}")).json()["items"]  # type: ignore[no-any-return]

        first = (await web.get("/api/v1/bills?limit=2")).json()
        rest = (await web.get(f"/api/v1/bills?limit=2&after={first['after']}")).json()
        every = [*first["items"], *rest["items"]]
        held = await listed("state=held")
        numbered = await listed("account=ES-4100")
        none = [
            await listed(query)
            for query in (
                "issued_from=2026-01-01",
                "issued_until=2026-12-01",
                "updated_since=2026-11-04T00:00:00Z",
                "cycle=2026-09",
                "account=nobody",
            )
        ]
        since = await listed("updated_since=2026-11-03T00:00:00Z&cycle=2026-10")
        odd = await web.get("/api/v1/bills?state=odd")
    assert len(every) == len({bill["bill"] for bill in every}) == 3
    assert rest["after"] is None
    assert [bill["state"] for bill in held] == ["held"]
    assert [bill["account_number"] for bill in numbered] == ["ES-4100"]
    assert none == [[]] * 5
    assert len(since) == 3
    assert {"net", "tax", "due"} <= numbered[0]["amounts"].keys()
    assert odd.status_code == 422


@pytest.mark.parametrize("limit", [1, 2])
async def test_events_and_entries_come_in_pages(cloud: Database, limit: int) -> None:
    async with make_pool(cloud.dsn_as("meterline_app"), max_size=4) as pool:
        app = create_app(timescale_services(pool, render_invoice, lambda: NOW), WebSettings())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            at = "2026-10-01T00:00:00Z"
            event = {"source": "s", "type": "t", "subject": "x", "time": at}
            events = [{**event, "id": str(number)} for number in range(5)]
            await web.post("/api/v1/usage-events", json=events)
            money = {"account": "A-1", "kind": "payment", "day": "2026-10-01", "currency": "EUR"}
            for number in range(3):
                entry = {**money, "key": f"p-{number}", "amount": "1", "reason": "bank"}
                posted = await web.post("/api/v1/ledger", json=entry)
                assert posted.headers["location"] == f"/api/v1/ledger/p-{number}"
            names: dict[str, list[str]] = {}
            for path, field in (("usage-events", "id"), ("ledger", "key")):
                after = ""
                while after is not None:
                    query = f"limit={limit}" + (f"&after={after}" if after else "")
                    page = (await web.get(f"/api/v1/{path}?{query}")).json()
                    names.setdefault(path, []).extend(row[field] for row in page["items"])
                    after = page["after"]
    assert names == {"usage-events": ["0", "1", "2", "3", "4"], "ledger": ["p-0", "p-1", "p-2"]}
