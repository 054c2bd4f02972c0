"""Money of accounts by commands and over HTTP, as the application's role."""

from __future__ import annotations

import asyncio
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
from tests.support.books import NOW, TARIFF
from tests.support.servers import Database

CUSTOMERS = """\
seller: {name: Sierra Power}
tariffs: [home.yaml]
service_points: [{name: SP-1, zone: Europe/Madrid}]
accounts:
  - {number: A-1, name: Ada, agreements: [{point: SP-1, tariff: HOME, from: 2026-09-01}]}
"""
PAY_IN = ("--account", "A-1", "--currency", "EUR", "--day", "2026-10-05", "--reason", "transfer")
ORDER = {
    "key": "bank-78",
    "account": "A-1",
    "kind": "pay_in",
    "day": "2026-10-06",
    "currency": "EUR",
    "amount": "12.30",
    "reason": "transfer",
}


@pytest.fixture
def prepaid(plain_migrated: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    monkeypatch.setenv("METERLINE_ACTOR", "clerk")
    (tmp_path / "home.yaml").write_text(TARIFF + "settlement: [prepaid]\n", encoding="utf-8")
    (tmp_path / "customers.yaml").write_text(CUSTOMERS, encoding="utf-8")
    central("import", "customers", tmp_path / "customers.yaml")
    return plain_migrated


def central(*arguments: object, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    done = CliRunner().invoke(app, [*(str(argument) for argument in arguments), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_money_is_posted_listed_and_reconciled_by_command(prepaid: Database) -> None:
    assert prepaid.name
    post = ("ledger", "post", "bank-77", "--kind", "pay_in", "--amount", "50.00", *PAY_IN)
    assert central(*post) == {"key": "bank-77", "effect": "added"}
    assert central(*post) == {"key": "bank-77", "effect": "unchanged"}
    for number, (arguments, code) in enumerate(
        (
            (("--kind", "pay_in", "--amount", "51"), "ENTRY_DIFFERS"),
            (("--kind", "pay_in", "--amount", "5O"), "INVALID_VALUE"),
            (("--kind", "grant", "--amount", "5", "--bank", "gifts"), "ENTRY_REFUSED"),
            (("--kind", "refund", "--amount", "50.01", "--of", "bank-77"), "ENTRY_REFUSED"),
            (("--kind", "refund", "--amount", "1"), "INVALID_VALUE"),
            (("--kind", "payment", "--amount", "1", "--bill", "none"), "UNKNOWN_BILL"),
            (("--kind", "payment", "--amount", "1", "--expires", "2026-12-01"), "INVALID_VALUE"),
        )
    ):
        key = "bank-77" if number == 0 else "other"
        refused = central("ledger", "post", key, *arguments, *PAY_IN, code=2)
        assert refused["error"]["code"] == code, refused
    back = ("--kind", "refund", "--amount", "0.50", "--of", "bank-77")
    central("ledger", "post", "back-1", *back, *PAY_IN)
    entries = central("ledger", "list", "--account", "A-1")
    assert [(entry["key"], entry["left"], entry["state"]) for entry in entries] == [
        ("bank-77", "49.50", "open"),
        ("back-1", "0", "open"),
    ]
    assert central("ledger", "show", "bank-77")["actor"] == "clerk"
    assert central("ledger", "show", "bank-0", code=2)["error"]["code"] == "NOT_FOUND"
    # No bill has drawn on it yet.
    assert central("ledger", "trace", "A-1") == []
    assert central("ledger", "trace", "A-0", code=2)["error"]["code"] == "NOT_FOUND"
    before = "2020-01-01T00:00:00Z"
    assert central("ledger", "trace", "A-1", "--as-of", before, code=2)["error"]["code"] in {
        "NOT_FOUND",
        "AS_OF_NOT_KEPT",
    }
    report = central("reconcile", "--month", "2026-10", "--account", "A-1")
    (row,) = report["ledger"]
    assert (row["received"], row["refunded"], row["balance"], row["balanced"]) == (
        "50.00",
        "0.50",
        "49.50",
        True,
    )
    assert len(central("audit", "list", "--action", "ledger.posted")) == 2


def test_a_file_of_money_is_posted_once_line_by_line(prepaid: Database, tmp_path: Path) -> None:
    assert prepaid.name
    table = tmp_path / "bank.csv"
    table.write_text(
        "key;account;kind;amount;currency;day;of;expires;reason\n"
        "o-1;A-1;pay_in;120.50;EUR;2026-10-01;;2027-01-01;opening balance\n"
        "o-2;A-9;pay_in;1;EUR;2026-10-01;;;\n"
        "o-3;A-1;refund;20.50;EUR;2026-10-02;o-1;;\n"
        "o-4;A-1;pay_in;1,50;EUR;2026-10-02;;;\n"
        "o-5;A-1;gift;1;EUR;2026-10-02;;;\n"
        "o-6;A-1;grant;1;EUR;2026-10-02;;soon;\n",
        encoding="utf-8",
    )
    given = ("ledger", "import", table, "--reason", "bank file")
    dry = central(*given, "--dry-run", code=3)
    # Alone, the refund is of nothing.
    assert (dry["added"], dry["refused"]) == (1, 5)
    assert central("ledger", "list") == []
    done = central(*given, code=3)
    assert (done["added"], done["unchanged"], done["refused"]) == (2, 0, 4)
    assert [(row["line"], row["code"]) for row in done["refusals"]] == [
        (3, "NOT_REGISTERED"),
        (5, "INVALID_VALUE"),
        (6, "INVALID_VALUE"),
        (7, "INVALID_VALUE"),
    ]
    again = central(*given, code=3)
    assert (again["added"], again["unchanged"]) == (0, 2)
    entries = central("ledger", "list", "--account", "A-1")
    assert [(row["key"], row["left"], row["expires"], row["reason"]) for row in entries] == [
        ("o-1", "100.00", "2027-01-01", "opening balance"),
        ("o-3", "0", None, "bank file"),
    ]
    table.write_text("key,amount\n1,2\n", encoding="utf-8")
    assert central(*given, code=2)["error"]["code"] == "ENTRIES_FILE"


@pytest.fixture
async def web(prepaid: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with make_pool(prepaid.dsn_as("meterline_app"), max_size=6) as pool:
        services = timescale_services(pool, render_invoice, lambda: NOW)
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
            yield client


async def test_money_is_posted_once_over_http(web: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(web.post("/api/v1/ledger", json=ORDER) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    other = await web.post("/api/v1/ledger", json={**ORDER, "amount": "12.31"})
    assert (other.status_code, other.json()["code"]) == (409, "ENTRY_DIFFERS")
    for wrong in ({"amount": "0"}, {"amount": "1e30"}, {"kind": "gift"}, {"currency": "euro"}):
        refused = await web.post("/api/v1/ledger", json={**ORDER, "key": "x", **wrong})
        assert refused.status_code == 422, wrong
    (entry,) = (await web.get("/api/v1/ledger?account=A-1")).json()["items"]
    assert (entry["key"], entry["amount"], entry["bank"], entry["consumed_by"]) == (
        "bank-78",
        "12.30",
        "prepaid",
        None,
    )
    assert (await web.get("/api/v1/ledger/bank-78")).json() == entry
    assert (await web.get("/api/v1/ledger/bank-79")).status_code == 404
    assert (await web.get("/api/v1/accounts/A-1/drawdowns?entry=bank-78")).json()["items"] == []
    gift = {**ORDER, "key": "gift", "kind": "grant", "expires": "2026-12-01"}
    posted = await web.post("/api/v1/ledger", json=gift)
    assert (posted.status_code, posted.json()["expires"]) == (201, "2026-12-01")
    taken = {"kind": "expiry", "of": "gift", "key": "lapsed"}
    assert (await web.post("/api/v1/ledger", json={**ORDER, **taken})).status_code == 201
    assert (await web.get("/api/v1/accounts/A-0/drawdowns")).status_code == 404
    report = (await web.get("/api/v1/reconciliation?month=2026-10&account=A-1")).json()
    assert report["ledger"][0]["balance"] == "12.30"
    assert report["changed_since_billed"] == []
