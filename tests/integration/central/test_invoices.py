"""Invoices and drafts by every way: API, pages, commands."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from central.adapters.documents import invoice
from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.domain.billing.bill import Bill, Party
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.ports.registry import AccountRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.office import NOW, Office
from tests.support.servers import Database


@pytest.fixture
async def office(plain_filled: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setenv("METERLINE_DATABASE", plain_filled.dsn_as("meterline_app"))
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        yield made


def client(office: Office) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def text_of(pdf: bytes) -> str:
    """All that a PDF says."""
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def test_only_an_issued_bill_has_an_invoice(office: Office) -> None:
    bill = office.bills["Okafor"]
    services = office.services()
    async with client(office) as web:
        for root in ("/bills", "/api/v1/bills"):
            draft = await web.get(f"{root}/{bill}/draft.pdf")
            assert draft.headers["content-type"] == "application/pdf"
            assert "DRAFT" in text_of(draft.content)
            assert (await web.get(f"{root}/{bill}/invoice.pdf")).status_code == 409
        page = await web.get(f"/bills/{bill}")
        assert "invoice.pdf" not in page.text
        await services.approve.one(bill, CHIEF)
        await services.issue.one(bill, CHIEF)
        for root in ("/bills", "/api/v1/bills"):
            invoice = await web.get(f"{root}/{bill}/invoice.pdf")
            assert "DRAFT" not in text_of(invoice.content)
            assert "INV-000001" in text_of(invoice.content)
            assert (await web.get(f"{root}/{bill}/draft.pdf")).status_code == 409


async def test_an_issued_bill_shows_the_names_and_dates_that_it_says(office: Office) -> None:
    bill = office.bills["Okafor"]
    services = office.services()
    await services.approve.one(bill, CHIEF)
    await services.issue.one(bill, CHIEF)
    async with client(office) as web:
        before = (await web.get(f"/api/v1/bills/{bill}")).json()
        invoice = (await web.get(f"/api/v1/bills/{bill}/invoice.pdf")).content
        enrol = services.enrol(CLERK)
        await enrol.account(AccountRecord("ES-4102", Party("Somebody Else")))
        await enrol.seller(Party("Another Power"), "merged")
        change = ChangeSettings(office.settings, lambda: NOW)
        await change(SettingsChange(due_days=90, series="OTHER"), CHIEF, "try")
        assert (await web.get(f"/api/v1/bills/{bill}")).json() == before
        assert (await web.get(f"/api/v1/bills/{bill}/invoice.pdf")).content == invoice
        page = (await web.get(f"/bills/{bill}")).text
    assert before["account_name"] == "Familia Okafor"
    assert (before["issued_on"], before["due_on"]) == ("2026-11-03", "2026-11-17")
    assert "Familia Okafor" in page
    assert "Somebody Else" not in page
    assert "INV-000001" in page
    assert 'datetime="2026-11-17"' in page


async def test_every_way_gives_the_bytes_that_are_archived(office: Office, tmp_path: Path) -> None:
    bill = office.bills["Okafor"]
    services = office.services()
    await services.approve.one(bill, CHIEF)
    await services.issue.one(bill, CHIEF)
    assert await answer("bill", "render") == {"archived": 1, "failed": []}
    assert await answer("bill", "render") == {"archived": 0, "failed": []}
    assert await answer("bill", "render", str(bill)) == {"archived": 1, "failed": []}
    archived = await services.documents.document(bill)
    assert archived is not None
    assert archived.sha256 == hashlib.sha256(archived.content).hexdigest()
    printed = await answer("bill", "pdf", str(bill), "--out", str(tmp_path))
    async with client(office) as web:
        for root in ("/bills", "/api/v1/bills"):
            assert (await web.get(f"{root}/{bill}/invoice.pdf")).content == archived.content
    (file,) = (Path(name) for name in printed["files"])
    assert await asyncio.to_thread(file.read_bytes) == archived.content


async def test_a_bill_has_one_name_everywhere(office: Office) -> None:
    bill = str(office.bills["Okafor"])
    services = office.services()
    await services.approve.one(office.bills["Okafor"], CHIEF)
    await services.issue.one(office.bills["Okafor"], CHIEF)
    for name in (bill, "INV-000001", "ES-4102/2026-10"):
        assert (await answer("bill", "show", name))["bill"] == bill
    async with client(office) as web:
        for name in (bill, "INV-000001"):
            assert (await web.get(f"/api/v1/bills/{name}")).json()["bill"] == bill
            assert (await web.get(f"/api/v1/bills/{name}/lines")).json()["items"] != []
            assert f"/bills/{bill}/invoice.pdf" in (await web.get(f"/bills/{name}")).text
        query = {"account": "ES-4102", "cycle": "2026-10"}
        (listed,) = (await web.get("/api/v1/bills", params=query)).json()["items"]
        assert (listed["bill"], listed["kind"]) == (bill, "regular")
        for path in ("/api/v1/bills/INV-000009", "/bills/INV-000009"):
            assert (await web.get(path)).status_code == 404
    # What a final run made has the same commands, with `--final`.
    for verb in ("summary", "approve", "issue", "pdf", "render"):
        refused = await refusal("bill", verb, "--cycle", "2026-10", "--final")
        assert "UNKNOWN_RUN" in refused
        assert "meterline-central bill run --cycle 2026-10 --final" in refused
    # Printed is an account's bill of a cycle whichever run made it.
    for verb in ("pdf", "render"):
        refused = await refusal("bill", verb, "--cycle", "2026-11", "--account", "ES-4102")
        assert "ES-4102" in refused
    for verb in ("show", "discard"):
        assert "UNKNOWN_BILL" in await refusal("bill", verb, "ES-4102/2026-10", "--final")


async def test_an_invoice_that_cannot_be_rendered_is_a_finding_until_it_is(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = office.services()
    for name in ("Okafor", "Iturbe"):
        await services.approve.one(office.bills[name], CHIEF)
        await services.issue.one(office.bills[name], CHIEF)

    def jam(bill: Bill, **rest: Any) -> bytes:  # noqa: ANN401 - handed through
        if bill.account == "ES-4102":
            message = "the press jams"
            raise ValueError(message)
        return render_invoice(bill, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(invoice, "render_invoice", jam)
        failed = await answer("bill", "render", code=3)
    assert failed["archived"] == 1
    assert [(one["bill"], one["code"]) for one in failed["failed"]] == [
        ("ES-4102", "DOCUMENT_NOT_MADE")
    ]
    (finding,) = await document_findings(office)
    assert "INV-000001 of ES-4102, attempt 1: ValueError: the press jams." in finding["detail"]
    assert await answer("bill", "render", "ES-4102/2026-10") == {"archived": 1, "failed": []}
    assert await document_findings(office) == []


async def test_the_command_and_the_api_reconcile_alike(office: Office) -> None:
    said = await answer("reconcile", "--month", "2026-10")
    assert said["balanced"]
    assert {one["coverage"] for one in said["energy"]} == {"draft", "held"}
    async with client(office) as web:
        assert (await web.get("/api/v1/reconciliation?month=2026-10")).json() == said
        refused = await web.get("/api/v1/reconciliation?run=2020-01")
        # By its clock November is not over; whoever left in it without a bill is due.
        early = (await web.get("/api/v1/reconciliation?month=2026-11")).json()
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
    assert {one["coverage"] for one in early["energy"]} == {"not yet due"}


async def document_findings(office: Office) -> list[dict[str, Any]]:
    """The findings of documents, as the API lists them."""
    async with client(office) as web:
        listed = (await web.get("/api/v1/findings")).json()["items"]
    rows = listed if isinstance(listed, list) else listed["items"]
    return [row for row in rows if row["finding"].startswith("d")]


async def answer(*words: str, code: int = 0) -> dict[str, Any]:
    """What a command says as JSON."""
    done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
    assert done.exit_code == code, done.output
    # What is logged goes to the terminal here, before the answer.
    said = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert isinstance(said, dict)
    return said


async def refusal(*words: str) -> str:
    """What a command says that is refused."""
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())
