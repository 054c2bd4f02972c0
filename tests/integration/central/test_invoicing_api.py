"""Structured invoices, records of the register, and what invoices say, by the API and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from lxml import etree

from central.adapters.timescale.billing.fiscal import TimescaleFiscalRegister
from central.adapters.timescale.pool import Pool, make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.billing.bill import Party
from central.domain.fiscal.record import FiscalMode
from central.domain.fiscal.verifactu import BillingSoftware
from central.service.billing.fiscal_register import FiscalRegister
from central.service.ports.registry import AccountRecord
from tests.support.actors import CHIEF, CLERK, person
from tests.support.einvoices import facturae_schema, ubl_schema
from tests.support.office import CYCLE, OFFICE, Office
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(OFFICE)
API = "/api/v1"
POINT = "/service-points/Iturbe residence/invoicing"


async def issued(office: Office) -> str:
    """The bill of the first household, issued."""
    services, uid = office.services(), office.bills["Iturbe"]
    await services.approve.one(uid, CHIEF)
    await services.issue.one(uid, CHIEF)
    return str(uid)


@pytest.fixture
async def pool(plain_migrated: Database) -> AsyncIterator[Pool]:
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        yield pool


@pytest.fixture
async def office(pool: Pool) -> Office:
    office = Office(pool)
    await office.open()
    return office


@pytest.fixture
async def web(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def say(web: httpx.AsyncClient, path: str, **members: str) -> dict[str, Any]:
    answer = await web.put(f"{API}{path}", json={**members, "reason": "the law"})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert (await web.get(f"{API}{path}")).json() == body
    return body


async def test_what_invoices_say_is_written_and_read(web: httpx.AsyncClient) -> None:
    for path in ("/invoicing/seller", "/accounts/ES-4100/invoicing"):
        assert (await web.get(f"{API}{path}")).status_code == 404
    seller = await say(web, "/invoicing/seller", country="ES", iban="ES91 2100 0418 4502 0005 1332")
    assert (seller["version"], seller["iban"]) == (1, "ES9121000418450200051332")
    seller = await say(web, "/invoicing/seller", region="Madrid")
    assert (seller["version"], seller["country"], seller["region"]) == (2, "ES", "Madrid")
    again = await say(web, "/invoicing/seller", region="Madrid")
    assert again["version"] == 2
    buyer = await say(web, "/accounts/ES-4100/invoicing", channel="portal", language="es")
    assert (buyer["channel"], buyer["language"], buyer["link"]) == ("portal", "es", False)
    point = await say(
        web,
        POINT,
        scheme="CUPS",
        code="ES1234123456789012JY0F",
    )
    assert point["code"] == "ES1234123456789012JY0F"
    for path, members, code in (
        ("/invoicing/seller", {"country": "Spain"}, "INVOICING"),
        ("/accounts/nobody/invoicing", {"country": "ES"}, "NOT_REGISTERED"),
        (
            POINT,
            {"scheme": "CUPS", "code": "ES1"},
            "SUPPLY_CODE",
        ),
        ("/invoicing/seller", {"shoe": "1"}, "INVALID_REQUEST"),
    ):
        answer = await web.put(f"{API}{path}", json={**members, "reason": "the law"})
        assert answer.status_code in {404, 409, 422}, answer.text
        assert answer.json()["code"] == code, answer.text


async def test_an_issued_bill_is_downloaded_in_every_form_with_its_records(
    office: Office, pool: Pool, web: httpx.AsyncClient
) -> None:
    services = office.services()
    register = FiscalRegister(TimescaleFiscalRegister(pool), services.clock)
    software = BillingSoftware("Meterline", "B12345674", "1", "0")
    await services.enrol(CLERK).seller(
        Party("Sierra", ("Plaza 1", "28001 Madrid"), "B12345674"), "moved"
    )
    buyer = Party("Familia Iturbe", ("Calle 9", "28001 Madrid"), "12345678Z")
    await services.enrol(CLERK).account(AccountRecord("ES-4100", buyer))
    await services.run_bills(CYCLE, person("night run"))
    bill = str(office.bills["Iturbe"])
    draft = await web.get(f"{API}/bills/{bill}/invoice.xml")
    assert (draft.status_code, draft.json()["code"]) == (409, "BILL_NOT_ISSUED")
    assert (await web.get(f"{API}/bills/{bill}/fiscal-records")).json()["items"] == []
    await register.use(FiscalMode.VERIFACTU, software, CHIEF, "obliged")
    await say(web, "/invoicing/seller", country="ES")
    await say(web, "/accounts/ES-4100/invoicing", country="ES", channel="portal")
    await issued(office)
    for form, schema in (
        ("ubl", ubl_schema("Invoice")),
        ("cii", None),
        ("facturae", facturae_schema()),
    ):
        answer = await web.get(f"{API}/bills/{bill}/invoice.xml", params={"format": form})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/xml"
        assert answer.headers["content-disposition"].endswith(f'.{form}.xml"')
        root = etree.fromstring(answer.content)
        assert schema is None or schema.validate(root), schema.error_log
        page = await web.get(f"/bills/{bill}/invoice.xml", params={"format": form})
        assert page.content == answer.content
    assert (await web.get(f"{API}/bills/{bill}/invoice.xml?format=pdf")).status_code == 422
    shown = (await web.get(f"/bills/{bill}")).text
    assert f'href="/bills/{bill}/invoice.xml?format=facturae"' in shown
    (record,) = (await web.get(f"{API}/bills/{bill}/fiscal-records")).json()["items"]
    assert (record["kind"], record["issuer"]) == ("registration", "B12345674")
    assert record["sha256"] in record["xml"]
    assert f"numserie={record['number']}" in record["qr"]
    # By its legal number it is the same bill.
    named = await web.get(f"{API}/bills/{record['number']}/fiscal-records")
    assert named.json() == {"items": [record], "after": None}


async def test_a_document_is_delivered_again_and_the_deliveries_are_pages(
    office: Office, web: httpx.AsyncClient
) -> None:
    await say(web, "/accounts/ES-4100/invoicing", channel="portal")
    bill = await issued(office)
    order = {"reason": "lost"}
    early = await web.post(f"{API}/bills/{bill}/deliveries", json=order)
    assert (early.status_code, early.json()["code"]) == (409, "NO_DOCUMENT_YET")
    assert (await web.get(f"{API}/bills/{bill}/invoice.pdf")).status_code == 200
    again = await web.post(f"{API}/bills/{bill}/deliveries", json=order)
    assert again.status_code == 201, again.text
    assert (await web.get(again.headers["location"])).json() == again.json()
    assert (again.json()["copy_number"], again.json()["channel"]) == (1, "portal")
    first = (await web.get(f"{API}/invoice-deliveries", params={"limit": 1})).json()
    assert [row["copy_number"] for row in first["items"]] == [1]
    asked = {"limit": 1, "after": first["after"], "bill": bill}
    second = (await web.get(f"{API}/invoice-deliveries", params=asked)).json()
    assert [row["copy_number"] for row in second["items"]] == [0]
    assert second["after"] is None
    waiting = await web.get(f"{API}/invoice-deliveries", params={"state": "waiting"})
    assert waiting.json()["items"] == []
    # Only a mail comes back.
    back = await web.post(f"{API}/invoice-deliveries/{again.json()['delivery']}/bounce", json=order)
    assert back.status_code == 409
