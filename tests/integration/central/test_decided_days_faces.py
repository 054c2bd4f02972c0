"""What a person decides of days, by command and over HTTP, as the application's role."""

from __future__ import annotations

import asyncio
import json
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
from tests.support.books import NOW, month, timescale_utility
from tests.support.servers import Database

SPOT = "--from", "2026-10-14"
WHY = "--reason", "meter fault"
START = "2026-10-14T12:00:00+02:00"
API = "http://127.0.0.1/api/v1/point-channels/1"


def central(*arguments: object, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    done = CliRunner().invoke(app, [*(str(argument) for argument in arguments), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if code == 0 else done.output


@pytest.fixture
async def silent(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """October of quarter-hours, 100 Wh an hour; four hours of the 14th are missing."""
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    monkeypatch.setenv("METERLINE_ACTOR", "clerk")
    async with timescale_utility(plain_migrated.dsn) as utility:
        edge = await utility.found()
        await utility.deliver(edge, month(gaps={13 * 96 + 40: 15}))
        await utility.validate()
    return plain_migrated


def by_command(tmp_path: Path) -> None:
    seen = central("vee", "estimate", "SP-1", *SPOT, "--method", "even", *WHY, "--preview")
    assert (seen["preview"], seen["days"][0]["before"]) == (True, None)
    (version,) = central("vee", "versions", "SP-1", *SPOT)
    assert (version["version"], version["made_by"]) == (1, "job:validate")
    done = central("vee", "estimate", "SP-1", *SPOT, "--method", "even", *WHY)
    assert (done["days"][0]["total"], done["days"][0]["billed"]) == ("2400", False)
    assert done["days"][0]["quality"] == {"ACTUAL": 80, "ESTIMATED_PROFILE": 16}
    assert done["evidence"]["2026-10-14"]["methods"] == {"EVEN": 16}
    edit = ("vee", "edit", "SP-1", *WHY, "--code", "read_on_site")
    assert central(*edit, "--set", f"{START}=12.5")["days"][0]["version"] == 3
    file = tmp_path / "values.csv"
    file.write_text("start,value\n2026-10-14T12:00,1\n2026-10-14T12:15,2\n", encoding="utf-8")
    done = central(*edit, "--file", file, "--zone", "Europe/Madrid", "--obis", "1-0:1.8.0")
    assert done["days"][0]["quality"]["EDITED"] == 2
    versions = central("vee", "versions", "SP-1", *SPOT)
    assert [entry["made_by"] for entry in versions] == ["clerk", "clerk", "clerk", "job:validate"]
    assert versions[0]["evidence"]["reason_code"] == "read_on_site"
    restored = central("vee", "restore", "SP-1", *SPOT, *WHY)
    assert restored["days"][0]["quality"] == {"ACTUAL": 80, "MISSING": 16}
    for arguments, code in (
        (("estimate", "SP-9", *SPOT, *WHY), "NO_SUCH_CHANNEL"),
        (("estimate", "SP-1", "--obis", "1-0:2.8.0", *SPOT, *WHY), "NO_SUCH_CHANNEL"),
        (("estimate", "SP-1", *SPOT, *WHY, "--method", "guess"), "INVALID_VALUE"),
        (("estimate", "SP-1", *SPOT, *WHY, "--total", "1O"), "INVALID_VALUE"),
        (("estimate", "SP-1", *SPOT, *WHY, "--method", "class-profile"), "NOT_ESTIMATED"),
        (("estimate", "SP-1", "--from", "2026-10-15", *WHY), "NOTHING_DECIDED"),
        (("edit", "SP-1", *WHY, "--set", "2026-10-14T12:00=1"), "INVALID_VALUE"),
        (("edit", "SP-1", *WHY, "--set", "2026-12-31T12:00Z=1"), "DAY_NOT_CLOSED"),
        (("restore", "SP-1", *SPOT, "--to", "2026-10-13", *WHY), "INVALID_VALUE"),
        (("restore", "SP-1", *SPOT, *WHY), "NOTHING_DECIDED"),
    ):
        assert code in central("vee", *arguments, code=2)


async def over_http(database: Database) -> None:
    async with make_pool(database.dsn_as("meterline_app"), max_size=4) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        days = {"first": "2026-10-14", "end": "2026-10-15"}
        why = {"reason": "meter fault", "reason_code": "meter_fault"}
        async with httpx.AsyncClient(transport=transport) as client:
            order = {**days, **why, "method": "own-profile"}
            for preview in (True, False):
                asked = {**order, "preview": preview}
                answer = await client.post(f"{API}/estimates", json=asked)
                assert answer.status_code == 200, answer.text
                (day,) = answer.json()["days"]
                assert (day["before"]["total"], day["after"]["total"]) == (None, "2400")
            interval = {"start": START, "value": "7.25"}
            edited = await client.post(f"{API}/edits", json={"intervals": [interval], **why})
            (day,) = edited.json()["days"]
            assert day["after"]["quality"].count("edited") == 1
            assert "7.25" in day["after"]["values"]
            listed = (await client.get(f"{API}/versions", params=days)).json()["items"]
            assert [entry["version"] for entry in listed] == [7, 6, 5, 4, 3, 2, 1]
            assert listed[0]["evidence"]["reason"] == "meter fault"
            await client.post(f"{API}/restorations", json={**days, **why})
            again = await client.post(f"{API}/restorations", json={**days, **why})
            assert again.json()["code"] == "NOTHING_DECIDED"
            wrong = await client.post(f"{API}/edits", json={"intervals": [], **why})
            assert wrong.status_code == 422


async def test_days_are_decided_by_command_and_over_http(silent: Database, tmp_path: Path) -> None:
    await asyncio.to_thread(by_command, tmp_path)
    await over_http(silent)
