"""Connected systems read what changed since a time, page by page, and lose nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from tests.support.office import NOW, Office
from tests.support.servers import Database

POINT = {
    "zone": "Europe/Madrid",
    "channels": [{"obis": "1-0:1.8.0", "period_s": 900, "unit": "Wh"}],
}


@pytest.fixture
async def office(plain_filled: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_filled.dsn, max_size=6) as pool:
        made = Office(pool)
        await made.open()
        yield made


async def test_a_connected_system_reads_only_what_changed_and_loses_nothing(
    office: Office,
) -> None:
    """Between two pages objects come and change; the next round has each of them."""
    clock = [NOW + timedelta(hours=1)]
    app = create_app(office.services(lambda: clock[0]), WebSettings())
    transport = httpx.ASGITransport(app)

    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:

        async def post(path: str, **order: object) -> None:
            done = await client.post(f"/api/v1/{path}", json=order)
            assert done.status_code in {200, 201}, done.text

        async def changed(path: str, since: datetime, after: str | None = None) -> Any:  # noqa: ANN401
            query = {"updated_since": since.isoformat(), "limit": "2"}
            answer = await client.get(
                f"/api/v1/{path}", params={**query, **({"after": after} if after else {})}
            )
            assert answer.status_code == 200, answer.text
            return answer.json()

        begun = clock[0]
        for number in ("B-1", "B-3", "B-5"):
            await post("accounts", number=number, name="Horno")
            await post("service-points", **{**POINT, "name": number})
        for path, key in (("accounts", "number"), ("service-points", "name")):
            first = await changed(path, begun)
            assert [each[key] for each in first["items"]] == ["B-1", "B-3"]
        # One before the cursor changes, one before it comes, one behind it comes.
        clock[0] += timedelta(minutes=10)
        await post("accounts", number="B-1", name="Horno de Pan")
        await post("service-points", **{**POINT, "name": "B-1", "address": "Calle 9"})
        for number in ("B-2", "B-6"):
            await post("accounts", number=number, name="Horno")
            await post("service-points", **{**POINT, "name": number})
        for path, key in (("accounts", "number"), ("service-points", "name")):
            first = await changed(path, begun)
            rest = await changed(path, begun, first["after"])
            assert [each[key] for each in rest["items"]] == ["B-3", "B-5"]
            # The next round begins where this one began, and not where it ended.
            again = await changed(path, begun + timedelta(minutes=5))
            more = await changed(path, begun + timedelta(minutes=5), again["after"])
            names = [each[key] for each in again["items"] + more["items"]]
            assert (names, more["after"]) == (["B-1", "B-2", "B-6"], None)
        # Unchanged orders change nothing; agreements and tariffs are told likewise.
        later = clock[0] = clock[0] + timedelta(minutes=10)
        await post("accounts", number="B-1", name="Horno de Pan")
        assert (await changed("accounts", later))["items"] == []
        assert (await changed("tariffs", later))["items"] == []
        assert len((await changed("tariffs", NOW - timedelta(days=99)))["items"]) == 1
        (account,) = (await client.get("/api/v1/accounts?search=B-1")).json()["items"]
        path = f"accounts/{account['account']}/agreements"
        agreed = {"account": "B-1", "service_point": "B-1", "first": "2026-12-01"}
        await post("agreements", **agreed, tariff="residential-tou")
        assert [each["start"] for each in (await changed(path, later))["items"]] == ["2026-12-01"]
        clock[0] += timedelta(minutes=10)
        assert (await changed(path, clock[0]))["items"] == []
        await post("agreements/withdraw", **agreed, reason="another house")
        assert [each["withdrawn"] for each in (await changed(path, clock[0]))["items"]] == [True]
        # Of a time before, also as it was known then.
        past = {"updated_since": begun.isoformat(), "as_of": later.isoformat()}
        known = await client.get("/api/v1/accounts", params=past)
        assert [each["number"] for each in known.json()["items"]] == [
            "B-1", "B-2", "B-3", "B-5", "B-6",
        ]  # fmt: skip
