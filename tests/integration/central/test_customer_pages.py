"""A customer compares tariffs on their own use and sets alerts, and does neither with another's."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import unescape

import httpx
import pytest

from central.adapters.notices.sender import NO_ADDRESS, EndpointSender
from central.adapters.timescale.pool import Pool, make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.domain.access.policy import Role
from central.domain.billing.invoicing import TermsOf
from central.domain.notices.notice import NoticeKind
from central.domain.notices.rule import (
    Condition,
    EndpointKind,
    NoticeEndpoint,
    NoticeRule,
    Relation,
)
from central.service.billing.change_settings import SettingsChange
from central.service.notices.deliver import DeliverNotices
from central.service.operator.services import OperatorServices
from central.service.ports.notices import LeasedDelivery, SendAttempt, SendOutcome
from central.service.ports.people import NewPerson
from tests.support.actors import CHIEF, CLERK
from tests.support.office import ACCOUNTS, HOUSEHOLDS, NOW, Office
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

PLACE = HOUSEHOLDS.index("Okafor")
CHEAP = """\
tariff: home-flat
title: One price <b>all</b> day
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
determinants:
  kwh: {sum: import}
charges:
  - {id: energy, name: Energy, qty: kwh, price: 0.10}
"""
GAS = CHEAP.replace("home-flat", "gas").replace("sum: import", "sum: m3")
LATE = CHEAP.replace("home-flat", "late").replace("2020-01-01", "2026-11-01")


@dataclass
class Portal:
    """Two customers and a viewer at their browsers."""

    services: OperatorServices
    sol: httpx.AsyncClient
    viewer: httpx.AsyncClient
    own: str
    anothers: str

    async def page(self, address: str) -> str:
        answer = await self.sol.get(address)
        assert answer.status_code == 200, answer.text
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    async def send(self, path: str, **fields: str) -> httpx.Response:
        token = {"csrf_token": self.sol.headers["x-meterline-form"]}
        return await self.sol.post(f"/accounts/{path}", data={**fields, **token})


@pytest.fixture
async def portal(plain_filled: Database) -> AsyncIterator[Portal]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool, AsyncExitStack() as stack:
        yield await _portal(pool, stack)


async def _portal(pool: Pool, stack: AsyncExitStack) -> Portal:
    office = Office(pool)
    await office.open()
    services = office.services()
    accounts = frozenset({ACCOUNTS[PLACE]})
    people = {
        "sol": NewPerson("sol", frozenset({Role.CUSTOMER}), accounts=accounts),
        "viewer": NewPerson("viewer", frozenset({Role.VIEWER})),
    }
    await add_people(services.people, NOW, **people)
    app = create_app(services, WebSettings())
    sol, viewer = [
        await stack.enter_async_context(await signed_in(app, name, NOW)) for name in people
    ]
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT number, uid::text FROM account")
        uids: dict[str, str] = dict(await cursor.fetchall())
    return Portal(services, sol, viewer, uids[ACCOUNTS[PLACE]], uids[ACCOUNTS[0]])


async def test_own_use_costs_what_each_offered_tariff_says(portal: Portal) -> None:
    for text in (CHEAP, GAS, LATE):
        await portal.services.enrol(CLERK).tariff(text)
    address = f"/accounts/{portal.own}/tariffs"
    assert "No other tariff is offered" in await portal.page(address)
    offer = SettingsChange(offered_tariffs="home-flat residential-tou gas late nowhere")
    await portal.services.settings(offer, CHIEF, "an offer")
    rows = list(csv.DictReader(io.StringIO((await portal.sol.get(f"{address}.csv")).text)))
    by_name = {row["tariff"]: row for row in rows}
    # Gas counts something else; nothing is said of a tariff that there is none of.
    assert set(by_name) == {"home-flat", "residential-tou", "late"}
    (bill,) = [
        each
        for each in (await portal.viewer.get("/api/v1/bills?limit=50")).json()["items"]
        if each["account_number"] == ACCOUNTS[PLACE]
    ]
    agreed, flat = by_name["residential-tou"], by_name["home-flat"]
    assert (agreed["agreed"], agreed["first"], agreed["end"]) == (
        "True",
        "2026-10-01",
        "2026-11-01",
    )
    assert Decimal(agreed["total"]) == Decimal(bill["amounts"]["total"])
    table = await portal.sol.get(f"/accounts/{portal.own}/usage.csv?at=2026-10-15")
    used = sum(Decimal(row["usage"]) for row in csv.DictReader(io.StringIO(table.text)))
    assert Decimal(flat["total"]) == (Decimal(used) / 10).quantize(Decimal("0.01"))
    assert Decimal(flat["difference"]) == Decimal(flat["total"]) - Decimal(agreed["total"])
    assert by_name["late"]["held"]
    assert by_name["late"]["total"] == ""
    page = await portal.page(address)
    less = Decimal(agreed["total"]) - Decimal(flat["total"])
    assert f"One price <b>all</b> day EUR {flat['total']} EUR {less} less" in page
    assert "Residential Time-of-Use what you have" in page
    assert (await portal.sol.get(f"{address}?months=3")).status_code == 200
    assert (await portal.sol.get(f"{address}?months=7")).status_code == 422


async def test_an_alert_is_set_raised_sent_to_the_customer_and_ended(portal: Portal) -> None:
    services, address = portal.services, f"/accounts/{portal.own}/alerts"
    assert "No threshold is set" in await portal.page(address)
    done = await portal.send(f"{portal.own}/alerts", choice="usage-month", threshold="0,5")
    assert (done.status_code, done.headers["location"]) == (303, address)
    done = await portal.send(f"{portal.own}/alerts", choice="cost-month", threshold="9000")
    assert done.status_code == 303
    # A customer's rule is raised, told and looked up like any other.
    await services.notices.set_endpoint(
        "customers", NoticeEndpoint(EndpointKind.CUSTOMER, ""), CHIEF, "they asked"
    )
    own = Condition("set_by", Relation.IS, ("customer",))
    rule = NoticeRule(NoticeKind.ALERT_RAISED, "customers", (own,))
    await services.notices.set_rule("customers", rule, CHIEF, "they asked")
    tally = await services.alerts.check()
    assert (tally.rules, tally.raised, tally.failed) == (2, 1, 0)
    page = await portal.page(address)
    assert "Usage, in a month from 0.5 kWh/m3 on" in page
    assert re.search(r"Usage [\d.]+ kWh 0\.5 kWh Sun 1 Nov 2026", page)
    # Without an address nothing is sent, and with one it goes there.
    sent = DeliverNotices(services.notice_store, EndpointSender(None), lambda: NOW)
    assert (await sent.until_idle()).failed == 1
    (delivery,) = (await services.notices.store.deliveries(None, 9)).rows
    log = (await services.notices.delivery(delivery.uid)).log
    assert log[-1].attempt.detail == NO_ADDRESS
    mail = {"email": "sol@example.org"}
    await services.set_invoicing(TermsOf.ACCOUNT, ACCOUNTS[PLACE], mail, CHIEF, "so")
    await services.notices.resend(delivery.uid, CHIEF, "now there is an address")
    mails: list[LeasedDelivery] = []

    async def take(delivery: LeasedDelivery, at: datetime) -> SendAttempt:
        assert at == NOW
        mails.append(delivery)
        return SendAttempt(SendOutcome.TAKEN)

    await DeliverNotices(services.notice_store, take, lambda: NOW).until_idle()
    assert [mail.endpoint.target for mail in mails] == ["sol@example.org"]
    assert mails[0].notice.facts["account"] == ACCOUNTS[PLACE]
    ended = await portal.send(f"{portal.own}/alerts/end", choice="usage-month")
    assert ended.status_code == 303
    page = await portal.page(address)
    assert "Cost, in a month from 9,000 on" in page
    assert "from 0.5 kWh" not in page
    # The utility's list of rules is not filled with those of customers.
    operators = (await portal.viewer.get("/alerts")).text
    assert "own-" not in operators.partition('id="rules-title"')[2]


async def test_nobody_elses_tariffs_and_alerts_are_seen_or_set(portal: Portal) -> None:
    for page in ("tariffs", "tariffs.csv", "alerts"):
        for account in (portal.anothers, ACCOUNTS[0], "nowhere"):
            answer = await portal.sol.get(f"/accounts/{account}/{page}")
            assert answer.status_code == 403, (account, page)
        # Whoever may see bills sees what the customer sees.
        assert (await portal.viewer.get(f"/accounts/{portal.own}/{page}")).status_code == 200
    for path in ("alerts", "alerts/end"):
        refused = await portal.send(f"{portal.anothers}/{path}", choice="cost-month", threshold="1")
        assert refused.status_code == 403
    assert not await portal.services.so_far_store.rules()
    for choice, threshold in (
        ("cost-year", "1"), ("forecast_cost-day", "1"), ("cost-day", "0"), ("cost-day", "-5"),
        ("cost-day", "much"), ("cost-day", "NaN"), ("cost-day", "1e12"), ("cost-day", "0.0001"),
        ("", "1"),
    ):  # fmt: skip
        sent = await portal.send(f"{portal.own}/alerts", choice=choice, threshold=threshold)
        assert 400 <= sent.status_code < 500, (choice, threshold)
    assert not await portal.services.so_far_store.rules()
    token = {"csrf_token": portal.viewer.headers["x-meterline-form"]}
    order = {"choice": "cost-day", "threshold": "1", **token}
    refused = await portal.viewer.post(f"/accounts/{portal.own}/alerts", data=order)
    assert refused.status_code == 403
