"""Requests with text that no database holds, and numbers beyond its columns: refused, never 500."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.problems import MEDIA_TYPE
from central.api.settings import WebSettings
from central.service.views.paging import encode_cursor
from tests.support.hostile import BAD_TEXTS, NUMBERS
from tests.support.office import Office
from tests.support.servers import Database

BASE = "http://127.0.0.1"
JSON = {"Content-Type": "application/json"}
# What stands in an address: surrogates cannot, for percent-encoding gives bytes of UTF-8.
ADDRESSED = {name: text for name, text in BAD_TEXTS.items() if "surrogate" not in name}
ORDERS: dict[str, dict[str, object]] = {
    "service-points": {
        "name": "Bakery", "zone": "Europe/Madrid", "address": "Calle 1", "capacity": "9.2",
        "channels": [{"obis": "1-0:1.8.0", "period_s": 900, "unit": "Wh"}],
    },
    "installations": {
        "service_point": "Bakery", "manufacturer": "MTL", "serial": "QX-1",
        "start": "2026-10-01T00:00:00Z", "end": "2026-10-05T00:00:00Z", "multiplier": "1",
        "gateway": "gw1",
    },
    "accounts": {
        "number": "A-1", "name": "Horno", "address": ["Calle 1"], "tax_id": "X", "contact": "y",
    },
    "agreements": {
        "account": "A-1", "service_point": "Bakery", "tariff": "T", "first": "2026-10-01",
        "end": "2026-11-01",
    },
    "tariffs": {"document": "tariff: X"},
}  # fmt: skip
INSTANTS = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e30", "-1", "2**63"]


@pytest.fixture
async def web(plain_filled: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        office = Office(pool)
        await office.open()
        transport = httpx.ASGITransport(
            create_app(office.services(), WebSettings()), raise_app_exceptions=False
        )
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield client


def refused(answer: httpx.Response, what: str) -> None:
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:200]}"
    assert answer.headers["content-type"] == MEDIA_TYPE, what
    assert answer.json()["code"], what


def spoilt(order: dict[str, object], bad: object) -> Iterator[tuple[str, dict[str, object]]]:
    """The order with each of its values replaced, and with one more key."""
    for name, value in order.items():
        yield name, {**order, name: bad}
        if isinstance(value, list):
            yield f"{name}[]", {**order, name: [bad]}
            if isinstance(value[0], dict):
                for below in value[0]:
                    yield f"{name}[].{below}", {**order, name: [{**value[0], below: bad}]}
    if isinstance(bad, str):
        yield "a key", {**order, bad: 1}


@pytest.mark.parametrize("route", ORDERS)
async def test_bad_text_in_a_body_is_refused_in_every_field(
    web: httpx.AsyncClient, route: str
) -> None:
    for what, text in BAD_TEXTS.items():
        for name, order in spoilt(ORDERS[route], text):
            if name == "document" and text == BAD_TEXTS["a line end"]:
                continue
            body = json.dumps(order)
            answer = await web.post(f"/api/v1/{route}", content=body, headers=JSON)
            refused(answer, f"{route} {name} is {what}")
            keyed = {**JSON, "Idempotency-Key": f"{route}-{name}"}
            refused(await web.post(f"/api/v1/{route}", content=body, headers=keyed), name)


@pytest.mark.parametrize("route", ORDERS)
async def test_a_number_or_time_that_no_column_holds_is_refused_or_kept(
    web: httpx.AsyncClient, route: str
) -> None:
    numbers: list[object] = [*NUMBERS.values(), 10**30, 10**400, 1e300, *INSTANTS, "1e-300", "NaN"]
    for number in numbers:
        for name, order in spoilt(ORDERS[route], number):
            body = json.dumps(order)
            answer = await web.post(f"/api/v1/{route}", content=body, headers=JSON)
            assert answer.status_code < 500, f"{route} {name} is {number}: {answer.text[:200]}"


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"[" * 60_000, b'{"name":' * 5_000, b"NaN", b'{"name":"\\ud800"', b"9" * 5_000],
)
async def test_a_body_that_is_no_order_is_refused(web: httpx.AsyncClient, body: bytes) -> None:
    for route in ORDERS:
        refused(await web.post(f"/api/v1/{route}", content=body, headers=JSON), route)


async def test_bad_text_in_an_address_is_refused_on_every_route(web: httpx.AsyncClient) -> None:
    paths: dict[str, Any] = (await web.get("/api/v1/openapi.json")).json()["paths"]
    tried = 0
    for path, methods in paths.items():
        for method in methods:
            for what, text in ADDRESSED.items():
                quoted = "".join(f"%{byte:02X}" for byte in text.encode())
                if "{" in path:
                    filled = "/".join(quoted if p[:1] == "{" else p for p in path.split("/"))
                    refused(await web.request(method, filled, headers=JSON), f"{filled} {what}")
                for query in (f"search={quoted}", f"{quoted}=1"):
                    plain = "/".join("1" if p[:1] == "{" else p for p in path.split("/"))
                    answer = await web.request(method, f"{plain}?{query}", headers=JSON)
                    refused(answer, f"{plain}?{query} {what}")
                tried += 1
    assert tried > 100


async def test_every_query_parameter_of_every_route_takes_nonsense(web: httpx.AsyncClient) -> None:
    paths: dict[str, Any] = (await web.get("/api/v1/openapi.json")).json()["paths"]
    cursors = [
        encode_cursor(key)
        for bad in ("a\0b", "\ud800", 2**63, -(2**63) - 1, 2**63 - 1, -1, "9" * 50, "0001-01-01")
        for key in ((bad,), (bad, bad), (bad, 1), (1, bad), ("x", bad))
    ]
    plain = [*map(str, NUMBERS.values()), *INSTANTS, "9" * 400, "%ED%A0%80", "é"]
    for path, methods in paths.items():
        if "get" not in methods:
            continue
        given = methods["get"].get("parameters", [])
        names = [one["name"] for one in given if one["in"] == "query"]
        ids = ["1", str(2**63), "9" * 30, "%ED%A0%80"]
        for identifier in ids if "{" in path else ids[:1]:
            filled = "/".join(identifier if p[:1] == "{" else p for p in path.split("/"))
            for name in names:
                # To any other parameter a cursor is just a text.
                wrong = [*(cursors if name == "after" else cursors[:1]), *plain]
                for value in wrong if identifier == "1" else wrong[:1]:
                    rest = "start=2026-10-01T00:00:00Z&end=2026-10-02T00:00:00Z"
                    others = "&".join(p for p in rest.split("&") if not p.startswith(f"{name}="))
                    answer = await web.get(f"{filled}?{name}={value}&{others}")
                    assert answer.status_code < 500, f"{filled}?{name}={value}: {answer.text[:200]}"


@pytest.mark.parametrize("page", ["/", "/gateways", "/meters", "/points", "/bills", "/runs"])
async def test_a_page_asked_for_with_bad_text_is_refused_as_a_page(
    web: httpx.AsyncClient, page: str
) -> None:
    answer = await web.get(f"{page}?q=%00")
    assert answer.status_code == 400
    assert "NUL" in answer.text
