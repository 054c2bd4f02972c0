"""An operator's morning in a real browser, against a real server and a real database.

The browser and the office behind it serve all walks, so they are one module.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal

import psycopg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from tests.support.office import NOW, Office
from tests.support.servers import Database

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
WIDTHS = (360, 768, 1280, 1920)

# However busy the machine is.
expect.set_options(timeout=60_000)

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="chromium is not installed: `make test` installs it"
    ),
    # They share a browser.
    pytest.mark.asyncio(loop_scope="module"),
]


@dataclass
class Site:
    """A running dashboard, a browser, and everything the browser complained about."""

    address: str
    office: Office
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def page(
        self, path: str = "/", *, width: int = 1280, scheme: str = "light", scripts: bool = True
    ) -> Page:
        context = await self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
            base_url=self.address,
            timezone_id="America/Lima",
        )
        page = await context.new_page()
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", self._stay_home)
        await page.goto(path)
        return page

    def _failed(self, asked: Request) -> None:
        # Leaving a page gives up what it was still loading.
        if asked.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{asked.failure}: {asked.url}")

    def _stay_home(self, asked: Request) -> None:
        if not asked.url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"left home: {asked.url}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield launched
        finally:
            await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(plain_filled: Database, browser: Browser) -> AsyncIterator[Site]:
    settings = WebSettings(port=0)
    async with make_pool(plain_filled.dsn, max_size=6) as pool:
        office = Office(pool)
        await office.open()
        services = office.services()
        async with serving(create_app(services, settings), services, settings) as address:
            made = Site(address, office, browser)
            yield made
            for context in browser.contexts:
                await context.close()
            assert made.complaints == []


async def overflow(page: Page) -> int:
    width = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return int(width)


async def test_an_operator_finds_gateways_and_meters(site: Site) -> None:
    page = await site.page()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.get_by_role("link", name="Gateways", exact=True).first.click()
    row = page.get_by_role("row", name=re.compile("rooftop-01"))
    await expect(row).to_contain_text("reporting")
    await expect(page.get_by_role("row", name=re.compile("cellar-07"))).to_contain_text("never")
    await row.get_by_role("link").click()
    await expect(page.get_by_role("row", name=re.compile("QX-10"))).to_have_count(3)
    await page.get_by_role("link", name="Meters", exact=True).click()
    await page.get_by_label("Serial number begins with").fill("QX-9")
    await expect(page.get_by_role("row", name=re.compile("QX-"))).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"q=QX-9"))
    await page.get_by_label("Serial number begins with").fill("")
    await page.get_by_label("Need attention").check()
    await expect(page.get_by_role("row", name=re.compile("QX-900"))).to_contain_text("silent")


async def chart(page: Page) -> None:
    await page.wait_for_selector("[data-chart][data-ready]")


async def shown(page: Page) -> tuple[float, float]:
    span = await page.evaluate(
        "(() => { const s = document.querySelector('[data-chart]').chart.u.scales.x;"
        " return [s.min, s.max]; })()"
    )
    return float(span[0]), float(span[1])


async def test_a_month_is_read_zoomed_and_told_in_local_time(site: Site) -> None:
    page = await site.page("/meters/2?month=2026-10")
    await chart(page)
    full = await shown(page)
    assert full[1] - full[0] == 31 * 86400 + 3600
    box = await page.locator(".plot .u-over").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    readout = page.locator(".readout")
    await expect(readout).to_contain_text(
        re.compile("\\d+ Oct 2026, \\d\\d:\\d\\d\N{EN DASH}\\d\\d:\\d\\d UTC\\+02:00")
    )
    await expect(readout).to_contain_text(re.compile(r"\d\.\d{3} kWh"))
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=5)
    await page.mouse.up()
    zoomed = await shown(page)
    assert (zoomed[1] - zoomed[0]) / (full[1] - full[0]) == pytest.approx(0.2, abs=0.02)
    await page.mouse.dblclick(box["x"] + 40, box["y"] + 40)
    assert await shown(page) == full
    await page.get_by_role("button", name="Day", exact=True).click()
    day = await shown(page)
    assert day[1] - day[0] == 86400
    await page.get_by_role("button", name="Later").click()
    assert (await shown(page))[0] > day[0]
    await page.get_by_role("button", name="Month", exact=True).click()
    assert await shown(page) == full


async def test_the_keyboard_reads_both_autumn_hours_and_the_hole(site: Site) -> None:
    page = await site.page("/meters/2?month=2026-10")
    await chart(page)
    plot = page.locator(".plot")
    await plot.focus()
    await page.keyboard.press("Home")
    readout = page.locator(".readout")
    await expect(readout).to_contain_text("1 Oct 2026, 00:00\N{EN DASH}00:15 UTC+02:00")
    for _ in range(24):
        await page.keyboard.press("Shift+ArrowRight")
    await expect(readout).to_contain_text("25 Oct 2026, 00:00\N{EN DASH}00:15 UTC+02:00")
    for _ in range(8):
        await page.keyboard.press("ArrowRight")
    await expect(readout).to_contain_text("25 Oct 2026, 02:00\N{EN DASH}02:15 UTC+02:00")
    for _ in range(4):
        await page.keyboard.press("ArrowRight")
    await expect(readout).to_contain_text("25 Oct 2026, 02:00\N{EN DASH}02:15 UTC+01:00")
    await page.keyboard.press("Home")
    for _ in range(16):
        await page.keyboard.press("Shift+ArrowRight")
    for _ in range(30):
        await page.keyboard.press("ArrowRight")
    await expect(readout).to_contain_text("17 Oct 2026, 07:30\N{EN DASH}07:45 UTC+02:00 no value")
    await page.keyboard.press("Home")
    for _ in range(8):
        await page.keyboard.press("Shift+ArrowRight")
    for _ in range(40):
        await page.keyboard.press("ArrowRight")
    await expect(readout).to_contain_text("estimated, linear")


async def test_the_table_says_the_same_as_the_chart(site: Site) -> None:
    page = await site.page("/meters/2?month=2026-10")
    await chart(page)
    await page.get_by_text("Days as a table").click()
    autumn = page.get_by_role("row", name=re.compile("Sun 25 Oct 2026"))
    await expect(autumn).to_contain_text("25 h")
    await autumn.get_by_role("link").click()
    slots = page.locator("#day-25 .slots li")
    await expect(slots).to_have_count(100)
    values = [Decimal(text) for text in await page.locator("#day-25 .v").all_inner_texts()]
    await expect(autumn).to_contain_text(f"{sum(values)} kWh")
    hole = page.get_by_role("row", name=re.compile("Sat 17 Oct 2026"))
    await expect(hole.get_by_role("cell").nth(3)).to_have_text("22")


async def test_a_bills_line_opens_to_the_intervals_that_sum_to_it(site: Site) -> None:
    page = await site.page("/runs")
    await page.get_by_role("link", name="2026-10").click()
    held = page.get_by_role("row", name=re.compile("Sanchis"))
    await expect(held).to_contain_text("on 2026-10-17 are missing")
    await page.get_by_role("link", name="Familia Iturbe").click()
    row = page.get_by_role("row", name=re.compile("Energy peak"))
    quantity = re.search(r"([\d,.]+) kWh", await row.inner_text())
    assert quantity is not None
    billed = Decimal(quantity[1].replace(",", ""))
    opener = row.get_by_role("link", name="Energy")
    await opener.press("Enter")
    await expect(opener).to_have_attribute("aria-expanded", "true")
    total = page.locator("[data-sum]").first
    await expect(total).to_be_visible()
    assert Decimal(str(await total.get_attribute("data-sum"))) == billed
    days = page.locator(".proof").first.locator("tbody > tr:not(.under)")
    sums = [
        Decimal((await days.nth(place).get_by_role("cell").last.inner_text()).replace(",", ""))
        for place in range(await days.count())
    ]
    assert sum(sums) == billed
    await days.first.get_by_role("link").click()
    slots = page.locator(".proof .slots .v")
    await expect(slots).to_have_count(32)
    assert sum(Decimal(text) for text in await slots.all_inner_texts()) == sums[0]
    await opener.press("Enter")
    await expect(total).to_be_hidden()


async def test_a_bill_is_approved_and_issued_by_its_buttons(site: Site) -> None:
    page = await site.page(f"/bills/{site.office.bills['Iturbe']}")
    await page.get_by_role("link", name="Approve").click()
    await expect(page.get_by_text("You answer for these bills.")).to_be_visible()
    await page.get_by_role("button", name="Approve 1 draft").click()
    await expect(page.locator(".head .pill")).to_have_text("approved")
    await page.get_by_role("link", name="Issue", exact=True).click()
    await expect(page.get_by_text("It cannot be changed or taken back")).to_be_visible()
    await page.get_by_role("button", name="Issue 1 bill").click()
    await expect(page.locator(".head .pill")).to_have_text("issued")
    await expect(page.get_by_text("INV-000001")).to_be_visible()
    invoice = page.get_by_role("link", name="Invoice (PDF)")
    answer = await page.request.get(str(await invoice.get_attribute("href")))
    assert (await answer.body()).startswith(b"%PDF-")
    await page.goto("/runs")
    await page.get_by_role("link", name="2026-10").click()
    for name in ("Approve 1 draft", "Issue 1 bill"):
        await page.get_by_role("link", name=name).click()
        await page.get_by_role("button", name=name).click()
    await expect(page.get_by_role("row", name=re.compile("Okafor"))).to_contain_text("issued")


async def test_a_run_is_walked_from_its_choice_to_its_issued_bills(site: Site) -> None:
    page = await site.page("/runs")
    await page.get_by_role("link", name="Calculate bills").click()
    await page.get_by_label("Number of the only account").fill("ES-4101")
    await page.get_by_role("button", name="Calculate").click()
    await expect(page.locator(".head .pill")).to_have_text("finished")
    steps = page.get_by_role("main").get_by_role("listitem")
    await expect(steps.first).to_contain_text("1 of 1 account")
    await page.goto("/runs")
    whole = page.get_by_role("row", name=re.compile("regular(?!, account)"))
    await whole.get_by_role("link", name="2026-10").click()
    await expect(page.get_by_role("main")).to_contain_text("1 bill is held")
    await page.get_by_role("link", name="Largest changes").click()
    await expect(page.get_by_role("heading", name="Largest changes")).to_be_visible()
    await page.go_back()
    for name, says in (
        ("Approve 2 drafts", "Whoever made them cannot approve them."),
        ("Issue 2 bills", "It cannot be changed or taken back"),
    ):
        await page.get_by_role("link", name=name).click()
        await expect(page.get_by_text(says)).to_be_visible()
        await expect(page.locator(".facts")).to_contain_text("Thu 1 Oct 2026")
        await page.get_by_role("button", name=name).click()
    await expect(steps.last).to_contain_text("0 approved bills, 2 issued")
    await page.goto("/board")
    await expect(page.get_by_role("row", name=re.compile("2026-10")).first).to_contain_text(
        "exceptions"
    )


async def test_a_run_at_work_is_followed_until_it_ends(site: Site, plain_filled: Database) -> None:
    with psycopg.connect(plain_filled.dsn) as owner:
        owner.execute("UPDATE bill_run SET finished_at = NULL")
        owner.execute("UPDATE bill_shard SET done_at = NULL")
    run = (await site.office.services().billing.runs(limit=1)).rows[0].run
    page = await site.page(f"/runs/{run}")
    plain = await site.page(f"/runs/{run}", scripts=False)
    await expect(plain.get_by_role("link", name="Reload")).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    with psycopg.connect(plain_filled.dsn) as owner:
        owner.execute("UPDATE bill_shard SET done_at = %s", (NOW,))
        owner.execute("UPDATE bill_run SET finished_at = %s", (NOW,))
    await expect(page.locator(".head .pill")).to_have_text("finished")
    await plain.get_by_role("link", name="Reload").click()
    await expect(plain.locator(".head .pill")).to_have_text("finished")
    await expect(plain.get_by_role("link", name="Reload")).to_have_count(0)


async def test_the_draft_opens_from_the_bill(site: Site) -> None:
    page = await site.page(f"/bills/{site.office.bills['Okafor']}")
    link = page.get_by_role("link", name="Draft (PDF)")
    answer = await page.request.get(str(await link.get_attribute("href")))
    assert (await answer.body()).startswith(b"%PDF-")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_is_wider_than_the_screen(site: Site, scheme: str) -> None:
    bills = site.office.bills
    month, bill = "/meters/2?month=2026-10", f"/bills/{bills['Iturbe']}"
    paths = ["/", "/gateways", "/gateways/rooftop-01", "/meters", month, "/meters/4", "/points",
             "/runs", bill, f"/bills/{bills['Sanchis']}", f"{bill}/lines/2",
             "/meters/2/days/2/2026-10-25", "/reconciliation?month=2026-10", "/claim-conflicts",
             "/cycles", "/cycles/monthly", "/groups", "/settings", "/audit",
             "/schedules", "/candidates", "/correction-rules", "/runs/start", "/board", "/moves",
             "/moves/in", "/moves/out", "/unbilled", "/suppressed-periods/new",
             "/notices", "/alerts"]  # fmt: skip
    page = await site.page(scheme=scheme)
    for path in paths:
        await page.goto(path)
        if path == month:
            await chart(page)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            assert await overflow(page) <= 0, f"{path} at {width}"


async def test_pages_say_it_without_scripts_too(site: Site) -> None:
    page = await site.page("/meters/2?month=2026-10", scripts=False)
    await expect(page.locator(".drawing svg")).to_be_visible()
    await expect(page.locator(".drawing rect.estimated")).to_have_count(1)
    await page.goto(f"/bills/{site.office.bills['Iturbe']}")
    await page.get_by_role("link", name="Energy").first.click()
    await expect(page.locator("[data-sum]").first).to_be_visible()
    await page.goto("/meters")
    await page.get_by_label("Serial number begins with").fill("QX-9")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("row", name=re.compile("QX-"))).to_have_count(1)


async def test_everything_can_be_reached_and_read(site: Site) -> None:
    page = await site.page("/meters/2?month=2026-10")
    await chart(page)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    unnamed = await page.evaluate(
        "[...document.querySelectorAll('a, button, input, select')].filter(e => !(e.innerText"
        " || e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length"
        " || e.type === 'hidden')).map(e => e.outerHTML)"
    )
    assert unnamed == []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert await page.evaluate(CONTRASTS) == []


# Text whose contrast with the ground behind it is below WCAG AA, 4.5 to 1.
CONTRASTS = """
() => {
  const parse = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
  };
  const over = (top, below) =>
    top.slice(0, 3).map((part, i) => part * top[3] + below[i] * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement)
      layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const value = part / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const weak = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, .hidden, .u-wrap")) continue;
    const back = ground(element);
    const [a, b] = [light(over(parse(getComputedStyle(element).color), back)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5)
      weak.push(`${element.className} ${element.textContent.trim()} ${ratio.toFixed(2)}`);
  }
  return weak;
}
"""
