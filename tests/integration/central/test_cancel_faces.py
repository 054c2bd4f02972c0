"""Issued bills are cancelled by command, over HTTP and by pages, and all say the same."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from tests.support.actors import CHIEF, TRADER
from tests.support.office import TARIFF, Office
from tests.support.servers import Database


@pytest.fixture
async def office(plain_filled: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setenv("METERLINE_DATABASE", plain_filled.dsn_as("meterline_app"))
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.open()
        services = made.services()
        for name in ("Okafor", "Iturbe"):
            await services.approve.one(made.bills[name], CHIEF)
            await services.issue.one(made.bills[name], CHIEF)
        yield made


@pytest.fixture
async def web(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def central(*arguments: object, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
    words = [*(str(argument) for argument in arguments), "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if code == 0 else done.output


async def test_a_bill_is_cancelled_over_http(office: Office, web: httpx.AsyncClient) -> None:
    bill = str(office.bills["Okafor"])
    refused = await web.post("/api/v1/bills/cancel", json={"bills": [bill]})
    assert refused.status_code == 422
    order = {"bills": [bill], "reason": "wrong tariff agreed"}
    proposed = await web.post("/api/v1/bills/cancel", json=order)
    assert proposed.status_code == 201, proposed.text
    (note,) = proposed.json()["bills"]
    twice = await web.post("/api/v1/bills/cancel", json=order)
    assert (twice.status_code, twice.json()["code"]) == (409, "ALREADY_CANCELLED")
    drafted = text_of((await web.get(f"/api/v1/bills/{note}/draft.pdf")).content)
    assert "Credit note" in drafted
    assert "DRAFT" in drafted
    services = office.services()
    await services.approve.one(UUID(note), CHIEF)
    answer = await web.post(f"/api/v1/bills/{note}/issue", json={})
    assert answer.status_code == 200, answer.text
    issued = answer.json()
    assert (issued["number"], issued["kind"], issued["state"]) == (
        "CN-000001",
        "credit_note",
        "issued",
    )
    original = (await web.get(f"/api/v1/bills/{bill}")).json()
    assert (original["number"], original["state"]) == ("INV-000001", "cancelled")
    assert float(issued["amounts"]["total"]) == -float(original["amounts"]["total"])
    chain = (await web.get(f"/api/v1/bills/{bill}/chain")).json()["items"]
    assert chain == [
        {"how": "cancelled by", "bill": note, "number": "CN-000001", "state": "issued"}
    ]
    pdf = await web.get(f"/api/v1/bills/{note}/invoice.pdf")
    printed = text_of(pdf.content)
    assert "Credit note number CN-000001" in printed
    assert "Of invoice INV-000001" in printed
    assert "Credit in your favour" in printed
    assert PdfReader(io.BytesIO(pdf.content)).metadata["/Title"] == (  # type: ignore[index]
        "Credit note CN-000001 of invoice INV-000001"
    )
    # Rendered once and kept.
    assert (await web.get(f"/api/v1/bills/{note}/invoice.pdf")).content == pdf.content
    (run,) = (await web.get("/api/v1/bill-runs")).json()["items"]
    assert (run["bills"], run["issued"], run["cancelled"]) == (2, 1, 1)
    listed = (await web.get(f"/api/v1/bill-runs/{run['run']}/bills?state=cancelled")).json()
    assert [one["bill"] for one in listed["items"]] == [bill]
    listed = (await web.get(f"/api/v1/bill-runs/{run['run']}/bills?state=issued")).json()
    assert [one["bill"] for one in listed["items"]] == [str(office.bills["Iturbe"])]


async def test_a_bill_is_cancelled_by_its_page(office: Office, web: httpx.AsyncClient) -> None:
    bill = office.bills["Okafor"]
    page = (await web.get(f"/bills/{bill}")).text
    assert f'href="/bills/{bill}/cancel"' in page
    page = (await web.get(f"/bills/{bill}/cancel")).text
    assert "A credit note for all of this bill is drafted." in page
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    sent = {"csrf_token": token, "reason": "wrong tariff agreed"}
    answer = await web.post(f"/bills/{bill}/cancel", data=sent)
    assert answer.status_code == 303
    note = (await web.get(answer.headers["location"])).text
    assert ">INV-000001</a>" in note
    assert "credit note" in note
    assert "Cancelled by" in (await web.get(f"/bills/{bill}")).text


async def test_a_bill_is_cancelled_by_command(office: Office) -> None:
    bill = office.bills["Iturbe"]
    said = ("--reason", "wrong tariff agreed", "--as", "agent")
    assert "PARTS_UNCLEAR" in await central(
        "bill", "cancel", bill, *said, "--point", "Moon", code=2
    )
    (note,) = (await central("bill", "cancel", "INV-000002", *said))["proposed"]
    assert "SELF_APPROVAL" in await central("bill", "approve", note, "--as", "agent", code=2)
    await central("bill", "approve", note, "--as", "chief")
    await central("bill", "issue", note, "--as", "chief")
    shown = await central("bill", "show", "CN-000001")
    assert shown["cancels"]["number"] == "INV-000002"
    (link,) = shown["chain"]
    assert (link["how"], link["number"]) == ("cancels", "INV-000002")
    explained = await central("bill", "show", "CN-000001", "--explain")
    assert explained["lines"] == shown["lines"]
    rows = await central("bill", "list", shown["account"])
    assert [(row["number"], row["kind"], row["state"]) for row in rows] == [
        ("INV-000002", "regular", "cancelled"),
        ("CN-000001", "credit_note", "issued"),
    ]
    (row,) = await central("audit", "list", "--action", "bill.cancellation_proposed")
    assert row["reason"] == "wrong tariff agreed"


async def test_a_bill_is_billed_anew_by_command_and_over_http(
    office: Office, web: httpx.AsyncClient
) -> None:
    shown = await central("bill", "show", "INV-000001")
    account = shown["account"]
    order = {"reason": "mistyped price", "from_bill": "INV-000001"}
    nothing = await web.post(f"/api/v1/accounts/{account}/rebill", json=order)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "NOTHING_DIFFERS")
    dearer = TARIFF.read_text(encoding="utf-8").replace("price: 6.90", "price: 7.90")
    await office.services().enrol(TRADER).tariff(dearer, reason="mistyped")
    proposed = await web.post(f"/api/v1/accounts/{account}/rebill", json=order)
    assert proposed.status_code == 201, proposed.text
    (draft,) = proposed.json()["bills"]
    said = ("--account", account, "--reason", "mistyped price", "--as", "agent")
    assert "ALREADY_CANCELLED" in await central("correction", "rebill", *said, code=2)
    await central("bill", "discard", draft, "--as", "agent")
    (draft,) = (await central("correction", "rebill", *said))["proposed"]
    rows = await central("audit", "list", "--action", "bill.rebill_proposed")
    assert [row["actor"] for row in rows] == ["agent", "token:operator"]
    await central("bill", "approve", draft, "--as", "chief")
    await central("bill", "issue", draft, "--as", "chief")
    anew = await central("bill", "show", draft)
    assert (anew["number"], anew["replaced"], anew["revision"]) == ("INV-000003", "INV-000001", 1)
    assert [link["how"] for link in anew["chain"]] == ["replaces", "after"]
    printed = text_of((await web.get(f"/api/v1/bills/{draft}/invoice.pdf")).content)
    assert "Replaces invoice INV-000001" in printed
