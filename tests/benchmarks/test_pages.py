"""Server time of every page with 100,000 meters, 10,000 gateways and 100,000 bills.

`make bench`, or `pytest tests/benchmarks/test_pages.py --bench -s`; METERLINE_BENCH_METERS sets
another number. The budget is 300 ms a page, of which a search has 100.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.queries import load_queries
from central.api.app import create_app
from central.api.settings import WebSettings
from tests.support.office import NOW, Office
from tests.support.servers import Database

METERS = int(os.environ.get("METERLINE_BENCH_METERS", "100000"))
BUDGET_MS = 300.0
SEARCH_BUDGET_MS = 100.0
ROUNDS = 7

# A meter in ten thousand is silent, one in a thousand installed nowhere; each has three hours of
# readings on one channel, validated days, an account and a bill.
FILL = load_queries(Path(__file__).with_name("pages.sql"))


@pytest.fixture
async def office(plain_migrated: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        made = Office(pool)
        await made.fill()
        began = time.perf_counter()
        values = {"now": NOW - timedelta(minutes=10), "meters": METERS, "days": 3}
        with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
            for statement in FILL.values():
                owner.execute(statement, values)
            owner.execute("VACUUM ANALYZE")
        print(f"\n{METERS:,} meters filled in {time.perf_counter() - began:.0f} s")
        yield made


async def addresses(web: httpx.AsyncClient) -> list[str]:
    run = (await web.get("/api/v1/bill-runs")).json()["items"][0]["run"]
    middle = f"B{METERS // 2:07}"
    meter = (await web.get(f"/api/v1/meters?search={middle}")).json()["items"][0]["meter"]
    deep = (await web.get(f"/api/v1/meters?search={middle[:-2]}&limit=40")).json()["after"]
    last = (await web.get(f"/api/v1/bill-runs/{run}/bills?limit=500")).json()["after"]
    return [
        "/",
        "/gateways",
        "/gateways?q=field-00",
        "/gateways?show=attention",
        f"/gateways/field-{METERS // 20:06}",
        "/meters",
        f"/meters?q={middle[:-2]}",
        f"/meters?after={deep}",
        "/meters?show=attention",
        f"/meters/{meter}",
        "/points",
        f"/points?q=Point {middle[1:-2]}",
        f"/search?q={middle}",
        "/search?q=B00",
        f"/search?q=customer {METERS // 2}",
        "/search?q=zzz",
        "/runs",
        f"/runs/{run}",
        f"/runs/{run}?state=held",
        f"/runs/{run}?after={last}",
    ]


async def test_every_page_answers_within_its_budget(office: Office) -> None:
    began = time.perf_counter()
    refreshed = 0
    while count := await office.field.refresh(NOW):
        refreshed += count
        if refreshed >= METERS:
            break
    print(f"{refreshed:,} meters refreshed in {time.perf_counter() - began:.1f} s")
    app = create_app(office.services(), WebSettings())
    slow = {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=60
    ) as web:
        bill = office.bills["Iturbe"]
        pages = [
            *await addresses(web), "/meters/2", f"/bills/{bill}", f"/bills/{bill}/lines/5",
        ]  # fmt: skip
        for address in pages:
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                answer = await web.get(address)
                times.append((time.perf_counter() - start) * 1000)
                assert answer.status_code == 200, address
            worst, usual = max(times), statistics.median(times)
            print(f"{usual:7.1f} ms median {worst:7.1f} ms worst  {address[:60]}")
            budget = SEARCH_BUDGET_MS if address.startswith("/search") else BUDGET_MS
            if usual > budget:
                slow[address] = usual
    assert slow == {}
