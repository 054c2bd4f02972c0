"""What an operator may order over HTTP: once, however often it is sent, and as the rules say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from tests.support.office import Office
from tests.support.servers import Database

JSON = {"Content-Type": "application/json"}
POINT = {
    "name": "Bakery",
    "zone": "Europe/Madrid",
    "channels": [{"obis": "1-0:1.8.0", "period_s": 900, "unit": "Wh"}],
}


@pytest.fixture
async def office(plain_filled: Database) -> AsyncIterator[Office]:
    async with make_pool(plain_filled.dsn, max_size=6) as pool:
        made = Office(pool)
        await made.open()
        yield made


@pytest.fixture
async def web(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(office.services(), WebSettings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/") as client:
        yield client


def what_was_done(answer: httpx.Response) -> dict[str, Any]:
    """What an order says it did; where that is stands in the header as well."""
    body: dict[str, Any] = answer.json()
    if answer.status_code == 201:
        assert body["location"] == answer.headers.get("location")
    return {name: body[name] for name in ("effect", "concerned", "discarded", "warnings")}


async def test_a_customer_is_enrolled_from_point_to_agreement(web: httpx.AsyncClient) -> None:
    orders = [
        ("service-points", POINT),
        ("installations", {"service_point": "Bakery", "manufacturer": "MTL", "serial": "QX-900",
                           "start": "2026-10-01T00:00:00+02:00", "multiplier": "200/5"}),
        ("accounts", {"number": "ES-9", "name": "Horno de Pan SL", "address": ["Calle 9"]}),
        ("agreements", {"account": "ES-9", "service_point": "Bakery", "tariff": "residential-tou",
                        "first": "2026-10-01"}),
    ]  # fmt: skip
    for name, order in orders:
        said: dict[str, object] = {"concerned": {}, "discarded": [], "warnings": []}
        first = await web.post(f"/api/v1/{name}", json=order)
        added = (201, {"effect": "added", **said})
        assert (first.status_code, what_was_done(first)) == added, first.text
        again = await web.post(f"/api/v1/{name}", json=order)
        unchanged = (200, {"effect": "unchanged", **said})
        assert (again.status_code, what_was_done(again)) == unchanged
    point = (await web.get("/api/v1/service-points?search=Bakery")).json()["items"][0]
    assert (point["meter_serial"], point["account_name"], point["tariff"]) == (
        "QX-900",
        "Horno de Pan SL",
        "residential-tou",
    )
    agreements = (await web.get(f"/api/v1/accounts/{point['account']}/agreements")).json()
    assert [one["start"] for one in agreements["items"]] == ["2026-10-01"]


async def test_orders_answer_with_just_what_they_name(
    plain_filled: Database, web: httpx.AsyncClient
) -> None:
    for name in ("Bakery 2", "Bakery", "Baker", "Bakéry", "bakery", "Bakery%", "เก", "เ"):
        point = await web.post("/api/v1/service-points", json={**POINT, "name": name})
        assert point.json()["service_point"]["name"] == name, point.text
        account = await web.post("/api/v1/accounts", json={"number": name, "name": "Horno"})
        assert account.json()["account"]["number"] == name, account.text
    # More agreements than a page has, all newer than the one that is ordered.
    with psycopg.connect(plain_filled.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO agreement (uid, account_id, service_point_id, service_id, tariff_id,"
            " occupancy_id, during, withdrawn, facts)"
            " SELECT gen_random_uuid(), account_id, service_point_id, service_id, tariff_id,"
            " occupancy_id, 'empty',"
            " daterange('2027-01-01'::date + day, '2027-01-02'::date + day), facts"
            " FROM agreement JOIN account ON account.id = account_id,"
            " generate_series(1, 600) AS day"
            " WHERE account.number = 'ES-4100'"
        )
    order = {"account": "ES-4100", "service_point": "Bakery", "tariff": "residential-tou",
             "first": "2026-10-01"}  # fmt: skip
    for status in (201, 200):
        agreed = await web.post("/api/v1/agreements", json=order)
        assert agreed.status_code == status, agreed.text
        view = agreed.json()["agreement"]
        assert (view["point_name"], view["start"]) == ("Bakery", "2026-10-01")
        assert (await web.get(agreed.json()["location"])).json() == view


async def test_an_account_is_put_into_a_cycle_and_a_group(web: httpx.AsyncClient) -> None:
    orders = [
        ("accounts", {"number": "ES-9", "name": "Horno de Pan SL"}),
        ("cycles", {"cycle": "bimonthly", "months": 2, "first": "2026-01-01", "bill_after": 5}),
        ("account-cycles", {"account": "ES-9", "cycle": "bimonthly", "first": "2026-11-01"}),
        ("groups", {"group": "route:7", "of": "account"}),
        ("groups/route:7/members", {"member": "ES-9", "first": "2026-10-01"}),
    ]
    for name, order in orders:
        first = await web.post(f"/api/v1/{name}", json=order)
        assert (first.status_code, first.json()["effect"]) == (201, "added"), first.text
        again = await web.post(f"/api/v1/{name}", json=order)
        assert (again.status_code, again.json()["effect"]) == (200, "unchanged")
    cycle = (await web.get("/api/v1/cycles/bimonthly")).json()
    assert cycle["periods"][0] == {
        "period": "2026-02.bimonthly",
        "first": "2026-01-01",
        "end": "2026-03-01",
        "bill_day": "2026-03-06",
    }
    accounts = (await web.get("/api/v1/cycles/bimonthly/accounts")).json()
    assert accounts == {"items": [{"account": "ES-9", "from": "2026-11-01"}], "after": None}
    (listed,) = (await web.get("/api/v1/cycles")).json()["items"]
    assert (listed["cycle"], listed["until"] > "2028", listed["accounts"]) == ("bimonthly", True, 1)
    members = (await web.get("/api/v1/groups/route:7/members")).json()
    assert members["items"] == [{"member": "ES-9", "first": "2026-10-01", "end": None}]
    (group,) = (await web.get("/api/v1/groups")).json()["items"]
    assert group == {"group": "route:7", "of": "account", "memberships": 1}


async def test_lists_of_cycles_groups_and_agreements_come_in_pages(web: httpx.AsyncClient) -> None:
    for number in range(1, 4):
        account = {"number": f"ES-{number}", "name": "Horno de Pan SL"}
        opened = await web.post("/api/v1/accounts", json=account)
        assert opened.json()["account"]["number"] == f"ES-{number}"
        assert opened.json()["account"] == (await web.get(opened.headers["location"])).json()
        cycle = {"cycle": f"two{number}", "months": 2, "first": "2026-01-01"}
        await web.post("/api/v1/cycles", json=cycle)
        await web.post("/api/v1/groups", json={"group": f"route:{number}", "of": "account"})
        member = {"member": f"ES-{number}", "first": "2026-10-01"}
        await web.post("/api/v1/groups/route:1/members", json=member)
        put = {"account": f"ES-{number}", "cycle": "two1", "first": "2027-01-01"}
        await web.post("/api/v1/account-cycles", json=put)
    for path, field in [
        ("cycles", "cycle"),
        ("cycles/two1/accounts", "account"),
        ("groups", "group"),
        ("groups/route:1/members", "member"),
    ]:
        whole = (await web.get(f"/api/v1/{path}")).json()["items"]
        names = [one[field] for one in whole]
        assert len(names) == 3, names
        paged, after = [], None
        for _ in range(3):
            query = {"limit": "1", **({"after": after} if after else {})}
            page = (await web.get(f"/api/v1/{path}", params=query)).json()
            paged += [one[field] for one in page["items"]]
            after = page["after"]
        assert (paged, after) == (names, None)
        assert (await web.get(f"/api/v1/{path}?after=no")).status_code == 400
    for path in ("cycles/none/accounts", "groups/none/members"):
        assert (await web.get(f"/api/v1/{path}")).status_code in {404, 422}


@pytest.mark.parametrize(
    ("name", "order", "status", "code"),
    [
        ("service-points", {**POINT, "zone": "Moon/Base"}, 422, "INVALID_VALUE"),
        ("cycles", {"cycle": "c", "months": 4, "first": "2026-01-01"}, 422, "INVALID_VALUE"),
        (
            "account-cycles",
            {"account": "ES-4100", "cycle": "weekly", "first": "2026-12-01"},
            422,
            "NOT_REGISTERED",
        ),
        ("groups/none/members", {"member": "x", "first": "2026-01-01"}, 422, "NOT_REGISTERED"),
        ("service-points", {**POINT, "colour": "red"}, 422, "INVALID_REQUEST"),
        ("service-points", {**POINT, "name": "Iturbe residence", "zone": "UTC"}, 409,
         "REGISTRY_CONFLICT"),
        ("installations", {"service_point": "Nowhere", "manufacturer": "MTL", "serial": "QX-900",
                           "start": "2026-10-01T00:00:00Z"}, 422, "NOT_REGISTERED"),
        ("installations", {"service_point": "Iturbe residence", "manufacturer": "MTL",
                           "serial": "QX-900", "start": "2026-10-02T00:00:00Z"}, 409,
         "REGISTRY_CONFLICT"),
        ("tariffs", {"document": "tariff: X"}, 422, "TARIFF_REFUSED"),
        ("bills/00000000-0000-0000-0000-000000000000/approve", {}, 404, "UNKNOWN_BILL"),
        ("bills/00000000-0000-0000-0000-000000000000/discard", {}, 404, "UNKNOWN_BILL"),
        ("bill-runs/7/issue", {}, 404, "NOT_FOUND"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_its_reason(
    web: httpx.AsyncClient, name: str, order: dict[str, object], status: int, code: str
) -> None:
    answer = await web.post(f"/api/v1/{name}", json=order)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_key_gives_the_first_answer_again(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = await web.post("/api/v1/service-points", json=POINT, headers=key)
    again = await web.post("/api/v1/service-points", json=POINT, headers=key)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.status_code == 201
    point = (await web.get(first.headers["location"])).json()
    assert first.json()["service_point"] == point
    assert again.headers["idempotent-replayed"] == "true"
    other = await web.post("/api/v1/service-points", json={**POINT, "name": "B"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_key_whose_order_failed_is_free_again(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-2"}
    agreement = {"account": "ES-4100", "service_point": "Bakery", "tariff": "residential-tou",
                 "first": "2026-10-01"}  # fmt: skip
    refused = await web.post("/api/v1/agreements", json=agreement, headers=key)
    assert refused.status_code == 422
    await web.post("/api/v1/service-points", json=POINT)
    done = await web.post("/api/v1/agreements", json=agreement, headers=key)
    assert done.status_code == 201
    agreed = (await web.get(done.headers["location"])).json()
    assert done.json()["agreement"] == agreed
    assert (agreed["point_name"], agreed["start"]) == ("Bakery", "2026-10-01")


async def test_an_order_sent_by_many_at_once_is_done_once(web: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-3"}
    answers = await asyncio.gather(
        *(web.post("/api/v1/service-points", json=POINT, headers=key) for _ in range(8))
    )
    outcomes = {(answer.status_code, answer.json().get("effect", "")) for answer in answers}
    assert outcomes <= {(201, "added"), (409, "")}
    assert (201, "added") in outcomes


async def test_bills_go_from_draft_to_issued_and_no_further(
    web: httpx.AsyncClient, office: Office
) -> None:
    run = (await web.get("/api/v1/bill-runs")).json()["items"][0]
    bill = office.bills["Iturbe"]
    early = await web.post(f"/api/v1/bills/{bill}/issue", headers=JSON)
    assert (early.status_code, early.json()["code"]) == (409, "BILL_TRANSITION")
    approved = await web.post(f"/api/v1/bills/{bill}/approve", headers=JSON)
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    rest = await web.post(f"/api/v1/bill-runs/{run['run']}/approve", headers=JSON)
    assert rest.json() == {"bills": 1, "refused": []}
    issued = await web.post(f"/api/v1/bill-runs/{run['run']}/issue", headers=JSON)
    assert issued.json() == {"bills": 2, "refused": []}
    shown = (await web.get(f"/api/v1/bills/{bill}")).json()
    assert (shown["state"], shown["number"]) == ("issued", "INV-000001")
    figures = (await web.get(f"/api/v1/bill-runs/{run['run']}")).json()
    assert [figures[name] for name in ("bills", "held", "drafts", "approved", "issued")] == [
        3, 1, 0, 0, 2,
    ]  # fmt: skip
    held = await web.post(f"/api/v1/bills/{office.bills['Sanchis']}/approve", headers=JSON)
    assert held.status_code == 409


async def test_a_bill_is_discarded_once_and_its_approval_is_taken_back_first(
    web: httpx.AsyncClient, office: Office
) -> None:
    held, draft = office.bills["Sanchis"], office.bills["Iturbe"]
    key = {**JSON, "Idempotency-Key": "discard-1"}
    first = await web.post(f"/api/v1/bills/{held}/discard", headers=key)
    assert (first.status_code, first.json()["state"]) == (200, "discarded"), first.text
    again = await web.post(f"/api/v1/bills/{held}/discard", headers=key)
    assert (again.status_code, again.content) == (200, first.content)
    twice = await web.post(f"/api/v1/bills/{held}/discard", headers=JSON)
    assert (twice.status_code, twice.json()["code"]) == (409, "BILL_TRANSITION")
    await web.post(f"/api/v1/bills/{draft}/approve", headers=JSON)
    late = await web.post(f"/api/v1/bills/{draft}/discard", headers=JSON)
    assert (late.status_code, late.json()["code"]) == (409, "BILL_TRANSITION")
    assert "bill withdraw" in late.text
    why = {"reason": "price mistyped"}
    back = await web.post(f"/api/v1/bills/{draft}/withdraw", json=why)
    assert (back.status_code, back.json()["state"]) == (200, "draft"), back.text
    twice = await web.post(f"/api/v1/bills/{draft}/withdraw", json=why)
    assert (twice.status_code, twice.json()["code"]) == (409, "BILL_TRANSITION")
    # The same by the page, where the approval stands.
    await web.post(f"/api/v1/bills/{draft}/approve", headers=JSON)
    page = (await web.get(f"/bills/{draft}")).text
    order = f'action="/bills/{draft}/withdraw"'
    token = page.split(order)[1].split('name="csrf_token" value="')[1].split('"')[0]
    done = await web.post(f"/bills/{draft}/withdraw", data={"csrf_token": token, **why})
    assert done.status_code == 303
    assert order not in (await web.get(f"/bills/{draft}")).text


async def test_the_page_of_an_open_bill_has_the_button_that_discards_it(
    web: httpx.AsyncClient, office: Office
) -> None:
    bill = office.bills["Okafor"]
    page = (await web.get(f"/bills/{bill}")).text
    order = f'action="/bills/{bill}/discard"'
    assert order in page
    token = page.split(order)[1].split('name="csrf_token" value="')[1].split('"')[0]
    done = await web.post(f"/bills/{bill}/discard", data={"csrf_token": token})
    assert done.status_code == 303
    page = (await web.get(f"/bills/{bill}")).text
    assert order not in page
    assert "discarded" in page


async def test_another_site_cannot_order_anything(web: httpx.AsyncClient, office: Office) -> None:
    bill = office.bills["Iturbe"]
    for headers in (
        {**JSON, "Origin": "https://evil.example"},
        {**JSON, "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ):
        refused = await web.post(f"/api/v1/bills/{bill}/approve", headers=headers)
        assert refused.status_code == 403, headers
    page = await web.post(f"/bills/{bill}/approve", data={"csrf_token": "0" * 64})
    assert page.status_code == 403
    assert (await web.get(f"/api/v1/bills/{bill}")).json()["state"] == "draft"


async def test_what_was_entered_by_mistake_is_withdrawn(web: httpx.AsyncClient) -> None:
    await web.post("/api/v1/service-points", json=POINT)
    agreed = {"account": "ES-4100", "service_point": "Bakery", "first": "2026-11-01"}
    place = {"service_point": "Bakery", "manufacturer": "MTL", "serial": "QX-900",
             "start": "2026-11-01T00:00:00+01:00"}  # fmt: skip
    await web.post("/api/v1/agreements", json={**agreed, "tariff": "residential-tou"})
    await web.post("/api/v1/installations", json=place)
    for what, order in (("agreements", agreed), ("installations", place)):
        asked = f"/api/v1/{what}/withdraw", {**order, "reason": "another house"}
        done = await web.post(asked[0], json=asked[1])
        assert (done.status_code, done.json()["effect"]) == (200, "changed"), done.text
        again = await web.post(asked[0], json=asked[1])
        assert (again.status_code, again.json()["code"]) == (409, "ALREADY_WITHDRAWN")
    account = (await web.get("/api/v1/accounts?search=ES-4100")).json()["items"][0]["account"]
    path = f"/api/v1/accounts/{account}/agreements"
    newest = (await web.get(path, params={"limit": "1"})).json()
    oldest = (await web.get(path, params={"limit": "1", "after": newest["after"]})).json()
    assert [(one["start"], one["withdrawn"]) for one in newest["items"] + oldest["items"]] == [
        ("2026-11-01", True),
        ("2026-10-01", False),
    ]
    assert oldest["after"] is None


async def test_a_fact_is_set_and_withdrawn(web: httpx.AsyncClient) -> None:
    fact = {"account": "ES-4100", "service_point": "Iturbe residence", "name": "tax_exempt",
            "effective": "2026-10-16", "reason": "a certificate came"}  # fmt: skip
    added = await web.post("/api/v1/agreements/facts", json={**fact, "value": "true"})
    answer = what_was_done(added)
    [warning] = answer.pop("warnings")
    assert warning.startswith("FACT_UNKNOWN: residential-tou needs no fact tax_exempt")
    assert (added.status_code, answer) == (
        201,
        {"effect": "added", "concerned": {}, "discarded": []},
    )
    gone = await web.post("/api/v1/agreements/facts/withdraw", json=fact)
    assert (gone.status_code, gone.json()["effect"]) == (200, "changed"), gone.text
    again = await web.post("/api/v1/agreements/facts/withdraw", json=fact)
    assert (again.status_code, again.json()["code"]) == (422, "NOT_REGISTERED")


async def test_an_account_is_erased_once(web: httpx.AsyncClient) -> None:
    await web.post("/api/v1/accounts", json={"number": "ES-7", "name": "Horno de Pan SL"})
    order = {"account": "ES-7", "reason": "asked for"}
    used = await web.post("/api/v1/accounts/erase", json={**order, "account": "ES-4100"})
    assert (used.status_code, used.json()["code"]) == (409, "ACCOUNT_IN_USE")
    done = await web.post("/api/v1/accounts/erase", json=order)
    assert (done.status_code, done.json()["effect"]) == (200, "changed"), done.text
    again = await web.post("/api/v1/accounts/erase", json=order)
    assert (again.status_code, again.json()["code"]) == (409, "ACCOUNT_ERASED")
    listed = (await web.get("/api/v1/accounts?search=ES-7")).json()["items"]
    assert [account["name"] for account in listed] == ["erased"]
