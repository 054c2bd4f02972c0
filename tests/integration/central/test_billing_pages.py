"""What a clerk of billing does by pages and API: the office of the pages' tests, with its bills.

The clerk at browser and program serves all of them, so they are one module.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.dashboard.present import DASH
from central.domain.billing.correction import CorrectionWay
from central.domain.billing.correction_rule import RuleTerms
from central.service.billing.unbilled_revenue import UnbilledRevenue
from central.service.ports.suppressions import OccupiedService
from tests.support.actors import CHIEF
from tests.support.office import NOW, Office
from tests.support.servers import Database

BASE = "http://127.0.0.1"
_CONFLICTS = """\
INSERT INTO claim_conflict (occupancy_id, kind, first_day, end_day, part_id)
SELECT occupancy_id, 'billed_twice', '2026-10-05', '2026-10-09', id FROM bill_part
ORDER BY id LIMIT 2
"""
_NOTES = """\
INSERT INTO run_note (run_id, account_id, code, service_point, first_day, end_day, message)
SELECT
    bill_run.id, account.id, 'NOT_DUE', 'residence', '2026-11-01', '2026-12-01',
    'The period 2026-11 is billed on 2026-12-01 or later.'
FROM bill_run, account ORDER BY account.number
"""


class Clerk:
    """Somebody at a browser, and a program beside them."""

    def __init__(
        self, office: Office, web: httpx.AsyncClient, database: Database, app: FastAPI
    ) -> None:
        self.app = app
        self.office = office
        self.web = web
        self.database = database

    async def page(self, address: str) -> str:
        """What stands on a page, its white space folded."""
        answer = await self.web.get(address)
        assert answer.status_code == 200, answer.text
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())

    async def send(self, where: str, /, **fields: str) -> httpx.Response:
        """A form, as a page of ours sends it."""
        form = (await self.web.get("/runs")).text
        token = re.search(r'X-Meterline-Form": "(\w+)"', form)
        assert token is not None
        return await self.web.post(where, data={"csrf_token": token[1], **fields})

    async def idle(self) -> None:
        """Wait until what pages began is done."""
        await self.app.state.background.idle()

    async def audited(self, action: str) -> list[dict[str, object]]:
        """Rows of the audit log, newest first."""
        async with await psycopg.AsyncConnection.connect(self.database.dsn) as connection:
            rows = await connection.execute(
                "SELECT actor, via, subject, detail FROM audit_log WHERE action = %s"
                " ORDER BY id DESC",
                (action,),
            )
            return [
                {"actor": row[0], "via": row[1], "subject": row[2], **row[3]}
                for row in await rows.fetchall()
            ]


@pytest.fixture
async def clerk(plain_filled: Database) -> AsyncIterator[Clerk]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool:
        office = Office(pool)
        await office.open()
        app = create_app(office.services(), WebSettings())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as web:
            yield Clerk(office, web, plain_filled, app)


async def test_days_billed_twice_are_named_and_decided(clerk: Clerk) -> None:
    assert "Claim conflicts to decide" not in await clerk.page("/runs")
    with psycopg.connect(clerk.database.dsn) as owner:
        owner.execute(_CONFLICTS)
    page = await clerk.page("/runs")
    assert "Claim conflicts to decide All 2" not in page
    assert f"Billed twice Mon 5 Oct 2026 {DASH} Thu 8 Oct 2026 Familia Iturbe ES-4100" in page
    assert "Iturbe residence, electricity" in page
    assert "Has these days 2026-10 draft" in page
    assert "settle it, or leave it" in page
    listed = (await clerk.web.get("/api/v1/claim-conflicts")).json()["items"]
    first, second = (item["conflict"] for item in listed)
    assert listed[0]["bill"]["bill"] == str(clerk.office.bills["Iturbe"])
    empty = await clerk.send(f"/claim-conflicts/{first}/decide", decision="leave", reason=" ")
    assert (empty.status_code, "Reason is empty." in empty.text) == (422, True)
    odd = await clerk.send(f"/claim-conflicts/{first}/decide", decision="burn", reason="x")
    assert odd.status_code == 422
    done = await clerk.send(f"/claim-conflicts/{first}/decide", decision="leave", reason="seen")
    assert (done.status_code, done.headers["location"]) == (303, "/claim-conflicts")
    again = await clerk.send(f"/claim-conflicts/{first}/decide", decision="leave", reason="seen")
    assert again.status_code == 409
    order = {"decision": "settle", "reason": "credited"}
    address = f"/api/v1/claim-conflicts/{second}/decide"
    assert (await clerk.web.post(address, json=order)).json()["decision"] == "settle"
    assert "No conflict is open." in await clerk.page("/claim-conflicts")
    decided = await clerk.page("/claim-conflicts?show=decided")
    assert "Left as it is by operator, 2026-11-03 09:00:00 UTC : seen" in decided
    assert "Claim conflicts to decide" not in await clerk.page("/runs")
    rows = await clerk.audited("claim_conflict.decided")
    assert [(row["via"], row["reason"]) for row in rows] == [
        ("api", "credited"),
        ("dashboard", "seen"),
    ]


async def test_a_bill_links_whose_it_is_and_is_confirmed_before_it_is_final(clerk: Clerk) -> None:
    bill = f"/bills/{clerk.office.bills['Iturbe']}"
    html = (await clerk.web.get(bill)).text
    assert f'<a class="button primary" href="{bill}/approve">' in html
    (account,) = set(re.findall(r'href="(/accounts/[^"]+)"', html)) - {"/accounts"}
    (meter,) = set(re.findall(r'href="(/meters/\d+)"', html))
    assert "Familia Iturbe ES-4100" in await clerk.page(account)
    assert f'href="{meter}"' in (await clerk.web.get(account)).text
    assert "EUR/kWh" in await clerk.page(bill)
    assert "1 month 6.90 EUR/month" in await clerk.page(bill)
    asked = await clerk.page(f"{bill}/approve")
    assert f"What Familia Iturbe ES-4100, 2026-10 Period Thu 1 Oct 2026 {DASH}" in asked
    assert "can be taken back with a reason" in asked
    assert "draft" in await clerk.page(bill)
    await clerk.send(f"{bill}/approve")
    assert "It cannot be changed or taken back" in await clerk.page(f"{bill}/issue")
    run = (await clerk.web.get("/api/v1/bill-runs")).json()["items"][0]["run"]
    assert "Approve 1 draft" in await clerk.page(f"/runs/{run}/approve")
    assert "Issue 1 bill" in await clerk.page(f"/runs/{run}/issue")
    assert (await clerk.web.get(f"/runs/{run}/burn")).status_code == 404
    assert "ES-4101" in await clerk.page("/accounts?q=ES-4101")


async def test_a_run_is_started_watched_and_confirmed_with_what_it_means(clerk: Clerk) -> None:
    form = await clerk.page("/runs/start")
    assert "Nothing is sent: drafts are looked through" in form
    both = await clerk.send("/runs", cycle="2026-10", group="north", account="ES-4100")
    assert (both.status_code, "a group or one account" in both.text) == (422, True)
    early = await clerk.send("/runs", cycle="2026-11")
    assert (early.status_code, "is not over" in early.text) == (409, True)
    odd = await clerk.send("/runs", cycle="October")
    assert (odd.status_code, "is not a billing cycle" in odd.text) == (422, True)
    nobody = await clerk.send("/runs", cycle="2026-10", group="nowhere")
    assert (nobody.status_code, "nowhere" in nobody.text) == (409, True)
    begun = await clerk.send("/runs", cycle="2026-10", account="ES-4101")
    assert begun.status_code == 303
    run = begun.headers["location"]
    await clerk.idle()
    page = await clerk.page(run)
    assert "account ES-4101" in page
    assert "Calculate 1 of 1 account" in page
    assert "Calculated by operator" in page
    whole = next(
        f"/runs/{each['run']}"
        for each in (await clerk.web.get("/api/v1/bill-runs")).json()["items"]
        if f"/runs/{each['run']}" != run
    )
    page = await clerk.page(whole)
    assert "1 bill is held" in page
    assert "2 drafts wait for somebody other than" in page
    assert 'hx-trigger="every 2s"' not in (await clerk.web.get(whole)).text
    with psycopg.connect(clerk.database.dsn) as owner:
        owner.execute("UPDATE bill_run SET finished_at = NULL WHERE uid = %s", (whole[6:],))
        owner.execute(
            "UPDATE bill_shard SET done_at = NULL"
            " WHERE run_id = (SELECT id FROM bill_run WHERE uid = %s)",
            (whole[6:],),
        )
    running = (await clerk.web.get(whole)).text
    assert 'hx-trigger="every 2s"' in running
    assert "Calculate 0 of 3 accounts Reload" in await clerk.page(whole)
    assert f"{whole}/approve" not in running
    again = await clerk.send(f"{whole}/calculate")
    assert (again.status_code, again.headers["location"]) == (303, whole)
    await clerk.idle()
    assert 'hx-trigger="every 2s"' not in (await clerk.web.get(whole)).text
    due = [
        Decimal(bill["amounts"]["total"])
        for bill in (await clerk.web.get(f"/api/v1/bill-runs/{whole[6:]}/bills")).json()["items"]
        if bill["state"] == "draft"
    ]
    asked = await clerk.page(f"{whole}/approve")
    assert "No bill of this run has an issued bill before it." in await clerk.page(
        f"{whole}/changes"
    )
    assert f"Thu 1 Oct 2026 {DASH} Sat 31 Oct 2026 Bills 2 Total EUR {sum(due)}" in asked


async def test_the_board_says_what_each_period_waits_for(clerk: Clerk) -> None:
    board = await clerk.page("/board")
    assert (
        f"monthly 2026-10 Thu 1 Oct 2026 {DASH} Sat 31 Oct 2026 exceptions 2 days 1 2 0 0" in board
    )
    spanish = await clerk.web.get("/board", headers={"Accept-Language": "es"})
    assert "incidencias</span>" in spanish.text
    # The run of October bills what was due before it.
    assert "2026-09" not in board
    assert "2026-11" not in board
    listed = await clerk.office.services().memberships.board(
        since=date(2026, 11, 5), today=date(2026, 12, 3), limit=5
    )
    (row,) = listed.rows
    assert (row.period, row.run, row.step.value) == ("2026-11", None, "to calculate")
    assert (row.age(date(2026, 12, 3)), row.owner) == (2, None)
    assert row.last == date(2026, 11, 30)


async def test_what_is_not_billed_yet_has_a_page_by_charge_account_and_day(clerk: Clerk) -> None:
    services = clerk.office.services()
    assert "Nothing is unbilled." in await clerk.page("/unbilled")
    await UnbilledRevenue(services.unbilled_store, services.clock).refresh()
    page = await clerk.page("/unbilled")
    charges = (await clerk.web.get("/api/v1/unbilled/charges")).json()["items"]
    assert {row["charge"] for row in charges} > {"energy"}
    assert all(f"{row['charge']} {row['accounts']} EUR" in page for row in charges)
    assert "ES-4100 Iturbe residence" in page
    days = await clerk.page("/unbilled?account=ES-4100")
    assert "Thu 1 Oct 2026 Iturbe residence" in days
    assert "ES-4102" not in days
    assert (await clerk.web.get("/unbilled?account=nobody")).status_code == 422


async def test_figures_and_orders_have_pages_that_the_overview_leads_to(clerk: Clerk) -> None:
    overview = (await clerk.web.get("/")).text
    for address in ("/figures", "/pilots", "/field-orders"):
        assert f'href="{address}"' in overview
    page = await clerk.page("/figures")
    assert "Estimated bills at most 1 %" in page
    assert "2026-11 goes on" in page
    assert re.search(rf"2026-10 ({DASH} ){{3}}", page), page
    assert "2026-08" in await clerk.page("/figures?month=2026-08")
    assert "2026-09 goes on" not in await clerk.page("/figures?month=2026-09")
    assert (await clerk.web.get("/figures?month=soon")).status_code == 422
    assert "No reading is ordered." in await clerk.page("/field-orders?show=every")
    assert "There is no pilot yet." in await clerk.page("/pilots")
    assert (await clerk.web.get("/pilots/none")).status_code == 404


async def test_what_a_run_left_out_is_listed_with_its_reason(clerk: Clerk) -> None:
    with psycopg.connect(clerk.database.dsn) as owner:
        owner.execute(_NOTES)
    run = (await clerk.web.get("/api/v1/bill-runs")).json()["items"][0]["run"]
    address = f"/runs/{run}"
    assert "Not billed 3" in await clerk.page(address)
    page = await clerk.page(f"{address}/not-billed")
    assert "All not due 3" in page
    assert "Familia Okafor ES-4102 Not due. The period 2026-11 is billed on 2026-12-01" in page
    assert "No days are left out" in await clerk.page(f"{address}/not-billed?code=PERIOD_TAKEN")
    walked: list[str] = []
    after: dict[str, str] = {}
    while True:
        rows = f"/api/v1/bill-runs/{run}/not-billed"
        answer = (await clerk.web.get(rows, params={"limit": "2", **after})).json()
        walked += [item["account_number"] for item in answer["items"]]
        if answer["after"] is None:
            break
        after = {"after": answer["after"]}
    assert walked == ["ES-4100", "ES-4101", "ES-4102"]
    assert answer["items"][0]["code"] == "NOT_DUE"
    lost = await clerk.web.get("/api/v1/bill-runs/7/not-billed")
    assert lost.status_code == 404


async def test_the_overview_names_whom_a_run_was_narrowed_to(clerk: Clerk) -> None:
    assert "account ES-4100" not in await clerk.page("/")
    with psycopg.connect(clerk.database.dsn) as owner:
        owner.execute("""UPDATE bill_run SET scope = '{"account": "ES-4100"}'""")
    assert "account ES-4100" in await clerk.page("/")


async def test_a_bill_of_a_run_is_found_by_account_name_and_number(clerk: Clerk) -> None:
    run = (await clerk.web.get("/api/v1/bill-runs")).json()["items"][0]["run"]
    everyone = {"ES-4100", "ES-4101", "ES-4102"}
    for asked, accounts in (
        ("q=ES-4102", {"ES-4102"}),
        ("q=okafor", {"ES-4102"}),
        ("q=ES-410", everyone),
        ("q=okafor&state=discarded", set[str]()),
        ("q=%25", set[str]()),
    ):
        page = await clerk.page(f"/runs/{run}?{asked}")
        assert {account for account in everyone if account in page} == accounts, asked
    kept = (await clerk.web.get(f"/runs/{run}?q=okafor&state=held")).text
    assert '<input type="hidden" name="state" value="held">' in kept


async def test_a_cycle_is_added_filled_and_read(clerk: Clerk) -> None:
    assert "no billing cycle but the built-in ones" in await clerk.page("/cycles")
    cycle = {"cycle": "bimonthly", "months": "2", "first": "2026-09-01", "bill_after": "3"}
    nameless = await clerk.send("/cycles", **{**cycle, "reason": ""})
    assert "Reason is empty." in nameless.text
    added = await clerk.send("/cycles", **cycle, reason="route 7")
    assert (added.status_code, added.headers["location"]) == (303, "/cycles/bimonthly")
    page = await clerk.page("/cycles/bimonthly")
    assert f"2026-10.bimonthly Tue 1 Sep 2026 {DASH} Sat 31 Oct 2026 Wed 4 Nov 2026" in page
    assert "No account is in this cycle today." in page
    # October of ES-4100 is billed, so that it comes in with November.
    put = {"account": "ES-4100", "reason": "moved"}
    early = await clerk.send("/cycles/bimonthly/accounts", first="2026-10-01", **put)
    assert (early.status_code, "is billed until 2026-11-01" in early.text) == (409, True)
    assert (
        await clerk.send("/cycles/bimonthly/accounts", first="2026-11-01", **put)
    ).status_code == 303
    page = await clerk.page("/cycles/bimonthly")
    assert f"Familia Iturbe ES-4100 Sun 1 Nov 2026 {DASH} Sat 31 Oct 2026" in page
    assert "No account matches." in await clerk.page("/cycles/bimonthly?q=ES-9")
    assert "bimonthly 2" in await clerk.page("/cycles?q=bi")
    assert "No cycle matches." in await clerk.page("/cycles?q=x")
    rows = await clerk.audited("account.cycle")
    assert [(row["subject"], row["via"], row["reason"]) for row in rows] == [
        ("ES-4100", "dashboard", "moved")
    ]
    assert "built in" in await clerk.page("/cycles/@15")
    assert (await clerk.web.get("/cycles/nothing")).status_code == 404


async def test_a_list_by_hand_is_checked_before_it_is_written(clerk: Clerk) -> None:
    text = "cycle,first,end\r\nroute-7,2026-09-29,2026-10-28\r\nroute-7,2026-10-28,2026-11-30\r\n"
    checked = await clerk.send("/cycles/lists", file=text, dry_run="yes", reason="")
    assert "What would change" in checked.text
    assert "There is no billing cycle" not in checked.text
    assert "no billing cycle but the built-in ones" in await clerk.page("/cycles")
    bad = await clerk.send("/cycles/lists", file=text.replace("-28", "-99"), reason="x")
    assert bad.status_code == 422
    done = await clerk.send("/cycles/lists", file=text, reason="read dates")
    assert "What changed" in done.text
    assert "by hand" in await clerk.page("/cycles")
    order = {"file": text, "dry_run": True}
    answer = (await clerk.web.post("/api/v1/cycle-lists", json=order)).json()
    assert answer == {
        "dry_run": True,
        "changes": [{"cycle": "route-7", "effect": "unchanged", "removed": [], "added": []}],
    }
    extended = await clerk.web.post("/api/v1/cycle-lists/extend", json={})
    assert extended.json()["changes"] == []


async def test_a_group_is_added_filled_and_emptied(clerk: Clerk) -> None:
    assert "There is no group yet." in await clerk.page("/groups")
    why = {"reason": "pilot of 2026"}
    added = await clerk.send("/groups", group="pilot:1", of="account", **why)
    assert (added.status_code, added.headers["location"]) == (303, "/groups/pilot%3A1")
    assert (await clerk.send("/groups", group="x", of="meter", **why)).status_code == 422
    members = "/groups/pilot%3A1/members"
    nobody = await clerk.send(members, member="A-9", first="2026-10-01", **why)
    assert "no account" in nobody.text
    put = {"member": "ES-4101", "first": "2026-10-01", "end": "", **why}
    assert (await clerk.send(members, **put)).status_code == 303
    assert f"Familia Sanchis Thu 1 Oct 2026 {DASH}" in await clerk.page("/groups/pilot:1")
    assert "pilot:1 accounts 1 1" in await clerk.page("/groups?q=pil")
    taken = {"member": "ES-4101", "first": "2026-11-01", **why}
    assert (await clerk.send(f"{members}/remove", **taken)).status_code == 303
    assert "has no member today" in await clerk.page("/groups/pilot:1")
    assert "Sat 31 Oct 2026" in await clerk.page("/groups/pilot:1?who=ever")
    rows = await clerk.audited("group.member_left")
    assert [(row["subject"], row["reason"]) for row in rows] == [("pilot:1", "pilot of 2026")]
    order = {"member": "ES-4101", "first": "2026-10-01"}
    answer = await clerk.web.post("/api/v1/groups/pilot:1/members/remove", json=order)
    assert answer.json()["effect"] == "changed"


async def test_settings_are_read_and_changed_with_a_reason(clerk: Clerk) -> None:
    web = clerk.web
    before = (await web.get("/api/v1/settings")).json()
    assert (before["series"], before["due_days"], before["revision"]) == ("INV", 14, 1)
    none = await web.put("/api/v1/settings", json={"reason": "x"})
    assert (none.status_code, none.json()["detail"]) == (422, "No setting is given.")
    mute = await web.put("/api/v1/settings", json={"due_days": 20})
    assert mute.json()["code"] == "INVALID_REQUEST"
    order = {"due_days": 20, "payment_text": "IBAN ES12", "reason": "new bank"}
    changed = (await web.put("/api/v1/settings", json=order)).json()
    assert (changed["due_days"], changed["series"], changed["revision"]) == (20, "INV", 2)
    fields = {
        "series": "ES26",
        "width": "4",
        "yearly": "yes",
        "due_days": "21",
        "zone": "",
        "locale": "en",
        "payment_text": "IBAN ES12",
        "footer_text": "Gracias",
        "template": "invoice-1",
        "window_days": "5",
        "estimates_in_a_row": "2",
        "negative_total": "carry",
        "einvoice": "none",
        "effective": "",
        "reason": "a year's own numbers",
    }
    bad = await clerk.send("/settings", **{**fields, "series": "es 26"})
    assert bad.status_code == 409
    assert "The series &#39;es 26&#39; is not valid." in bad.text
    assert (await clerk.send("/settings", **fields)).status_code == 303
    page = await clerk.page("/settings")
    assert "Numbers like ES26-2026-0001 Days to pay 21" in page
    assert "a year's own numbers" in page
    assert "after 5 days, at most 2 in a row" in page
    revisions = (await web.get("/api/v1/settings/revisions")).json()["items"]
    assert [row["actor"] for row in revisions[1:]] == ["operator", "operator"]
    rows = await clerk.audited("billing_settings.changed")
    assert [(row["via"], row["reason"]) for row in rows] == [
        ("dashboard", "a year's own numbers"),
        ("api", "new bank"),
    ]


async def test_the_seller_is_replaced_with_a_reason(clerk: Clerk) -> None:
    web = clerk.web
    assert (await web.get("/api/v1/seller")).json()["name"] == "Meterline Energía"
    seller = {"name": "Luz SA", "tax_id": "ESB2", "contact": "", "reason": "sold"}
    lines = "\n".join(f"line {number}" for number in range(9))
    long = await clerk.send("/settings/seller", **seller, address=lines)
    assert long.status_code == 422
    sent = await clerk.send("/settings/seller", **seller, address="Calle 1\r\n\r\n28000 Madrid")
    assert sent.status_code == 303
    shown = (await web.get("/api/v1/seller")).json()
    assert (shown["name"], shown["address"]) == ("Luz SA", ["Calle 1", "28000 Madrid"])
    again = {"name": "Luz SL", "address": [], "reason": "renamed"}
    assert (await web.put("/api/v1/seller", json=again)).json()["effect"] == "changed"
    rows = await clerk.audited("seller.changed")
    assert [row["reason"] for row in rows] == ["renamed", "sold"]


async def test_the_page_of_reconciliation_says_what_the_api_says(clerk: Clerk) -> None:
    with psycopg.connect(clerk.database.dsn) as owner:
        # Of Okafor's bill the claim is gone, and Iturbe's says a cent more than its lines.
        owner.execute("SET session_replication_role = replica")
        owner.execute("DELETE FROM billed_period WHERE part_id = (SELECT max(id) FROM bill_part)")
        owner.execute("UPDATE bill SET total = total + 0.01 WHERE state = 'draft' AND id = 1")
        owner.execute(
            "INSERT INTO ledger_entry (key, account_id, kind, day, currency, amount, recorded_at,"
            " actor, reason) SELECT 'p', account_id, 'payment', '2026-10-05', 'EUR', 12.34,"
            " made_at, 'clerk', 'transfer' FROM bill WHERE id = 1"
        )
        owner.execute(
            "INSERT INTO day_block (channel_id, made_at, day, version, heading_id, missing,"
            " estimated, zeros, edited, total, sha256, extremes, content)"
            " SELECT channel_id, '2026-11-20', day, 2, heading_id, missing, estimated, zeros,"
            " edited, total, sha256, extremes, content"
            " FROM day_block WHERE channel_id = 1 AND day = '2026-10-03'"
        )
    assert "Give a month" in await clerk.page("/reconciliation")
    page = await clerk.page("/reconciliation?month=2026-10&run=&tariff=residential-tou")
    query = {"month": "2026-10", "tariff": "residential-tou"}
    report = (await clerk.web.get("/api/v1/reconciliation", params=query)).json()
    assert not report["balanced"]
    for sums in report["energy"]:
        mark = "" if sums["balanced"] else " does not balance"
        total = f"{Decimal(sums['total']):,f} {sums['unit']} {sums['intervals']:,}"
        assert f"{sums['service']} {sums['coverage']} {total}" in page
        assert f"{sums['missing']}{mark}" in page
    assert "electricity not claimed" in page
    assert "Not claimed A bill reads it without a claim: look at the claim conflicts." in page
    assert f"Okafor residence not claimed Thu 1 Oct 2026 {DASH} Sat 31 Oct 2026" in page
    (money,) = report["money"]
    assert Decimal(money["totals"]) == Decimal(money["lines"]) + Decimal("0.01")
    assert f"EUR 2 {money['totals']} {money['lines']} {DASH} does not balance" in page
    assert "1 12.34 0 0 0 12.34 EUR balances" in page
    (changed,) = report["changed_since_billed"]
    total = f"{Decimal(changed['billed']):,f} Wh"
    assert f"Sat 3 Oct 2026 {total} {total} 0 Wh" in page
    sheet = await clerk.web.get("/reconciliation.csv", params=query)
    assert sheet.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    energy = {row["coverage"]: row["total"] for row in rows if row["row"] == "energy"}
    assert energy == {sums["coverage"]: sums["total"] for sums in report["energy"]}
    others = {row["row"]: row["total"] for row in rows}
    assert (others["ledger received"], others["changed since billed"]) == ("12.34", "0")
    days = [row for row in rows if row["row"] == "days"]
    assert [(row["service_point"], row["balanced"]) for row in days] == [("Okafor residence", "no")]
    assert (await clerk.web.get("/reconciliation?run=2020-01")).status_code == 404
    assert (await clerk.web.get("/reconciliation?month=soon")).status_code == 422
    assert (await clerk.web.get("/reconciliation.csv")).status_code == 422


async def test_the_audit_log_is_read_filtered_and_verified(clerk: Clerk) -> None:
    for number in range(3):
        assert (
            await clerk.send("/groups", group=f"g{number}", of="point", reason=f"why {number}")
        ).status_code == 303
    page = await clerk.page("/audit")
    assert "has not been verified since" in page
    assert "operator dashboard 127.0.0.1 group.added g2 why 2 1 field of point" in page
    assert "account.added" in page
    some = await clerk.page("/audit?action=group&since=2026-11-03&until=2026-11-03")
    assert "group.added" in some
    assert "account.added" not in some
    assert "is like that" in await clerk.page("/audit?actor=nobody")
    assert (await clerk.web.get("/audit?since=soon")).status_code == 422
    query = {"action": "group", "limit": "2"}
    first = (await clerk.web.get("/api/v1/audit", params=query)).json()
    query["after"] = first["after"]
    rest = (await clerk.web.get("/api/v1/audit", params=query)).json()
    listed = [*first["items"], *rest["items"]]
    assert [row["subject"] for row in listed] == ["g2", "g1", "g0"]
    assert listed[0]["detail"]["reason"] == "why 2"
    await clerk.office.services().audit.seal(NOW)
    done = await clerk.send("/audit/check")
    assert done.headers["location"] == "/audit"
    assert "The log holds:" in await clerk.page("/audit")
    with psycopg.connect(clerk.database.dsn) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE audit_log SET actor = 'nobody' WHERE subject = 'g1'")
    checked = (await clerk.web.post("/api/v1/audit/check", json={})).json()
    assert (checked["holds"], checked["broken"]["code"]) == (False, "AUDIT_ROW_CHANGED")
    assert checked["broken"]["row"] == listed[1]["row"]
    assert "The log does not hold. AUDIT_ROW_CHANGED" in await clerk.page("/audit")


async def test_schedules_are_shown_and_changed(clerk: Clerk) -> None:
    page = await clerk.page("/schedules")
    assert "close_days@Europe/Madrid daily at 01:00, in each zone" in page
    assert "retry_held daily at 02:00, UTC" in page
    assert "NO_WORKER: nobody does it. Start meterline-central worker" in page
    sent = {"do": "set", "at": "03:30", "reason": "after the back-up"}
    done = await clerk.send("/schedules/retry_held", **sent)
    assert (done.status_code, done.headers["location"]) == (303, "/schedules")
    await clerk.send("/schedules/retry_held", do="pause", reason="in dispute")
    assert "retry_held daily at 03:30, UTC 2026-11-03 paused" in await clerk.page("/schedules")
    for wrong in ({"do": "set", "at": "25:00"}, {"do": "burn"}):
        refused = await clerk.send("/schedules/retry_held", reason="r", **wrong)
        assert refused.status_code == 422
    assert "Tries held bills again retry_held" in page
    entry = {"name": "south", "at": "05:15", "zone": "Europe/Madrid", "day": "4", "reason": "route"}
    assert (await clerk.send("/schedules", **entry)).status_code == 303
    shown = await clerk.page("/schedules")
    assert "south on day 4 of the month at 05:15, Europe/Madrid" in shown
    for wrong in ({"name": "south"}, {"name": "retry_held"}, {"name": "x y"}, {"day": "31"}):
        refused = await clerk.send("/schedules", **{**entry, "name": "east", **wrong})
        assert refused.status_code in {409, 422}, wrong
    order = {"job": "bill_run", "group": "north", "day": 3, "at": "04:00", "reason": "route north"}
    added = (await clerk.web.put("/api/v1/schedules/north", json=order)).json()
    assert (added["zone"], added["at"], added["day"]) == ("UTC", "04:00", 3)
    run = await clerk.web.post("/api/v1/schedules/north/run", json={"reason": "now"})
    assert run.json() == {"name": "north", "due": ["north"]}
    refused = await clerk.web.post("/api/v1/schedules/retry_held/run", json={"reason": "now"})
    assert (refused.status_code, refused.json()["code"]) == (409, "SCHEDULE_REFUSED")
    listed = {
        row["name"]: row for row in (await clerk.web.get("/api/v1/schedules")).json()["items"]
    }
    assert (listed["retry_held"]["state"], listed["retry_held"]["next_at"]) == ("paused", None)
    assert listed["north"]["code"] == "NO_WORKER"
    paused, changed = await clerk.audited("schedule.changed"), ("retry_held", {"at": "03:30"})
    assert [(row["subject"], row["new"]) for row in paused][-1] == changed


async def test_rules_limits_and_suppressed_days_are_shown_and_decided(clerk: Clerk) -> None:
    services, address = clerk.office.services(), "/correction-rules"
    page = await clerk.page(address)
    for nothing in ("There is no rule", "There is no limit", "All days are billed."):
        assert nothing in page
    rule = {"rule": "small", "way": "adjust", "amount": "2.50", "currency": "EUR", "days": "90"}
    assert (await clerk.send(address, **rule, reason="a letter costs more")).status_code == 303
    for wrong in ({"amount": "two"}, {"way": "burn"}, {"days": "0"}):
        assert (await clerk.send(address, **{**rule, **wrong}, reason="r")).status_code == 422
    assert "small@1 entered adjust" in await clerk.page(address)
    alone = await clerk.send(f"{address}/small/1/approve")
    assert (alone.status_code, "SELF_APPROVAL" in alone.text) == (409, False)
    await services.rules.enter(
        "tiny", RuleTerms(CorrectionWay.LEAVE, Decimal(1), "EUR", 30), CHIEF, "cents"
    )
    assert (await clerk.send(f"{address}/tiny/1/approve")).status_code == 303
    assert "tiny@1 in force leave" in await clerk.page(address)
    assert (await clerk.send(f"{address}/tiny/1/withdraw", reason="no more")).status_code == 303
    assert "tiny@1 withdrawn" in await clerk.page(address)
    limit = {"effective": "2026-01-01", "charge_months": "12", "source": "Law 1", "reason": "law"}
    assert (await clerk.send("/correction-limits", **limit)).status_code == 303
    exception = {**limit, "cause": "tariff", "charge_months": ""}
    assert (await clerk.send("/correction-limits", **exception)).status_code == 303
    assert (await clerk.send("/correction-limits", **limit, cause="x")).status_code == 422
    page = await clerk.page(address)
    assert f"everybody every Thu 1 Jan 2026 1 12 {DASH} {DASH} Law 1" in page
    assert f"everybody tariff Thu 1 Jan 2026 1 {DASH} {DASH} {DASH} Law 1" in page
    bill = clerk.office.bills["Iturbe"]
    await services.approve.one(bill, CHIEF)
    await services.issue.one(bill, CHIEF)
    occupied = OccupiedService("ES-4100", "Iturbe residence")
    until = date(2026, 12, 1)
    assert "left out of every bill" in await clerk.page("/suppressed-periods/new?account=ES-4102")
    sent = {"account": occupied.account, "point": occupied.point, "reason": "house rebuilt"}
    endless = await clerk.send("/suppressed-periods", **sent)
    assert (endless.status_code, "Last day is empty." in endless.text) == (422, True)
    last = (until - timedelta(days=1)).isoformat()
    assert (await clerk.send("/suppressed-periods", **sent, last=last)).status_code == 303
    (proposed,) = await services.suppressions.listed()
    await services.suppressions.lift(proposed.uid, CHIEF, "by command")
    uid = await services.suppressions.suppress(occupied, until, CHIEF, "house rebuilt")
    assert "Mon 30 Nov 2026 proposed" in await clerk.page(address)
    assert (await clerk.send(f"/suppressed-periods/{uid}/approve")).status_code == 303
    assert "Mon 30 Nov 2026 holds" in await clerk.page(address)
    assert (await clerk.send(f"/suppressed-periods/{uid}/lift", reason="back")).status_code == 303
    assert "Mon 30 Nov 2026 lifted" in await clerk.page(address)
    order = {"account": occupied.account, "service_point": occupied.point, "reason": "empty"}
    api = "/api/v1/suppressed-periods"
    made = await clerk.web.post(api, json={**order, "end": until.isoformat()})
    assert (made.status_code, made.json()["state"]) == (201, "proposed"), made.text
    assert made.json() in (await clerk.web.get(api)).json()["items"]
