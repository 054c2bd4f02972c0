"""Electricity, gas, water, seats and API calls of a customer on one bill, from four sources.

A gateway sends what the electricity meter counts, a file has the gas meter, another system posts
the water meter over HTTP, and a cloud service sends events; the agreement says the seats.
"""

from __future__ import annotations

import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import httpx
from lxml import etree
from pypdf import PdfReader

from central.adapters.documents.invoice import render_invoice
from central.adapters.timescale.billing.billing import TimescaleBillingStore
from central.adapters.timescale.invoicing.invoicing import TimescaleInvoicing
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.billing.bill import Party
from central.domain.billing.invoicing import TermsOf
from central.domain.einvoice.form import EInvoiceForm
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.process.services import timescale_services
from central.service.billing.change_settings import ChangeSettings, SettingsChange
from central.service.ingest.import_readings import import_readings
from central.service.ingest.ingest import Ingest
from central.service.invoicing.set_invoicing import SetInvoicing
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT, GAS_VOLUME, WATER_VOLUME, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CHIEF, CLERK, noted
from tests.support.books import OCTOBER, SEPTEMBER, ZONE, Utility, pool_of, timescale_utility
from tests.support.daily_books import approve, heads, issue, run
from tests.support.einvoices import packaged_rules, ubl_schema
from tests.support.ingest import Edge, channel
from tests.support.servers import Database

HEAD = """\
tariff: {name}
title: {title}
effective: 2026-01-01
zone: Europe/Madrid
currency: {{code: EUR}}
cycle: {{normal_days: cycle}}
"""
VAT = """\
taxes:
  - {{id: vat, name: VAT, percent: {rate}, of: [all], category: S, point: interval}}
"""
POWER = """\
determinants: {kwh: {sum: import}}
charges: [{id: energy, name: Electricity, qty: kwh, price: 0.20}]
"""
GAS = """\
day_start: "06:00"
quantities: {kWh: 0}
needs: {conversion: ratio}
series: {gas_kwh: {expr: m3 * conversion * 11, factors: {conversion: conversion}, unit: kWh}}
determinants: {gas: {sum: gas_kwh}}
charges: [{id: gas, name: Gas, qty: gas, price: 0.05}]
"""
WATER = """\
determinants: {water: {sum: m3}}
charges: [{id: water, name: Water, qty: water, price: 1.80}]
"""
CLOUD = """\
needs: {users: seat}
determinants:
  seats: {counter: users, average: days}
  calls: {events: calls, take: sum, unit: call}
charges:
  - {id: seats, name: Seats, qty: seats, price: 12}
  - {id: calls, name: API calls, qty: calls, price: 0.01}
"""
TARIFFS = {
    "power": ("Electricity", POWER, 21),
    "gas": ("Gas", GAS, 21),
    "water": ("Water", WATER, 10),
    "cloud": ("Cloud", CLOUD, 21),
}
HOURS = 745
"""Of October, which has an hour twice."""
BILLED = {
    # 745 hours of 400 Wh.
    "energy": ("298", "59.60"),
    # 745 hours of 200 L are 149 m3; times 1.02 and 11 kWh/m3, 1671.78 kWh.
    "gas": ("1672", "83.60"),
    # 745 hours of 20 L.
    "water": ("14.9", "26.82"),
    # 4 on 15 days, 6 on 16: 156 / 31, printed with 12 decimals.
    "seats": ("5.032258064516", "60.39"),
    # 900 events of 3 calls, and 300 of 1.
    "calls": ("3000", "30.00"),
}
VATS = {"power": "12.52", "gas": "17.56", "water": "2.68", "cloud": "18.98"}


def registers(step: int) -> list[tuple[datetime, int]]:
    """What a register shows on every hour of October, and for six hours after it."""
    start = local_day(OCTOBER, ZONE).start
    return [(start + timedelta(hours=n), 1_000 + n * step) for n in range(HOURS + 7)]


async def metered(  # noqa: PLR0913, PLR0917 - what a meter is
    utility: Utility, point: str, obis: Obis, unit: Unit, serial: str, gateway: str
) -> None:
    await utility.gateways.enrol(gateway, noted(utility.now))
    await utility.enrol.service_point(
        PointRecord(point, ZONE, "Calle 9"), PointChannelRecord(obis, 3600, unit)
    )
    await utility.enrol.installation(
        InstallationRecord(point, "MTL", serial, SEPTEMBER, gateway=gateway)
    )


async def founded(utility: Utility) -> None:
    """A customer with three meters and a subscription."""
    enrol = utility.enrol
    await enrol.seller(Party("Sierra", ("Plaza 1", "28001 Madrid"), "B12345674"))
    for name, (title, rest, rate) in TARIFFS.items():
        document = HEAD.format(name=name, title=title) + rest + VAT.format(rate=rate)
        await enrol.tariff(document)
    await enrol.account(AccountRecord("A-1", Party("Ana", ("Calle 9", "28001 Madrid"))))
    await metered(utility, "SP-E", ACTIVE_IMPORT, Unit.WATT_HOUR, "E1", "gw-1")
    await metered(utility, "SP-G", GAS_VOLUME, Unit.LITRE, "G1", "files")
    await enrol.services("SP-G", ServiceRecord("gas", (), time(6)))
    await metered(utility, "SP-W", WATER_VOLUME, Unit.LITRE, "W1", "mdm")
    await enrol.service_point(PointRecord("SUB-1", ZONE))
    seats = [
        Fact("users", Decimal(4), SEPTEMBER.date()),
        Fact("users", Decimal(6), date(2026, 10, 16)),
    ]
    facts = {
        "gas": AgreementFacts.of(conversion=Decimal("1.02")),
        "cloud": AgreementFacts(tuple(seats)),
    }
    for point, tariff in (
        ("SP-E", "power"),
        ("SP-G", "gas"),
        ("SP-W", "water"),
        ("SUB-1", "cloud"),
    ):
        agreed = facts.get(tariff, AgreementFacts())
        await enrol.agreement(AgreementRecord("A-1", point, tariff, OCTOBER, facts=agreed))


async def told_of_invoices(utility: Utility) -> None:
    """Both structured invoices go into the document, and are judged before issue."""
    pool = pool_of(utility)
    utility.billing = TimescaleBillingStore(pool, packaged_rules())
    say = SetInvoicing(TimescaleInvoicing(pool), lambda: utility.now)
    for kind, name in ((TermsOf.SELLER, ""), (TermsOf.ACCOUNT, "A-1")):
        await say(kind, name, {"country": "ES"}, CHIEF, "the norm")
    settings = ChangeSettings(utility.settings, lambda: utility.now)
    await settings(SettingsChange(einvoice="both", template="invoice-5"), CHIEF, "the law")


async def sent(utility: Utility, web: httpx.AsyncClient) -> None:
    """What four sources say of October, each its own way."""
    of = channel("E1", period_s=3600)
    await utility.deliver(Edge("gw-1"), [Reading(of, at, wh, 0) for at, wh in registers(400)])
    lines = "".join(
        f"MTL;G1;{GAS_VOLUME};L;{at.isoformat()};{litres};3600\n" for at, litres in registers(200)
    )
    content = "manufacturer;serial;obis;unit;at;value;period_s\n" + lines
    ingest = Ingest(utility.ingest, lambda: utility.now)
    done = await import_readings(ingest, "files", content, CLERK, lambda: utility.now)
    assert done.rows == {"stored": HOURS + 7}
    meter = {"manufacturer": "MTL", "serial": "W1", "obis": str(WATER_VOLUME), "unit": "L"}
    posted = [
        {**meter, "at": at.isoformat(), "value": str(litres), "period_s": 3600}
        for at, litres in registers(20)
    ]
    answer = await web.post("/api/v1/readings", json={"gateway": "mdm", "readings": posted})
    assert answer.json()["stored"] == HOURS + 7, answer.text
    subject = {"subject": "ana", "point": "SUB-1", "first": "2026-10-01"}
    assert (await web.post("/api/v1/usage-subjects", json=subject)).status_code == 200
    for first, value in ((0, "3"), (900, "1")):
        events = [
            {
                "specversion": "1.0",
                "source": "cloud",
                "id": f"call-{number}",
                "type": "calls",
                "subject": "ana",
                "time": f"2026-10-{number % 31 + 1:02}T11:00:00Z",
                "data": {"value": value},
            }
            for number in range(first, 900 if not first else 1_200)
        ]
        kind = {"content-type": "application/x-ndjson"}
        body = "\n".join(map(json.dumps, events))
        answer = await web.post("/api/v1/usage-events", content=body, headers=kind)
        assert answer.json()["stored"] == len(events), answer.text


async def test_five_services_of_four_sources_are_one_document_with_its_xml(
    plain_migrated: Database,
) -> None:
    async with timescale_utility(plain_migrated.dsn_as("meterline_app")) as utility:
        await founded(utility)
        await told_of_invoices(utility)
        services = timescale_services(pool_of(utility), render_invoice, lambda: utility.now)
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            await sent(utility, web)
            await utility.validate()
            summary = await run(utility, "2026-10")
            assert [head.holds for head in await heads(utility, summary)] == [()]
            assert await approve(utility, summary) == []
            assert await issue(utility, summary) == []
            (bill,) = (await web.get("/api/v1/bills", params={"account": "A-1"})).json()["items"]
            name = f"/api/v1/bills/{bill['bill']}"
            lines = (await web.get(f"{name}/lines")).json()["items"]
            document = (await web.get(f"{name}/invoice.pdf")).content
            forms = {
                form: (await web.get(f"{name}/invoice.xml", params={"format": form})).content
                for form in ("ubl", "cii")
            }
    assert bill["state"] == "issued"
    charged = {
        line["charge"]: (line["quantity"], line["amount"])
        for line in lines
        if line["kind"] != "tax"
    }
    assert charged == BILLED
    assert sorted(line["amount"] for line in lines if line["kind"] == "tax") == sorted(
        VATS.values()
    )
    net = sum(Decimal(amount) for _, amount in BILLED.values())
    total = net + sum(map(Decimal, VATS.values()))
    assert (bill["amounts"]["net"], bill["amounts"]["due"]) == (str(net), str(total))
    reader = PdfReader(io.BytesIO(document))
    printed = "\n".join(page.extract_text() for page in reader.pages)
    for text in (
        "Electricity",
        "Gas",
        "Water",
        "Seats",
        "API calls",
        *(a for _, a in BILLED.values()),
    ):
        assert text in printed, text
    attached = {name: reader.attachments[name] for name in reader.attachments}
    assert attached == {"factur-x.xml": [forms["cii"]], "invoice.ubl.xml": [forms["ubl"]]}
    ubl_schema("Invoice").assertValid(etree.fromstring(forms["ubl"]))
    rules = packaged_rules()
    for form, content in ((EInvoiceForm.UBL, forms["ubl"]), (EInvoiceForm.CII, forms["cii"])):
        assert list(rules(form, content)) == []
    assert f">{total}</cbc:PayableAmount>".encode() in forms["ubl"]
