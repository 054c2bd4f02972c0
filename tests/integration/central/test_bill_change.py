"""The page of a bill says why it is higher or lower than the last one."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import httpx

from central.adapters.documents.invoice import render_invoice
from central.api.app import create_app
from central.api.settings import WebSettings
from central.process.services import timescale_services
from central.service.operator.bill_change import view_change
from tests.support.books import pool_of, timescale_utility
from tests.support.daily_books import approve, at, bill, found, issue, measured, run
from tests.support.servers import Database

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)


async def test_a_bill_is_compared_with_the_issued_one_before(plain_migrated: Database) -> None:
    async with timescale_utility(plain_migrated.dsn) as utility:
        await found(utility, since=OCTOBER)
        await measured(utility, OCTOBER, NOVEMBER, wh=10_000)
        await measured(utility, NOVEMBER, DECEMBER, wh=12_000)
        utility.now = at(DECEMBER)
        october = await run(utility, "2026-10")
        assert await approve(utility, october) == await issue(utility, october) == []
        await run(utility, "2026-11")
        services = timescale_services(pool_of(utility), render_invoice, lambda: utility.now)
        first, second = [
            str((await bill(utility, "A-1", cycle)).uid) for cycle in ("2026-10", "2026-11")
        ]
        view, lines = await services.billing.bill(second), await services.billing.lines(second)
        assert view is not None
        assert view.amounts is not None
        change = await view_change(services.billing, view, lines)
        assert change is not None
        assert change.previous.bill == first
        assert change.after == view.amounts.billed
        steps = [(row.step.cause.value, row.step.amount) for row in change.steps]
        assert sum(amount for _, amount in steps) == change.amount
        # 360 kWh in place of 310, at the same 0.30.
        assert [f"{cause} {amount:f}" for cause, amount in steps] == ["use 15.00"]
        transport = httpx.ASGITransport(create_app(services, WebSettings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            page = (await web.get(f"/bills/{second}")).text
            said = " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
            assert "Why it is higher than the last bill" in said
            assert "Last bill, 31 days EUR 93.00 energy use 310 kWh 360 kWh +EUR 15.00" in said
            assert f'href="/bills/{first}"' in page
            assert 'class="more"' in page
            assert "Why it is" not in (await web.get(f"/bills/{first}")).text
            listed = (await web.get(f"/runs/{view.run}/changes")).text
            said = " ".join(unescape(re.sub(r"<[^>]+>", " ", listed)).split())
            assert f"EUR 93.00 {change.previous.number} EUR 108.00 +EUR 15.00" in said
            assert "+EUR 15.00 energy, use: +EUR 15.00" in said
