"""Answers are known again by their tag, and only what one has seen is changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api import entity_tags
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


async def test_of_two_processes_that_saw_the_same_one_writes(
    office: Office, web: httpx.AsyncClient
) -> None:
    # Another process serves the same database.
    transport = httpx.ASGITransport(create_app(office.services(), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as other:
        bill = f"{API}/bills/{office.bills['Iturbe']}"
        for turn in range(4):
            path = f"{API}/settings"
            seen = {"If-Match": (await web.get(path)).headers["etag"]}
            orders = [{"due_days": 20 + turn * 4 + n, "reason": "as agreed"} for n in range(4)]
            answers = await asyncio.gather(
                *(
                    client.put(path, json=order, headers=seen)
                    for client, order in zip((web, other, web, other), orders, strict=True)
                )
            )
            assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
            assert (await web.get(path)).json()["revision"] == turn + 2
        # Two orders of different paths on one bill: the tag is the bill's.
        seen = {"If-Match": (await web.get(bill)).headers["etag"]}
        both = await asyncio.gather(
            web.post(f"{bill}/approve", json={}, headers=seen),
            other.post(f"{bill}/discard", json={"reason": "wrong"}, headers=seen),
        )
        assert sorted(answer.status_code for answer in both) == [200, 412]


async def test_a_tag_is_free_again_after_a_write_that_failed(
    office: Office, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{API}/settings"
    seen = {"If-Match": (await web.get(path)).headers["etag"]}
    refused = await web.put(path, json={"due_days": 20}, headers=seen)
    assert refused.status_code == 422
    assert (await web.put(path, json={"due_days": 20, "reason": "x"}, headers=seen)).is_success
    # One that another process is at work on for long is refused, and free when that ends.
    seen = {"If-Match": (await web.get(path)).headers["etag"]}
    claims = office.services().answers
    claimed = f"{path} {seen['If-Match']}".encode()
    key = f"if-match {hashlib.sha256(claimed).hexdigest()}"
    assert await claims.claim(key, bytes(32), datetime.now(UTC)) is None
    monkeypatch.setattr(entity_tags, "_TRIES", 2)
    order = {"due_days": 30, "reason": "x"}
    busy = await web.put(path, json=order, headers=seen)
    assert (busy.status_code, busy.json()["code"]) == (409, "CHANGING_NOW")
    await claims.release(key)
    assert (await web.put(path, json=order, headers=seen)).is_success


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
