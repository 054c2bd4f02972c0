"""A customer looks at their own use and cost, by page and as a file, and at nobody else's."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import httpx
import psycopg
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.access.policy import Role
from central.service.ports.people import NewPerson
from firmware_bridge.contract.interval import day_start, zone_info
from tests.support.actors import CHIEF
from tests.support.office import ACCOUNTS, HOUSEHOLDS, NOW, OCTOBER, ZONE, Office, load_wh
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

PLACE = HOUSEHOLDS.index("Okafor")
QUARTER = timedelta(minutes=15)


def used_kwh(first: datetime, end: datetime) -> Decimal:
    """What the meter was made to count."""
    zone, at, total = zone_info(ZONE), first, 0
    while at < end:
        total += load_wh(PLACE, at.astimezone(zone))
        at += QUARTER
    return Decimal(total) / 1000


@dataclass
class Portal:
    """A customer at a browser."""

    web: httpx.AsyncClient
    own: str
    anothers: str
    bill: str

    async def page(self, address: str) -> str:
        """What stands on a page, its white space folded."""
        answer = await self.web.get(address)
        assert answer.status_code == 200, answer.text
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    async def rows(self, query: str) -> list[dict[str, str]]:
        answer = await self.web.get(f"/accounts/{self.own}/usage.csv?{query}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].startswith('attachment; filename="usage-')
        return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
async def portal(plain_filled: Database) -> AsyncIterator[Portal]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        office = Office(pool)
        await office.open()
        services = office.services()
        for name in ("Okafor", "Iturbe"):
            await services.approve.one(office.bills[name], CHIEF)
            await services.issue.one(office.bills[name], CHIEF)
        with psycopg.connect(plain_filled.dsn) as connection:
            rows = connection.execute("SELECT number, uid::text FROM account").fetchall()
        uids: dict[str, str] = dict(rows)
        customer = NewPerson(
            "sol", frozenset({Role.CUSTOMER}), accounts=frozenset({ACCOUNTS[PLACE]})
        )
        await add_people(services.people, NOW, sol=customer)
        app = create_app(services, WebSettings())
        async with await signed_in(app, "sol", NOW) as web:
            bill = str(office.bills["Okafor"])
            yield Portal(web, uids[ACCOUNTS[PLACE]], uids[ACCOUNTS[0]], bill)


async def test_use_is_what_the_meter_counted_by_hour_day_and_month(portal: Portal) -> None:
    begin, end = (day_start(day, ZONE) for day in (OCTOBER.first, OCTOBER.end))
    month = used_kwh(begin, end)
    days = await portal.rows("by=day&at=2026-10-15")
    assert [row["from"] for row in days] == [f"2026-10-{day:02d}" for day in range(1, 32)]
    assert sum(Decimal(row["usage"]) for row in days) == month
    assert {row["unit"] for row in days} == {"kWh"}
    of_estimate = {row["from"] for row in days if int(row["estimated_intervals"])}
    assert of_estimate == {"2026-10-09"}
    # The night on which the clock is put back has 25 hours, and two of them begin at two.
    night = await portal.rows("by=hour&at=2026-10-25")
    assert len(night) == 25
    assert [row["from"][11:] for row in night[1:4]] == [
        "01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00",
    ]  # fmt: skip
    second = datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert Decimal(night[3]["usage"]) == used_kwh(second, second + timedelta(hours=1))
    assert sum(Decimal(row["usage"]) for row in night) == Decimal(days[24]["usage"])
    months = {row["from"]: row for row in await portal.rows("by=month&at=2026-11-03")}
    assert set(months) == {"2026-10", "2026-11"}
    assert Decimal(months["2026-10"]["usage"]) == month
    page = await portal.page(f"/accounts/{portal.own}/usage?at=2026-10-15")
    assert f"Used {month:,f} kWh" in page
    assert "nothing to compare with" in page


async def test_a_day_costs_what_a_bill_would_say_or_names_its_bill(portal: Portal) -> None:
    so_far = (await portal.web.get(f"/api/v1/accounts/{portal.own}/so-far")).json()
    costs = {row["from"]: Decimal(row["cost"]) for row in so_far}
    assert min(costs) == "2026-11-01"  # October is issued
    november = await portal.rows("by=day")
    assert {row["from"]: Decimal(row["cost_not_billed"]) for row in november} == costs
    assert {row["bills"] for row in november} == {""}
    page = await portal.page(f"/accounts/{portal.own}/usage")
    currency = so_far[0]["currency"]
    assert f"Not billed yet {currency} {sum(costs.values()):,f}" in page
    assert "too early to say" in page  # two days of November are over
    october = await portal.rows("by=day&at=2026-10-31")
    assert {row["cost_not_billed"] for row in october} == {""}
    (number,) = {row["bills"] for row in october}
    shown = await portal.web.get(f"/accounts/{portal.own}/usage?by=month")
    assert f'<a href="/bills/{portal.bill}">{number}</a>' in shown.text


async def test_nobody_elses_use_is_seen_and_a_wrong_question_is_refused(portal: Portal) -> None:
    for path in ("usage", "usage.csv", "usage?by=hour", "usage.csv?by=month"):
        for account in (portal.anothers, "ES-4100", "nowhere"):
            answer = await portal.web.get(f"/accounts/{account}/{path}")
            assert answer.status_code == 403, (account, path)
            assert "outside of what" in answer.text
    for query in ("by=minute", "at=yesterday", "at=0001-01-01", "at=9999-12-31"):
        answer = await portal.web.get(f"/accounts/{portal.own}/usage?{query}")
        assert answer.status_code == 422, (query, answer.text)
    me = (await portal.web.get("/me")).text
    assert f'href="/accounts/{portal.own}/usage"' in me
    assert portal.anothers not in me


async def test_a_customers_bill_offers_nothing_that_is_refused(portal: Portal) -> None:
    bill = (await portal.web.get(f"/bills/{portal.bill}")).text
    for address in set(re.findall(r'(?:href|action)="(/[^"#?]*)', bill)):
        if not address.startswith(("/static", "/language", "/sign-out")):
            answer = await portal.web.get(address)
            assert answer.status_code != 403, address
