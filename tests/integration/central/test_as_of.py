"""Bills as they were known at a time: the same answer, however late somebody committed."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.ledger import EntryKind, LedgerEntry
from central.domain.metering.allocation_document import allocation_of
from central.domain.tariff.load.document import load_table
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.unbilled_revenue import UnbilledRevenue
from central.service.ports.groups import GroupOf, GroupRecord, Membership
from central.service.registry.lookup_tables import keep_table
from central.service.validation.allocate import Allocate
from tests.support.actors import CHIEF, CLERK
from tests.support.office import ACCOUNTS, HOUSEHOLDS, NOW, Office
from tests.support.servers import Database

EARLY, LATE = NOW, NOW + timedelta(minutes=1)


@pytest.fixture
async def office(plain_filled: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_filled.dsn, max_size=6) as pool:
        made = Office(pool)
        await made.open()
        yield made


async def issued(office: Office, clock: datetime, as_of: datetime) -> tuple[int, list[str]]:
    """The status, and the numbers of accounts of which a bill was issued."""
    transport = httpx.ASGITransport(create_app(office.services(lambda: clock), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
        run = (await client.get("/api/v1/bill-runs")).json()["items"][0]["run"]
        answer = await client.get(
            f"/api/v1/bill-runs/{run}/bills", params={"as_of": as_of.isoformat()}
        )
    listed = answer.json().get("items", [])
    numbers = [entry["account_number"] for entry in listed if entry["state"] == "issued"]
    return int(answer.status_code), numbers


async def test_who_commits_late_changes_no_answer(office: Office, plain_filled: Database) -> None:
    store = office.services().bills
    first, second = office.bills["Iturbe"], office.bills["Okafor"]
    for bill in (first, second):
        await ApproveBills(store, lambda: NOW).one(bill, CHIEF)
    with psycopg.connect(plain_filled.dsn) as other:
        other.execute("SELECT FROM bill WHERE uid = %s FOR UPDATE", [first])
        late = asyncio.create_task(IssueBills(store, lambda: EARLY).one(first, CHIEF))
        await asyncio.sleep(0.3)
        await IssueBills(store, lambda: LATE).one(second, CHIEF)
        assert not late.done()
        # It may still commit, with an earlier time.
        status, _ = await issued(office, LATE + timedelta(minutes=4), LATE)
        assert status == 422
    await late
    asked = [await issued(office, LATE + timedelta(minutes=n), LATE) for n in (5, 6)]
    assert asked == [(200, [ACCOUNTS[0], ACCOUNTS[2]])] * 2
    assert await issued(office, NOW + timedelta(days=9), EARLY) == (200, [ACCOUNTS[0]])
    before = EARLY - timedelta(seconds=1)
    # The bills were made at the same instant as the first was issued: there was no run before.
    assert await issued(office, NOW + timedelta(days=9), before) == (404, [])


async def test_the_command_line_asks_likewise(
    office: Office, plain_filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = office.bills["Iturbe"]
    store = office.services().bills
    then = datetime.now(NOW.tzinfo) - timedelta(hours=1)
    await ApproveBills(store, lambda: then).one(bill, CHIEF)
    await IssueBills(store, lambda: then).one(bill, CHIEF)
    monkeypatch.setenv("METERLINE_DATABASE", plain_filled.dsn)

    def ask(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return done.exit_code, done.output

    def asked(as_of: datetime) -> tuple[list[int], list[str]]:
        commands = (("bill", "list", ACCOUNTS[0]), ("bill", "show", bill))
        answers = [ask(*command, "--as-of", as_of.isoformat()) for command in commands]
        return [code for code, _ in answers], [text for _, text in answers]

    codes, texts = await asyncio.to_thread(asked, then)
    assert codes == [0, 0]
    assert "issued" in texts[0]
    codes, texts = await asyncio.to_thread(asked, then - timedelta(seconds=1))
    assert codes == [0, 0]
    assert "draft" in texts[0]
    codes, texts = await asyncio.to_thread(asked, NOW - timedelta(days=100))
    assert codes == [2, 2]
    assert "UNKNOWN_BILL" in texts[1]
    codes, texts = await asyncio.to_thread(asked, then + timedelta(hours=1))
    assert codes == [2, 2]
    assert all("may still change" in text for text in texts)


async def named(office: Office, client: httpx.AsyncClient) -> dict[str, str]:
    """Something of each kind that a path names; what the office has not, it is given."""
    services = office.services()
    await services.cycles(CLERK).add(BillingCycle("two", date(2027, 1, 1), 2))
    groups = services.groups(CLERK)
    await groups.add(GroupRecord("pilot", GroupOf.ACCOUNT))
    await groups.assign("pilot", Membership(ACCOUNTS[0], date(2026, 10, 1), None))
    entry = LedgerEntry("p-1", ACCOUNTS[0], EntryKind.PAYMENT, NOW.date(), "EUR", Decimal(5))
    await services.account_ledger.post(entry, CLERK, "paid at the counter")

    rows = "table: es-vat\nunit: percent\nrows: [{from: 2027-01-01, values: 21}]\n"
    await keep_table(services.series, load_table(rows), CLERK, clock=services.clock)

    shared = allocation_of(
        {"source": SHARED, "from": "2026-10-01", "shares": {f"{HOUSEHOLDS[1]} residence": "1"}}
    )
    await Allocate(services.allocations, services.clock).enter(shared, CLERK, "agreed")

    await UnbilledRevenue(services.unbilled_store, services.clock).refresh()

    async def first(path: str, key: str) -> str:
        answer = (await client.get(f"/api/v1/{path}")).json()
        return str((answer["items"] if isinstance(answer, dict) else answer)[0][key])

    point, meter = await first("service-points", "point"), await first("meters", "meter")
    run = await first("bill-runs", "run")
    account = await first("accounts", "account")
    return {
        "account": account,
        "agreement": await first(f"accounts/{account}/agreements", "agreement"),
        "tariff": await first("tariffs", "tariff"),
        "effective": await first("tariffs", "effective"),
        "run": run,
        "bill": await first(f"bill-runs/{run}/bills", "bill"),
        "number": "1",
        "service-points": point,
        "point-channels": await first(f"service-points/{point}/channels", "channel"),
        "allocations": SHARED,
        "day": "2026-10-05",
        "channels": await first(f"meters/{meter}/channels", "channel"),
        "cycle": "two",
        "group": "pilot",
        "key": "p-1",
    }


SHARED = f"{HOUSEHOLDS[0]} residence"
QUERIES = {
    "/channels/{channel}/readings": {
        "start": "2026-10-01T00:00:00Z",
        "end": "2026-10-02T00:00:00Z",
    },
    "/allocations/{point}/days/{day}": {"counts": "1-0:1.8.0"},
    "/bills": {"account": ACCOUNTS[0], "cycle": "2026-10"},
    "/reconciliation": {"month": "2026-10"},
}


async def test_every_question_that_takes_a_time_is_answered_as_it_was_then(office: Office) -> None:
    clock = NOW + timedelta(hours=2)
    services = office.services(lambda: clock)
    transport = httpx.ASGITransport(create_app(services, WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
        names = await named(office, client)
        paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
        asked = {}
        for path, methods in paths.items():
            parameters = methods.get("get", {}).get("parameters", [])
            if "as_of" in {one["name"] for one in parameters}:
                short = path.removeprefix("/api/v1")
                of = short.split("/")[1]
                filled = short.replace("{point}", names.get(of, "")).replace(
                    "{channel}", names.get(of, "")
                )
                asked[filled.format_map(names)] = QUERIES.get(short, {})
        assert len(asked) >= 32

        async def answers(**when: str) -> dict[str, tuple[int, object]]:
            found = {}
            for path, query in asked.items():
                answer = await client.get(f"/api/v1{path}", params={**query, **when})
                found[path] = answer.status_code, answer.json()
            return found

        now = await answers()
        assert {path: code for path, (code, _) in now.items() if code != 200} == {}
        then = await answers(as_of=(clock - timedelta(minutes=5)).isoformat())
        assert [path for path in asked if then[path] != now[path]] == []
        before = await answers(as_of=(NOW - timedelta(days=100)).isoformat())
        assert {path: one for path, one in before.items() if one[0] not in {200, 404, 422}} == {}
        unlike = {path for path in asked if before[path] != now[path]}
        assert set(asked) - unlike <= {"/claim-conflicts", "/settings", "/settings/revisions"}


async def test_pages_show_a_bill_and_the_reconciliation_as_they_stood(office: Office) -> None:
    bill, services = office.bills["Iturbe"], office.services()
    later = NOW + timedelta(hours=1)
    await ApproveBills(services.bills, lambda: later).one(bill, CHIEF)
    clock = NOW + timedelta(hours=2)
    transport = httpx.ASGITransport(create_app(office.services(lambda: clock), WebSettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:

        async def page(path: str, **query: str) -> str:
            answer = await client.get(path, params=query or None)
            assert answer.status_code == 200, answer.text
            return answer.text

        now = await page(f"/bills/{bill}")
        assert "Take the approval back" in now
        then = await page(f"/bills/{bill}", as_of=NOW.isoformat())
        assert "Take the approval back" not in then
        assert "Approve</button>" not in then
        assert "as it stood then" in then
        assert "not approved yet" in then
        lines = re.findall(r'href="(/bills/[^"]+/lines/[0-9]+[?][^"]+)"', then)
        part = await page(html.unescape(lines[0]))
        days = re.findall(r'href="(/bills/[^"]+/lines/[0-9]+/0/[^"]+)"', part)
        assert days
        assert [day for day in days if "as_of=" not in day] == []
        await page(html.unescape(days[0]))
        reconciled = await page("/reconciliation", month="2026-10", as_of=NOW.isoformat())
        assert "what was validated and billed then" in reconciled
        refused = await client.get(f"/bills/{bill}", params={"as_of": clock.isoformat()})
        assert refused.status_code == 422
        assert "may still change" in refused.text
