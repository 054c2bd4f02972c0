"""Whatever a route creates is answered with its path, and there it is found as it was answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from tests.support.actors import CHIEF
from tests.support.office import TARIFF, Office
from tests.support.servers import Database

POINT = {
    "name": "Bakery, no. 7/8",
    "zone": "Europe/Madrid",
    "channels": [{"obis": "1-0:1.8.0", "period_s": 900, "unit": "Wh"}],
}
AGREED = {"account": "ES-9 & sons", "service_point": "Bakery, no. 7/8"}
WHY = {"reason": "it is due"}
NEXT_YEAR = "effective: 2027-01-01"
# In an order in which each finds what it needs: identifier of the operation, path, what is sent.
ORDERS: list[tuple[str, str, dict[str, Any]]] = [
    ("enrol", "/gateways", {"gateway": "cellar-08"}),
    ("open_point", "/service-points", POINT),
    ("install", "/installations", {
        "service_point": "Bakery, no. 7/8", "manufacturer": "MTL", "serial": "QX-900",
        "start": "2026-10-01T00:00:00+02:00", "multiplier": "200/5"}),
    ("open_account", "/accounts", {"number": "ES-9 & sons", "name": "Horno de Pan SL"}),
    ("agree", "/agreements", {**AGREED, "tariff": "residential-tou", "first": "2026-10-01"}),
    ("set_fact", "/agreements/facts", {
        **AGREED, "name": "tax_exempt", "value": "true", "effective": "2026-10-16", **WHY}),
    ("add_cycle", "/cycles", {"cycle": "bimonthly", "months": 2, "first": "2026-01-01"}),
    ("assign_cycle", "/account-cycles", {
        "account": "ES-9 & sons", "cycle": "bimonthly", "first": "2026-11-01"}),
    ("add_group", "/groups", {"group": "route:7", "of": "account"}),
    ("assign_member", "/groups/route:7/members", {
        "member": "ES-9 & sons", "first": "2026-10-01", "end": "2027-10-01"}),
    ("start_run", "/bill-runs", {"cycle": "2026-10", "account": "ES-9 & sons"}),
    ("ask_about_line", "/bills/{bill}/lines/1/questions", {"kind": "question", "text": "Why?"}),
    ("enter_limit", "/correction-limits", {
        "effective": "2026-01-01", "cause": "exchange", "charge_months": 12, "source": "§ 1",
        **WHY}),
    ("enter_rule", "/correction-rules", {
        "name": "small", "way": "adjust", "amount": "1", "currency": "EUR", "days": 60, **WHY}),
    ("post_entry", "/ledger", {
        "key": "bank-78/b", "account": "ES-4100", "kind": "payment", "day": "2026-10-06",
        "currency": "EUR", "amount": "12.30", **WHY}),
    ("set_alert_rule", "/alert-rules", {
        "rule": "dear", "measure": "cost", "subject_kind": "account", "subject": "ES-4100",
        "threshold": "30", **WHY}),
    ("set_notice_endpoint", "/notice-endpoints", {
        "endpoint": "crm", "kind": "webhook", "target": "https://crm.example/in", **WHY}),
    ("set_notice_rule", "/notice-rules", {
        "rule": "late", "kind": "bill.issued", "endpoint": "crm", **WHY}),
    ("exchange_notice_secret", "/notice-endpoints/crm/secrets", WHY),
    ("try_notice_endpoint", "/notice-endpoints/crm/test", {}),
    ("set_pilot", "/pilots", {
        "name": "dear", "group": "route:7", "tariff": "residential-tou", "first": "2026-10-01",
        "end": "2026-11-01", **WHY}),
    ("cancel_bills", "/bills/cancel", {"bills": ["{bill}"], **WHY}),
    ("suppress", "/suppressed-periods", {
        "account": "ES-4102", "service_point": "Okafor residence", "end": "2026-12-01", **WHY}),
]  # fmt: skip
# What needs a change, a document or a person before it, by the test that plays it to its end.
ELSEWHERE = {
    "change_agreement": "test_move_faces",
    "decide_correction": "test_candidate_faces",
    "deliver_invoice": "test_invoicing_api",
    "exchange_meter": "test_move_faces",
    "give_own_key": "test_people",
    "add_person": "test_people",
    "move_in": "test_move_faces",
    "move_out": "test_move_faces",
    "rebill": "test_cancel_faces",
    "resend_notice": "test_notice_faces",
    "undo_move": "test_move_faces",
}
# Told once to who orders it, and to nobody who reads it again.
TOLD_ONCE = {"secret"}


@pytest.fixture
async def office(plain_filled: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_filled.dsn, max_size=6) as pool:
        made = Office(pool)
        await made.open()
        yield made


@pytest.fixture
async def web(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(office.services(), WebSettings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
        yield client
        await app.state.background.idle()


def told(answer: Mapping[str, Any]) -> Iterator[object]:
    """What an answer says was created: itself, or what it has within."""
    yield {name: value for name, value in answer.items() if name not in TOLD_ONCE}
    yield from (value for value in answer.values() if isinstance(value, dict))
    bills = answer.get("bills")
    yield from bills if isinstance(bills, list) else ()


def found(answer: Mapping[str, Any]) -> Iterator[object]:
    """What is there: one thing, or those of a list."""
    for item in answer.get("items", [answer]):
        yield item
        yield item.get("bill") if "number" in item else None


def is_said_by(thing: object, item: object) -> bool:
    """Whether all that was answered is found; what is there may say more."""
    if isinstance(thing, dict) and isinstance(item, dict):
        return bool(thing) and thing.items() <= item.items()
    return thing == item


async def test_every_created_thing_is_found_at_its_location_as_it_was_answered(
    office: Office, web: httpx.AsyncClient
) -> None:
    bill = office.bills["Okafor"]
    await office.services().approve.one(bill, CHIEF)
    await office.services().issue.one(bill, CHIEF)
    tariff = TARIFF.read_text(encoding="utf-8")
    (begins,) = [line for line in tariff.splitlines() if line.startswith("effective:")]
    newer = ("add_tariff", "/tariffs", {"document": tariff.replace(begins, NEXT_YEAR)})
    wrong: dict[str, object] = {}
    for operation, path, order in [*ORDERS, newer]:
        sent = {
            name: [str(bill)] if value == ["{bill}"] else value for name, value in order.items()
        }
        made = await web.post(f"/api/v1{path.replace('{bill}', str(bill))}", json=sent)
        if made.status_code != 201:
            wrong[operation] = made.text
            continue
        there = await web.get(made.headers.get("location", "/nowhere"))
        if there.status_code != 200:
            wrong[operation] = (made.headers, there.text)
            continue
        things = [each for each in told(made.json()) if each is not None]
        if not any(is_said_by(thing, item) for thing in things for item in found(there.json())):
            wrong[operation] = (made.json(), there.json())
    assert wrong == {}


async def test_no_route_that_creates_is_left_out(web: httpx.AsyncClient) -> None:
    paths = (await web.get("/api/v1/openapi.json")).json()["paths"]
    creating = {
        operation["operationId"]
        for methods in paths.values()
        for operation in methods.values()
        if "201" in operation["responses"]
    }
    played = {operation for operation, _, _ in ORDERS} | {"add_tariff"}
    assert creating == played | ELSEWHERE.keys()
    assert not played & ELSEWHERE.keys()
