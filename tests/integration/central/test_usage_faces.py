"""Usage events by commands and over HTTP, as the application's role."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
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
from tests.support.servers import Database

CLOUD = """\
tariff: cloud
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants:
  bytes: {events: traffic, take: sum, unit: GB, split: {field: region, values: [eu], other: rest}}
  users: {events: users, take: unique, key: user}
charges:
  - {id: bytes, qty: bytes, price: {eu: 0.5, rest: 1}}
  - {id: users, qty: users, price: 2}
"""
CUSTOMERS = """\
seller: {name: Sierra Cloud}
tariffs: [cloud.yaml]
service_points: [{name: SUB-1, zone: Europe/Madrid}]
accounts:
  - {number: A-1, name: Ada, agreements: [{point: SUB-1, tariff: cloud, from: 2026-09-01}]}
"""
TRAFFIC = "meter: traffic\nsince: 2026-01-01\nevent_type: com.example.call\nvalue: gb\n"
TRAFFIC += "group_by: [region]\nwhere: {plan: [pro, team]}\n"
USERS = "meter: users\nsince: 2026-01-01\nevent_type: com.example.call\naggregate: unique\n"
USERS += "value: user\ntime: day\n"


def cloud_event(name: str, at: str, **data: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "source": "cloud",
        "id": name,
        "type": "com.example.call",
        "subject": "acme",
        "time": at,
        "data": {"plan": "pro", **data},
    }


GIVEN = [
    cloud_event("a1", "2026-10-01T00:00:00+02:00", gb="1.5", region="eu", user="ann"),
    cloud_event("a2", "2026-10-01T00:30:00+02:00", gb=2.25, region="eu", user="bob"),
    cloud_event("a3", "2026-10-31T23:59:59+01:00", gb=1, region="us", user="ann"),
    cloud_event("a4", "2026-10-10T00:00:00Z", gb=9, region="us", user="eve", plan="free"),
    cloud_event("a5", "2026-11-01T00:00:00+01:00", gb=9, region="us", user="eve"),
]


def central(*arguments: object, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    done = CliRunner().invoke(app, [*(str(argument) for argument in arguments), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture
def cloud(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    monkeypatch.setenv("METERLINE_ACTOR", "clerk")
    monkeypatch.chdir(tmp_path)
    files = {"cloud.yaml": CLOUD, "customers.yaml": CUSTOMERS}
    files |= {"traffic.yaml": TRAFFIC, "users.yaml": USERS}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    central("import", "customers", "customers.yaml")
    return plain_migrated


def test_events_of_a_file_are_counted_by_meters_and_billed(cloud: Database) -> None:
    assert cloud.name
    for name in ("traffic", "users"):
        assert central("events", "set-meter", f"{name}.yaml")["effect"] == "added"
        assert central("events", "set-meter", f"{name}.yaml")["effect"] == "unchanged"
    lines = "\n".join([*map(json.dumps, GIVEN), "{", json.dumps({**GIVEN[0], "subject": 7})])
    Path("events.ndjson").write_text(lines, encoding="utf-8")
    dry = central("events", "import", "events.ndjson", "--dry-run", code=3)
    assert (dry["stored"], dry["refused"]) == (5, 2)
    assert central("events", "list") == []
    done = central("events", "import", "events.ndjson", code=3)
    assert [row["line"] for row in done["refusals"]] == [6, 7]
    again = central("events", "import", "events.ndjson", code=3)
    assert (again["stored"], again["duplicate"]) == (0, 5)
    table = "source,id,subject,type,time,value,region\ncloud,b1,acme,x,2026-10-05T00:00:00Z,2,eu\n"
    Path("more.csv").write_text(table, encoding="utf-8")
    assert central("events", "import", "more.csv")["stored"] == 1
    assert central("events", "waiting")["events"] == 6
    assign = ("subjects", "assign", "acme", "--point", "SUB-1", "--from", "2026-09-01")
    assert central(*assign)["effect"] == "added"
    assert central(*assign)["effect"] == "unchanged"
    assert central("events", "waiting")["events"] == 0
    (row,) = central("subjects", "list", "--subject", "acme")
    assert (row["point"], row["from"], row["recorded_by"]) == (
        "SUB-1",
        "2026-09-01",
        "clerk",
    )
    central("bill", "run", "--cycle", "2026-09")
    central("bill", "run", "--cycle", "2026-10")
    bill = central("bill", "show", "A-1/2026-10", "--explain")
    amounts = {each["line"]["key"]: each["line"]["amount"] for each in bill["lines"]}
    # 3.75 GB of the EU, 1 GB elsewhere; ann, bob and eve, whose plan no meter of users asks for.
    assert amounts == {"bytes/eu": "1.88", "bytes/rest": "1.00", "users": "6.00"}
    proven = {each["line"]["key"]: bill["proven"][str(each["position"])] for each in bill["lines"]}
    assert proven["bytes/eu"]["events"] == [
        ["2026-09-30T22:00:00+00:00|eu", "2026-09-30T22:00:00+00:00", "3.75", [["region", "eu"]]]
    ]
    cancelled = central("events", "cancel", "cloud", "a1", "--reason", "a test")
    assert (cancelled["version"], cancelled["cancelled"]) == (2, True)
    assert [row["counts"] for row in central("events", "show", "cloud", "a1")] == [False, False]
    central("bill", "run", "--cycle", "2026-10")
    bill = central("bill", "show", "A-1/2026-10")
    amounts = {each["line"]["key"]: each["line"]["amount"] for each in bill["lines"]}
    assert amounts == {"bytes/eu": "1.13", "bytes/rest": "1.00", "users": "6.00"}
    central("events", "withdraw-meter", "traffic", "2026-01-01", "--reason", "a test")
    central("subjects", "withdraw", "acme", "--from", "2026-09-01", "--reason", "a test")
    assert [row["withdrawn"] for row in central("events", "meters", "--name", "traffic")] == [
        False,
        True,
    ]
    rows = central("audit", "list", "--limit", "100")
    logged = {row["action"] for row in rows}
    assert logged >= {
        "event.cancelled",
        "events.imported",
        "subject.assigned",
        "usage_meter.kept",
    }


async def test_events_are_sent_over_http(cloud: Database) -> None:
    async for web in clients(cloud):
        kind = {"content-type": "application/cloudevents+json"}
        one = await web.post("/api/v1/usage-events", content=json.dumps(GIVEN[0]), headers=kind)
        assert one.status_code == 200, one.text
        assert one.json()["results"] == [
            {"status": "stored", "source": "cloud", "id": "a1", "version": 1}
        ]
        many = await web.post("/api/v1/usage-events", json=[*GIVEN[:3], {"id": 1}])
        assert [each["status"] for each in many.json()["results"]] == [
            *("duplicate", "stored", "stored", "refused"),
        ]
        lines = "\n".join(json.dumps(event) for event in GIVEN) + "\nnonsense\n"
        kind = {"content-type": "application/x-ndjson; charset=utf-8"}
        third = (await web.post("/api/v1/usage-events", content=lines, headers=kind)).json()
        assert (third["stored"], third["duplicate"], third["refused"]) == (2, 3, 1)
        differs = {**GIVEN[0], "subject": "other"}
        refused = (await web.post("/api/v1/usage-events", json=differs)).json()["results"][0]
        assert refused["code"] == "EVENT_DIFFERS"
        broken = await web.post("/api/v1/usage-events", content="[", headers=kind)
        assert broken.json()["results"][0]["status"] == "refused"
        assert (await web.post("/api/v1/usage-events", json=[1] * 1_001)).status_code == 422
        listed = (await web.get("/api/v1/usage-events?subject=acme&limit=2")).json()["items"]
        assert [row["id"] for row in listed] == ["a1", "a2"]
        waiting = (await web.get("/api/v1/usage-events/waiting")).json()
        assert (waiting["events"], waiting["subjects"][0]["subject"]) == (5, "acme")
        order = {"subject": "acme", "point": "SUB-1", "first": "2026-10-01"}
        assert (await web.post("/api/v1/usage-subjects", json=order)).status_code == 200
        nowhere = await web.post("/api/v1/usage-subjects", json={**order, "point": "SUB-9"})
        assert nowhere.status_code in {404, 409, 422}
        (row,) = (await web.get("/api/v1/usage-subjects?subject=acme")).json()["items"]
        assert row["point"] == "SUB-1"


async def clients(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with make_pool(database.dsn_as("meterline_app"), max_size=6) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
            yield client
