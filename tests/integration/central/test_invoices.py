"""Invoices and drafts by every way: API, pages, commands."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import httpx
import pytest
from pypdf import PdfReader

from central.adapters.timescale.migrate import migrate
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.billing.bill import Party
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.ports.registry import AccountRecord
from tests.support.actors import CHIEF, CLERK
from tests.support.office import NOW, Office
from tests.support.servers import Database


@pytest.fixture
async def office(plain_database: Database) -> AsyncIterator[Office]:
    migrate(plain_database.dsn)
    async with make_pool(plain_database.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.fill()
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
        await enrol.seller(Party("Another Power"))
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
