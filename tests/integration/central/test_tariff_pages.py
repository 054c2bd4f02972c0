"""The pages of tariffs, by whoever may see them."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from html import unescape
from uuid import UUID

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.dashboard.present import DASH
from central.service.operator.services import OperatorServices
from tests.support.actors import CHIEF
from tests.support.office import TARIFF, Office
from tests.support.servers import Database

DEARER = ("peak: 0.2847", "peak: 0.2947")


@dataclass
class Clerk:
    """Somebody at a browser who may see all."""

    web: httpx.AsyncClient
    services: OperatorServices
    checked: list[str] = field(default_factory=list)

    async def page(self, address: str) -> str:
        """What stands on a page, its white space folded."""
        answer = await self.web.get(address)
        assert answer.status_code == 200, answer.text
        return said(answer.text)

    async def sent(self, what: str, form: dict[str, str]) -> str:
        """What stands on the page that the editor answers with."""
        answer = await self.web.post(f"/tariff-editor/{what}", data=form)
        assert answer.status_code == 200, answer.text
        self.checked = re.findall(r'name="checked" value="([0-9a-f]+)"', answer.text)
        return said(answer.text)


def said(html: str) -> str:
    text = unescape(re.sub(r"<[^>]+>", " ", html)).replace(DASH, "-")
    return " ".join(text.split())


def version(effective: str, *changes: tuple[str, str]) -> str:
    """The tariff of the office, from another day on and otherwise."""
    text = TARIFF.read_text("utf-8").replace("effective: 2020-01-01", f"effective: {effective}")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


@pytest.fixture
async def clerk(plain_filled: Database) -> AsyncIterator[Clerk]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        services = Office(pool).services()
        app = create_app(services, WebSettings())
        url = "http://127.0.0.1"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=url) as web:
            token = re.search(r'X-Meterline-Form": "(\w+)"', (await web.get("/tariffs")).text)
            assert token is not None
            web.headers["X-Meterline-Form"] = token[1]
            yield Clerk(web, services)


async def test_a_list_says_what_holds_and_where_it_is_used(clerk: Clerk) -> None:
    enrol = clerk.services.enrol(CHIEF)
    await enrol.tariff(version("2027-01-01", DEARER))
    await enrol.tariff(version("2028-01-01"))
    await enrol.withdraw_tariff("residential-tou", date(2028, 1, 1), "not decided yet")
    assert "residential-tou Wed 1 Jan 2020 Fri 1 Jan 2027 2 EUR 3 3" in await clerk.page("/tariffs")
    assert "No tariff begins so." in await clerk.page("/tariffs?q=nothing-like-it")
    assert (await clerk.web.get("/tariffs/nothing-like-it")).status_code == 404
    page = await clerk.page("/tariffs/residential-tou")
    assert "residential-tou from Wed 1 Jan 2020" in page
    assert "Mon - Fri peak 10:00 - 14:00, 18:00 - 22:00 0.3161" in page
    assert "Energy energy Energy taken by period (kwh) summer, peak 0.2847 EUR/kWh" in page
    assert "Sat 1 Jan 2028 2 withdrawn" in page
    later = await clerk.page("/tariffs/residential-tou?version=2027-01-01")
    assert "Mon - Fri peak 10:00 - 14:00, 18:00 - 22:00 0.3261" in later
    assert (await clerk.web.get("/tariffs/residential-tou?version=2026-01-01")).status_code == 404


async def test_two_versions_are_compared_part_by_part(clerk: Clerk) -> None:
    await clerk.services.enrol(CHIEF).tariff(version("2027-01-01", DEARER))
    page = await clerk.page("/tariffs/residential-tou/changes?after=2027-01-01")
    assert "effective 2020-01-01 2027-01-01" in page
    assert "charges.energy.price.summer.peak 0.2847 0.2947" in page
    same = "before=2020-01-01.1&after=2020-01-01.1"
    alike = await clerk.page(f"/tariffs/residential-tou/changes?{same}")
    assert "Both versions say the same." in alike


async def test_prices_are_tried_on_what_an_account_used(clerk: Clerk) -> None:
    await clerk.services.enrol(CHIEF).tariff(version("2027-01-01", ("price: 6.90", "price: 8.90")))
    try_it = "/tariffs/residential-tou/try?version=2027-01-01&first=2026-10&last=2026-10"
    page = await clerk.page(f"{try_it}&account=ES-4100")
    # Two euros more a month, with their taxes: 2.00 * 1.0511269632 * 1.21.
    (row,) = re.findall(r"Total, EUR ([\d.]+) ([\d.]+) \+([\d.]+)", page)[:1]
    assert Decimal(row[1]) - Decimal(row[0]) == Decimal(row[2]) == Decimal("2.54")
    assert "Customer charge 6.90 8.90 +2.00" in page
    assert "October 2026" in page
    letter = await clerk.page(f"{try_it}&account=ES-4100&as=letter")
    assert "You would have paid EUR 2.54 more." in letter
    assert "Familia Iturbe" in letter


async def test_all_of_a_tariff_are_winners_losers_or_not_compared(clerk: Clerk) -> None:
    changes = ("price: 6.90", "price: 1.90")
    await clerk.services.enrol(CHIEF).tariff(version("2027-01-01", changes))
    try_it = "/tariffs/residential-tou/try?version=2027-01-01&first=2026-10&on=residential-tou"
    page = await clerk.page(f"{try_it}&last=2026-10")
    # Five euros less with their taxes, each line rounded; a hole in October is in no sum.
    assert "Pay less 2 Pay more 0 Pay the same 0" in page
    assert "MISSING_INTERVALS" in page
    rows = [
        *csv.DictReader((await clerk.web.get(f"{try_it}&last=2026-10&as=csv")).text.splitlines())
    ]
    assert [(each["account"], each["difference"]) for each in rows if not each["held"]] == [
        ("ES-4100", "-6.35"),
        ("ES-4102", "-6.35"),
    ]
    refused = await clerk.web.get(f"{try_it}&last=2027-12")
    assert (refused.status_code, "1 to 13 months" in refused.text) == (422, True)
    both = await clerk.web.get(f"{try_it}&last=2026-10&account=ES-4100")
    assert both.status_code == 422


async def test_a_version_is_checked_tried_and_published(clerk: Clerk) -> None:
    form = {"text": version("2027-01-01", DEARER), "on": "", "first": "2026-10", "last": "2026-10"}
    sound = await clerk.sent("check", form)
    assert "Adds a version of residential-tou from Fri 1 Jan 2027 on" in sound
    assert "charges.energy.price.summer.peak 0.2847 0.2947" in sound
    (sha256,) = clerk.checked
    tried = await clerk.sent("try", {**form, "on": "residential-tou"})
    assert "Pay less 0 Pay more 0 Pay the same 2" in tried
    for wrong, why in (
        ({}, "not the one that was checked"),
        ({"checked": "00", "confirmed": "yes"}, "not the one that was checked"),
        ({"checked": sha256}, "Nobody confirmed"),
    ):
        refused = await clerk.web.post("/tariff-editor/publish", data={**form, **wrong})
        assert (refused.status_code, why in refused.text) == (422, True)
    final = {**form, "checked": sha256, "confirmed": "yes"}
    done = await clerk.web.post("/tariff-editor/publish", data=final)
    assert done.headers["location"] == "/tariffs/residential-tou?version=2027-01-01"
    assert "0.3261" in await clerk.page(done.headers["location"])
    same = await clerk.sent("check", form)
    assert "residential-tou says just this from Fri 1 Jan 2027 on" in same


async def test_a_version_of_a_date_is_corrected_with_a_reason_and_says_which_bills(
    clerk: Clerk,
) -> None:
    (bill, *_) = (await clerk.services.billing.bills(limit=1)).rows
    await clerk.services.approve.one(UUID(bill.bill), CHIEF)
    await clerk.services.issue.one(UUID(bill.bill), CHIEF)
    form = {"text": version("2020-01-01", DEARER)}
    sound = await clerk.sent("check", form)
    assert "Corrects residential-tou from Wed 1 Jan 2020 on" in sound
    assert "Issued bills that it reaches into 1: " in sound
    form |= {"checked": clerk.checked[0], "confirmed": "yes"}
    assert "Reason is empty." in (await clerk.web.post("/tariff-editor/publish", data=form)).text
    done = await clerk.web.post("/tariff-editor/publish", data={**form, "reason": "mistyped"})
    assert done.status_code == 303
    assert "Wed 1 Jan 2020 2 holds" in await clerk.page("/tariffs/residential-tou")


async def test_a_fault_is_shown_at_its_line(clerk: Clerk) -> None:
    text = version("2027-01-01", ("price: 6.90", "price: <b>six</b>"))
    number = next(place for place, line in enumerate(text.splitlines(), 1) if "<b>" in line)
    answer = await clerk.web.post("/tariff-editor/check", data={"text": text})
    assert "<b>six" not in answer.text
    page = said(answer.text)
    assert f"1 fault {number} " in page
    assert f"{number} > - {{id: customer" in page
    begun = await clerk.web.get("/tariff-editor?library=es-2.0td")
    assert "tariff: es-2.0td" in said(begun.text).replace("ES-2.0TD", "es-2.0td")
