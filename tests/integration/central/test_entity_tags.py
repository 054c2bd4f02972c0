"""Answers are known again by their tag, and only what one has seen is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from tests.support.office import OFFICE, Office
from tests.support.servers import Database

pytestmark = pytest.mark.begins_with(OFFICE)
API = "/api/v1"
SELLER = {"name": "Meterline Energía", "address": ["Calle Mayor 1"], "tax_id": "ESB1"}


@pytest.fixture
async def office(plain_migrated: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        office = Office(pool)
        await office.open()
        yield office


@pytest.fixture
async def web(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_an_answer_that_is_the_same_is_not_sent_again(
    office: Office, web: httpx.AsyncClient
) -> None:
    bill = f"{API}/bills/{office.bills['Iturbe']}"
    first = await web.get(bill)
    tag = first.headers["etag"]
    again = await web.get(bill, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await web.get(bill, headers={"If-None-Match": '"other"'})).json() == first.json()
    assert (await web.head(bill)).headers["etag"] == tag
    # Refusals and files have none.
    for path in (f"{API}/bills/nobody", f"{bill}/draft.pdf"):
        assert "etag" not in (await web.get(path)).headers


async def test_a_write_is_done_only_on_what_its_sender_has_seen(web: httpx.AsyncClient) -> None:
    path = f"{API}/settings"
    seen = (await web.get(path)).headers["etag"]

    async def change(days: int, tag: str) -> httpx.Response:
        order = {"due_days": days, "reason": "as agreed"}
        return await web.put(path, json=order, headers={"If-Match": tag})

    # Two who saw the same: one is done, the other is told.
    both = await asyncio.gather(change(21, seen), change(30, seen))
    assert sorted(answer.status_code for answer in both) == [200, 412]
    refused = next(answer for answer in both if answer.status_code == 412)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "CHANGED_MEANWHILE"
    now = await web.get(path)
    assert now.json()["revision"] == 2
    assert (await change(40, now.headers["etag"])).status_code == 200
    assert (await change(50, "*")).status_code == 200
    without = await web.put(path, json={"due_days": 14, "reason": "as agreed"})
    assert without.status_code == 200


async def test_an_order_is_done_only_on_the_bill_that_was_seen(
    office: Office, web: httpx.AsyncClient
) -> None:
    bill = f"{API}/bills/{office.bills['Iturbe']}"
    seen = {"If-Match": (await web.get(bill)).headers["etag"]}
    approved = await web.post(f"{bill}/approve", json={}, headers=seen)
    assert approved.status_code == 200, approved.text
    again = await web.post(f"{bill}/withdraw", json={"reason": "late"}, headers=seen)
    assert (again.status_code, again.json()["code"]) == (412, "CHANGED_MEANWHILE")
    assert (await web.get(bill)).json()["state"] == "approved"
    # What is not there cannot have been seen.
    absent = await web.post(f"{API}/bills/nobody/approve", json={}, headers={"If-Match": "*"})
    assert absent.status_code == 412
