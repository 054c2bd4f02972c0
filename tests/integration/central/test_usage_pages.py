"""A customer looks at their own use and cost, by page and as a file, and at nobody else's."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape

import httpx
import psycopg
import pytest

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.access.policy import Role
from central.domain.interval_files.read_green_button import read_green_button
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from central.service.ports.people import NewPerson
from central.service.ports.registry import PointChannelRecord, PointRecord
from central.service.registry.register import Enrol
from central.service.validation.validate import Validate
from firmware_bridge.contract.interval import day_start, zone_info
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.actors import CHIEF, CLERK
from tests.support.ingest import Edge
from tests.support.office import ACCOUNTS, HOUSEHOLDS, NOW, OCTOBER, ZONE, Office, load_wh
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

PLACE = HOUSEHOLDS.index("Okafor")
EXPORT = Channel("MTL", "QX-102", ACTIVE_EXPORT, Kind.REGISTER, 900, Source.PROFILE, Unit.WATT_HOUR)
QUARTER = timedelta(minutes=15)


def used_kwh(first: datetime, end: datetime) -> Decimal:
    """What the meter was made to count."""
    zone, at, total = zone_info(ZONE), first, 0
    while at < end:
        total += load_wh(PLACE, at.astimezone(zone))
        at += QUARTER
    return Decimal(total) / 1000


def fed_in_wh(at: datetime) -> int:
    """What the roof gives in a quarter hour."""
    return 210 + at.hour if 8 <= at.hour < 17 else 0


async def feed_in(pool: Pool) -> None:
    """Let one household's meter count what it feeds in, from the first of November on."""
    enrol = Enrol(TimescaleRegistry(pool), CLERK, lambda: NOW)
    point = PointRecord("Okafor residence", ZONE, "Calle de Alcalá 22, Madrid")
    for obis in (ACTIVE_IMPORT, ACTIVE_EXPORT):
        await enrol.service_point(point, PointChannelRecord(obis, 900, Unit.WATT_HOUR))
    at, value, readings = day_start(OCTOBER.end, ZONE), 9_000, []
    while at <= NOW:
        readings.append(Reading(EXPORT, at, value, 0))
        value += fed_in_wh(at)
        at += QUARTER
    sealed = Edge("rooftop-01").seal(readings, NOW)
    arrived = [examine(Arrival("rooftop-01", sealed.payload, NOW))]
    await Ingest(TimescaleIngestStore(pool), lambda: NOW).commit(arrived)
    await Validate(TimescaleValidationStore(pool), lambda: NOW).until_idle()


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
        await feed_in(pool)
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
    so_far = (await portal.web.get(f"/api/v1/accounts/{portal.own}/so-far")).json()["items"]
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


async def test_what_is_fed_in_is_looked_at_by_itself(portal: Portal) -> None:
    address = f"/accounts/{portal.own}/usage"
    code = str(ACTIVE_EXPORT)
    used = await portal.rows("by=day")
    given = await portal.rows(f"by=day&of={code}")
    begin = day_start(OCTOBER.end, ZONE)
    quarters = [begin + QUARTER * number for number in range(96)]
    assert Decimal(given[0]["usage"]) == Decimal(sum(map(fed_in_wh, quarters))) / 1000
    assert {row["quantity"] for row in given} == {"active energy export"}
    assert {row["quantity"] for row in used} == {"active energy import"}
    # What it costs stands beside what is used, once.
    assert {row["cost_not_billed"] for row in given} == {""}
    assert all(row["cost_not_billed"] for row in used)
    page = await portal.page(f"{address}?of={code}")
    assert "Active energy import Active energy export" in page
    total = sum((Decimal(row["usage"]) for row in given), Decimal(0))
    assert f"Active energy export {total.normalize():,f} kWh" in page
    for wrong in ("of=1-0:32.7.0*255", "of=power"):
        assert (await portal.web.get(f"{address}?{wrong}")).status_code == 422


async def test_a_green_button_file_says_every_interval(portal: Portal) -> None:
    answer = await portal.web.get(f"/accounts/{portal.own}/usage.xml?by=month&at=2026-11-03")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="usage-')
    file = read_green_button([answer.content])
    values = list(file.values())
    assert {value.point for value in values} == {"Okafor residence"}
    begin, end = day_start(OCTOBER.first, ZONE), day_start(OCTOBER.end, ZONE)
    imported = [value for value in values if value.register == "active energy import"]
    wh = sum(value.value or 0 for value in imported if value.end <= end)
    assert Decimal(wh) / 1000 == used_kwh(begin, end)
    # The night with 25 hours has 100 quarters; what is not over is not said.
    night = day_start(date(2026, 10, 25), ZONE)
    quarters = {value.start for value in imported}
    assert all(night + QUARTER * number in quarters for number in range(100))
    assert max(value.end for value in imported) <= NOW
    assert {
        value.qualities
        for value in imported
        if value.start == datetime(2026, 10, 9, 8, 30, tzinfo=UTC)
    } == {("9",)}
    assert {value.register for value in values} == {"active energy import", "active energy export"}
    assert ("dstStartRule", "3E0E2000") in file.times[0].fields
    assert ("currency", "978") in file.series[0].type_fields
    again = await portal.web.get(f"/accounts/{portal.own}/usage.xml?by=month&at=2026-11-03")
    assert again.content == answer.content


async def test_nobody_elses_use_is_seen_and_a_wrong_question_is_refused(portal: Portal) -> None:
    for path in ("usage", "usage.csv", "usage.xml", "usage?by=hour", "usage.csv?by=month"):
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
