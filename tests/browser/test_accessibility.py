"""Every page in a real browser: no fault of any weight by axe, and none wider than its screen.

The pages are those that the rules of access name, so that a new one cannot be left out. By default
each is looked at in English on a desk's screen by day and in Spanish on a small telephone by night;
METERLINE_PAGE_VIEWS=16 takes every language, width and scheme. METERLINE_SCREENSHOTS names a
folder for pictures of them all.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.page_rules import OF_PAGES
from central.api.server import serving
from central.api.settings import WebSettings
from tests.browser.test_dashboard import CHROMIUM, FLAGS, overflow
from tests.support.office import Office
from tests.support.servers import Database
from tests.support.size import sized

AXE = Path(__file__).parent / "vendor" / "axe.js"
LOCALES, WIDTHS, SCHEMES = ("en-GB", "es-ES"), (1280, 320, 768, 1920), ("light", "dark")
# Those of `make test` first.
VIEWS = sorted(
    itertools.product(LOCALES, WIDTHS, SCHEMES),
    key=lambda view: view not in {("en-GB", 1280, "light"), ("es-ES", 320, "dark")},
)[: sized("METERLINE_PAGE_VIEWS", 2, 16)]
# What is no page, and pages that name what an office without such a thing does not have.
NO_PAGES = {".csv", ".pdf", ".xml"}
WITHOUT = {
    "/candidates/{uid}",
    "/candidates/{uid}/decide",
    "/exceptions/{exception}",
    "/pilots/{name}",
}
MORE = (
    "/sign-in", "/welcome", "/search?q=residence", "/search?q=nothing-like-it",
    "/meters/2?month=2026-10", "/meters/4", "/meters/999999", "/reconciliation?month=2026-10",
    "/gateways?show=attention", "/runs/{run}/not-billed",
    *(f"/tariffs/{{tariff}}/try?first=2026-10&last=2026-10&{whom}" for whom in
      ("account=ES-4100", "account=ES-4101&as=letter", "on=residential-tou")),
)  # fmt: skip
RUN_AXE = """
async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    (found) => `${found.id} (${found.impact}): ${found.nodes.map((node) => node.html).join(" | ")}`
)
"""

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="chromium is not installed: `make test` installs it"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield launched
        finally:
            await launched.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(shared_filled: Database) -> AsyncIterator[tuple[str, list[str]]]:
    """The address of a running dashboard, and those of all its pages."""
    settings = WebSettings(port=0)
    async with make_pool(shared_filled.dsn, max_size=6) as pool:
        office = Office(pool)
        await office.open()
        services = office.services()
        async with serving(create_app(services, settings), services, settings) as address:
            yield address, addresses(shared_filled.dsn, office)


def addresses(dsn: str, office: Office) -> list[str]:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT account.uid, bill_run.uid FROM account, bill_run ORDER BY account.id LIMIT 1"
        ).fetchone()
        connection.execute("INSERT INTO named_group (name, of) VALUES ('north', 'point')")
    assert row is not None
    account, run = map(str, row)
    names = {
        "account": account, "run": run, "bill": str(office.bills["Iturbe"]), "meter": "2",
        "channel": "2", "day": "2026-10-25", "line": "1", "place": "1", "name": "monthly",
        "tariff": "residential-tou",
    }  # fmt: skip
    paths = [
        path
        for text in OF_PAGES.values()
        for method, _, path in (line.partition(" ") for line in text.split("\n")[1:-1])
        if method == "GET" and path[-4:] not in NO_PAGES and path not in WITHOUT
    ]
    assert len(paths) > 30

    def filled(path: str) -> str:
        own = names | {
            "name": {"/gateways": "rooftop-01", "/groups": "north"}.get(
                path.rpartition("/")[0], "monthly"
            )
        }
        return re.sub(r"\{(\w+)\}", lambda match: own[match[1]], path)

    return [filled(path) for path in (*paths, *MORE)]


async def faults(page: Page) -> list[str]:
    # As a debugger would: the policy of the pages lets no script in.
    await page.evaluate(AXE.read_text("utf-8"))
    found: Any = await page.evaluate(RUN_AXE)
    return [str(fault)[:400] for fault in found]


@pytest.mark.parametrize(("locale", "width", "scheme"), VIEWS)
async def test_no_page_has_a_fault(
    site: tuple[str, list[str]], browser: Browser, locale: str, width: int, scheme: str
) -> None:
    pictures = os.environ.get("METERLINE_SCREENSHOTS")
    context = await browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=site[0],
        locale=locale,
    )
    page = await context.new_page()
    found: dict[str, list[str]] = {}
    for path in site[1]:
        await page.goto(path)
        wrong = await faults(page)
        if await overflow(page) > 0:
            wrong.append(f"{await overflow(page)} px wider than the screen")
        if pictures:
            name = re.sub(r"\W+", "-", path).strip("-") or "overview"
            await page.screenshot(
                path=f"{pictures}/{locale[:2]}-{width}-{scheme}-{name[:60]}.png", full_page=True
            )
        if wrong:
            found[path] = wrong
    await context.close()
    assert found == {}


def lines_of(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


THEIRS = """account,period,charge,amount,quantity,price,label
ES-4100,2026-10,energy,12.34,43.5,0.2837,peak
ES-4100,2026-10,a-charge-of-theirs-that-has-a-long-name,1234567.89,,,
nobody-whom-we-have,2026-10,rent,5.00,,,
"""


@pytest.mark.parametrize(("locale", "width", "scheme"), VIEWS)
async def test_lines_of_another_system_are_compared_by_keyboard_without_a_fault(
    site: tuple[str, list[str]], browser: Browser, locale: str, width: int, scheme: str
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=site[0],
        locale=locale,
    )
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto("/shadow-bills")
    await page.fill("textarea[name=file]", THEIRS)
    await page.focus("#shadow button")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#share-title")
    wrong = await faults(page)
    assert await overflow(page) <= 0
    assert wrong == []
    assert await page.locator("#main .pill.bad").count() == 1
    if pictures := os.environ.get("METERLINE_SCREENSHOTS"):
        name = f"{locale[:2]}-{width}-{scheme}-shadow-bills-compared.png"
        await page.screenshot(path=f"{pictures}/{name}", full_page=True)
    async with page.expect_download() as download:
        await page.click("button[value=csv]")
    rows = lines_of(await (await download.value).path())
    # The screen has each line of the file and those that only we have; so has the file.
    assert len(rows) > len(THEIRS.splitlines())
    assert said == []
    await context.close()
