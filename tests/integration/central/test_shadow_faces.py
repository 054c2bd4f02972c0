"""Lines of another system are compared by command and over HTTP, and both say the same."""

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
from tests.support.office import Office
from tests.support.servers import Database

HEADING = "account;period;charge;label;quantity;price;amount;kind"


@pytest.fixture
async def office(plain_filled: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setenv("METERLINE_DATABASE", plain_filled.dsn_as("meterline_app"))
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        yield made


async def central(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


async def test_a_bill_is_compared_line_by_line(office: Office, tmp_path: Path) -> None:
    record = await office.services().bills.bill(office.bills["Okafor"])
    assert record is not None
    account, period = record.bill.account, str(record.bill.period)
    rows = [
        ";".join(
            "" if value is None else str(value)
            for value in (
                *(account, period, f"their {line.id}", line.label, line.quantity, line.price),
                *(line.amount, "tax" if line.kind == "tax" else ""),
            )
        )
        for line in (entry.line for entry in record.bill.lines)
    ]
    ids = dict.fromkeys(entry.line.id for entry in record.bill.lines)
    file, names = tmp_path / "lines.csv", tmp_path / "names.csv"
    file.write_text("\n".join([HEADING, *rows]), encoding="utf-8")
    names.write_text("\n".join(["name,charge", *(f"their {id_},{id_}" for id_ in ids)]))
    report = await central("bill", "shadow", str(file), "--names", str(names))
    assert (report["equal_bills"], report["share_equal"]) == (1, "1/1")
    assert [each["class"] for each in report["classes"]] == ["equal"]
    # One line less, one of somebody who is not here.
    stranger = f"A-none;{period};their rent;;;;5.00;"
    file.write_text("\n".join([HEADING, *rows[1:], stranger]), encoding="utf-8")
    report = await central("bill", "shadow", str(file), "--names", str(names))
    assert (report["bills"], report["equal_bills"], report["share_equal"]) == (2, 0, "0/1")
    assert [bill["bill"] is None for bill in report["compared"]] == [False, True]
    assert {each["class"]: each["lines"] for each in report["classes"]} == {
        "equal": len(rows) - 1,
        "missing_line": 1,
        "extra_line": 1,
    }
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    url = "http://127.0.0.1/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=url) as web:
        order = {"file": file.read_text(), "names": names.read_text()}
        answer = await web.post("/shadow-bills", json=order)
        assert (answer.status_code, answer.json()) == (200, report)
        order = {"file": f"{HEADING}\nA-1;2026-10;energy;;1,5;;x;\nA-1;2026-10;energy;;;;1;rent\n"}
        refused = await web.post("/shadow-bills", json=order)
    assert (refused.status_code, refused.json()["code"]) == (422, "SHADOW_REFUSED")
    assert "line 2" in refused.json()["detail"]
    assert "line 3: 'rent' is neither charge nor tax" in refused.json()["detail"]
