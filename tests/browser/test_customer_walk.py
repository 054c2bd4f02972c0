"""A customer walks through a month in a real browser, and another customer sees nothing of it.

Once in English on a desk's screen with scripts, once in Spanish on a small telephone without any.
METERLINE_SCREENSHOTS names a folder for pictures of each page.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psycopg
import pytest
import pytest_asyncio
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.domain.access.policy import Role
from central.service.billing.change_settings import SettingsChange
from central.service.ports.people import NewPerson
from tests.browser.test_dashboard import CHROMIUM, FLAGS, overflow
from tests.support.actors import CHIEF, CLERK
from tests.support.office import ACCOUNTS, NOW, Office
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

FLAT = """\
tariff: home-flat
title: Home Flat
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
determinants:
  kwh: {sum: import}
charges:
  - {id: energy, name: Energy, qty: kwh, price: 0.10}
"""
WIDTHS = (320, 768, 1280, 1920)
ENGLISH = {
    "accounts": "Your accounts", "use": "Use and cost", "months": "Months", "hours": "Hours",
    "earlier": "Earlier", "tariffs": "Tariffs compared", "less": "less", "have": "what you have",
    "alerts": "Alerts", "threshold": "Threshold (kWh, m3 or money)", "set": "Set the threshold",
    "over": "Usage, in a month", "end": "End", "none": "No threshold is set.", "raised": "kWh",
    "ask": "Ask", "waits": "waits for an answer", "question": "Your question",
    "compared": "What is compared",
}  # fmt: skip
SPANISH = {
    "accounts": "Sus cuentas", "use": "Consumo y coste", "months": "Meses", "hours": "Horas",
    "earlier": "Antes", "tariffs": "Comparar tarifas", "less": "menos", "have": "la que tiene",
    "alerts": "Alertas", "threshold": "Umbral (kWh, m3 o dinero)", "set": "Fijar el umbral",
    "over": "Consumo, en un mes", "end": "Terminar", "none": "No hay ningún umbral fijado.",
    "raised": "kWh", "ask": "Preguntar", "waits": "espera respuesta", "question": "Su pregunta",
    "compared": "Qué se compara",
}  # fmt: skip

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="chromium is not installed: `make test` installs it"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass
class Neighbours:
    """Two customers of a running dashboard, each signed in at a browser of their own."""

    address: str
    app: FastAPI
    browser: Browser
    office: Office
    complaints: list[str]
    stack: AsyncExitStack
    uids: dict[str, str]

    async def context(self, name: str, *, locale: str, width: int, scripts: bool) -> BrowserContext:
        web = await self.stack.enter_async_context(await signed_in(self.app, name, NOW))
        context = await self.browser.new_context(
            viewport={"width": width, "height": 900},
            base_url=self.address,
            locale=locale,
            java_script_enabled=scripts,
        )
        await context.add_cookies(
            [
                {"name": cookie.name, "value": cookie.value or "", "url": self.address}
                for cookie in web.cookies.jar
            ]
        )
        return context

    async def open(self, context: BrowserContext) -> Page:
        page = await context.new_page()
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        return page


@pytest_asyncio.fixture(loop_scope="module")
async def neighbours(plain_filled: Database) -> AsyncIterator[Neighbours]:
    settings = WebSettings(port=0)
    async with (
        make_pool(plain_filled.dsn, max_size=6) as pool,
        AsyncExitStack() as stack,
        async_playwright() as playwright,
    ):
        office = Office(pool)
        await office.open()
        services = office.services()
        for name in ("Okafor", "Iturbe"):
            await services.approve.one(office.bills[name], CHIEF)
            await services.issue.one(office.bills[name], CHIEF)
        await services.enrol(CLERK).tariff(FLAT)
        offer = SettingsChange(offered_tariffs="home-flat")
        await services.settings(offer, CHIEF, "an offer")
        people = {
            name: NewPerson(name, frozenset({Role.CUSTOMER}), accounts=frozenset({account}))
            for name, account in (("sol", ACCOUNTS[2]), ("luz", ACCOUNTS[0]))
        }
        await add_people(services.people, NOW, **people)
        app = create_app(services, settings)
        with psycopg.connect(plain_filled.dsn) as connection:
            rows = connection.execute("SELECT number, uid::text FROM account").fetchall()
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.push_async_callback(browser.close)
        async with serving(app, services, settings) as address:
            yield Neighbours(address, app, browser, office, [], stack, dict(rows))


async def look(page: Page, name: str, wanted: int) -> None:
    """No page is wider than its screen, at any width; then it is as wide as it was."""
    pictures = os.environ.get("METERLINE_SCREENSHOTS")
    language = await page.evaluate("document.documentElement.lang")
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        assert await overflow(page) <= 0, (page.url, width)
        if pictures:
            path = f"{pictures}/customer-{language}-{width}-{name}.png"
            await page.screenshot(path=path, full_page=True)
    await page.set_viewport_size({"width": wanted, "height": 900})


@pytest.mark.parametrize(
    ("locale", "width", "scripts", "words"),
    [("en-GB", 1280, True, ENGLISH), ("es-ES", 320, False, SPANISH)],
    ids=["English with scripts", "Spanish without scripts"],
)
async def test_a_customer_walks_through_a_month_and_another_sees_nothing_of_it(
    neighbours: Neighbours, locale: str, width: int, *, scripts: bool, words: dict[str, str]
) -> None:
    context = await neighbours.context("sol", locale=locale, width=width, scripts=scripts)
    page = await neighbours.open(context)
    seen: set[str] = set()

    async def shown(name: str) -> None:
        seen.add(page.url)
        await look(page, name, width)

    await page.goto("/me")
    await expect(page.get_by_role("heading", name=words["accounts"])).to_be_visible()
    await shown("me")
    await page.get_by_role("link", name=re.compile(words["use"])).click()
    await expect(page.get_by_role("heading", name=words["use"])).to_be_visible()
    await shown("usage")
    await page.get_by_role("link", name=words["earlier"], exact=True).click()
    await expect(page.get_by_role("row")).to_have_count(32)
    await shown("october")
    await page.get_by_role("link", name=words["hours"], exact=True).click()
    await expect(page.get_by_role("row")).to_have_count(25)
    await shown("hours")
    await page.get_by_role("link", name=words["months"], exact=True).click()
    await shown("months")
    for file in ("CSV", "Green Button"):
        async with page.expect_download() as saved:
            await page.get_by_role("link", name=re.compile(file)).click()
        download = await saved.value
        assert download.suggested_filename.startswith(f"usage-{ACCOUNTS[2]}")
        seen.add(download.url)
    await page.get_by_role("link", name=words["tariffs"], exact=True).click()
    rows = page.get_by_role("row")
    await expect(rows.filter(has_text="Home Flat")).to_contain_text(words["less"])
    await expect(rows.filter(has_text="Residential")).to_contain_text(words["have"])
    await shown("tariffs")
    await page.get_by_role("link", name=words["alerts"], exact=True).click()
    await _alert(neighbours, page, words)
    await shown("alerts")
    await page.get_by_role("button", name=re.compile(words["end"])).click()
    await expect(page.get_by_text(words["none"])).to_be_visible()
    # The bill of October, and a question about its first line.
    await page.goto(f"/bills/{neighbours.office.bills['Okafor']}")
    await expect(page.get_by_text("Okafor").first).to_be_visible()
    await page.get_by_label(words["question"]).fill("Why so much?")
    await page.get_by_role("button", name=words["ask"], exact=True).click()
    await expect(page.get_by_text(words["waits"])).to_be_visible()
    await shown("bill")
    await context.close()
    await _nothing_of_it(neighbours, seen, locale=locale, scripts=scripts)
    assert [each for each in neighbours.complaints if "403" not in each] == []


async def _alert(neighbours: Neighbours, page: Page, words: dict[str, str]) -> None:
    """Set a threshold that is reached already."""
    await expect(page.get_by_text(words["none"])).to_be_visible()
    await page.get_by_label(words["compared"]).select_option("usage-month")
    await page.get_by_label(words["threshold"]).fill("0.5")
    await page.get_by_role("button", name=words["set"]).click()
    await expect(page.get_by_role("listitem").filter(has_text=words["over"])).to_be_visible()
    assert (await neighbours.office.services().alerts.check()).raised == 1
    await page.reload()
    rows = page.get_by_role("row").filter(has_text=words["raised"])
    await expect(rows).to_have_count(1)


async def _nothing_of_it(
    neighbours: Neighbours, seen: set[str], *, locale: str, scripts: bool
) -> None:
    """Another customer, asking for each address that the first one saw."""
    context = await neighbours.context("luz", locale=locale, width=768, scripts=scripts)
    page = await neighbours.open(context)
    own = neighbours.uids[ACCOUNTS[0]]
    assert len(seen) >= 8
    for address in sorted(seen):
        answer = await context.request.get(address)
        text = await answer.text()
        if not address.endswith("/me"):
            assert answer.status == 403, address
        assert "Okafor" not in text, address
        assert ACCOUNTS[2] not in text, address
    for path in ("/me", f"/accounts/{own}/usage", f"/accounts/{own}/alerts"):
        await page.goto(path)
        assert "Okafor" not in await page.content()
        assert ACCOUNTS[0] in await page.content()
    # What the first one set raises nothing here.
    alerts = await neighbours.office.services().so_far_store.alerts(None, 9, ACCOUNTS[0])
    assert not alerts.rows
    await context.close()
