"""Every route by everybody, of their own and of another's: what is answered and what refused."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import ModuleType

import httpx
import psycopg
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from central import api
from central.adapters.timescale.pool import make_pool
from central.api import app as app_module
from central.api import routers
from central.api.access_rules import API, PUBLIC, RULES, SIGNED_IN
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.command_rules import RULES as COMMANDS
from central.dashboard import mount, pages
from central.domain.access.policy import ROLES, Permission, Role
from central.service.ports.people import NewPerson
from tests.integration.test_error_form import ALL
from tests.support.actors import CHIEF
from tests.support.office import NOW, Office
from tests.support.people import add_people, signed_in
from tests.support.servers import Database

OWN, ANOTHERS = "Okafor", "Iturbe"
NOWHERE = {"bill": "00000000-0000-7000-8000-000000000000", "name": "nowhere"}
LIMITED = "limited"  # a viewer of one group
# By hand, and not from the table: what no other role may, and what everybody is refused.
ONLY = {
    "POST /bills/{bill}/approve": {Role.APPROVER},
    "POST /runs/{run}/approve": {Role.APPROVER},
    f"POST {API}/bills/{{bill}}/approve": {Role.APPROVER},
    f"POST {API}/bills/{{bill}}/issue": {Role.BILLING_CLERK},
    f"POST {API}/ledger": {Role.BILLING_CLERK},
    f"POST {API}/people": {Role.ADMINISTRATOR},
    f"POST {API}/sessions/{{session}}/revoke": {Role.ADMINISTRATOR},
    f"PUT {API}/settings": {Role.ADMINISTRATOR},
    f"POST {API}/tariffs": {Role.ADMINISTRATOR},
    "POST /tariff-editor/publish": {Role.ADMINISTRATOR},
    f"POST {API}/accounts/erase": {Role.ADMINISTRATOR},
    f"GET {API}/audit": {Role.ADMINISTRATOR, Role.APPROVER},
    f"POST {API}/installations": {Role.INSTALLER, Role.OPERATOR},
    f"GET {API}/meters": set(Role) - {Role.CUSTOMER},
    f"GET {API}/accounts": set(Role) - {Role.CUSTOMER, Role.INSTALLER},
    f"GET {API}/me/sessions": set(Role),
}


def routes_of(package: ModuleType, prefix: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name != app_module.__name__:  # which puts the others together
            yield from routes_in(importlib.import_module(module.name), prefix)


def routes_in(module: ModuleType, prefix: str = "") -> Iterator[str]:
    for router in vars(module).values():
        if isinstance(router, APIRouter):
            for route in router.routes:
                assert isinstance(route, APIRoute), route
                yield from (f"{method} {prefix}{route.path}" for method in route.methods or ())


ROUTES = {
    *routes_of(routers, API),
    *routes_of(pages, ""),
    *routes_in(mount),
    *routes_of(api, ""),
    f"GET {API}/openapi.json",
}


@dataclass(frozen=True)
class Ids:
    """What a household's things are called in paths."""

    account: str
    bill: str
    point: str
    meter: str
    channel: str
    point_channel: str

    def path(self, route: str) -> str:
        """A route's address, of this household where it is about one."""
        path = route.partition(" ")[2]
        channel = self.channel if "/channels/{channel}" in path else self.point_channel
        names = {
            "account": self.account,
            "bill": self.bill,
            "point": self.point,
            "meter": self.meter,
            "channel": channel,
            "day": "2026-10-05",
            "line": "1",
            "number": "1",
            "place": "1",
            "session": "999",
            "key": "999",
            "version": "9",
            "since": "2026-01-01",
            "effective": "2026-01-01",
        }
        return re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], "nowhere"), path)


def ids_of(dsn: str, name: str, bill: object) -> Ids:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            """
            SELECT account.number, service_point.uid, meter_id, channel.id, point_channel.id
            FROM service_point
            JOIN agreement ON agreement.service_point_id = service_point.id
            JOIN account ON account.id = agreement.account_id
            JOIN installation ON installation.service_point_id = service_point.id
            JOIN channel USING (meter_id)
            JOIN point_channel ON point_channel.service_point_id = service_point.id
            WHERE service_point.name LIKE %s || '%%' LIMIT 1""",
            (name,),
        ).fetchone()
    assert row is not None
    account, point, meter, channel, point_channel = map(str, row)
    return Ids(account, str(bill), point, meter, channel, point_channel)


NOBODYS = Ids("A-none", NOWHERE["bill"], NOWHERE["bill"], "999999", "999999", "999999")


@dataclass
class World:
    app: FastAPI
    own: Ids
    anothers: Ids
    clients: dict[str, httpx.AsyncClient]


@pytest.fixture
async def world(plain_filled: Database) -> AsyncIterator[World]:
    async with make_pool(plain_filled.dsn, max_size=4) as pool, AsyncExitStack() as stack:
        office = Office(pool)
        await office.open()
        services = office.services()
        for name in (OWN, ANOTHERS):
            await services.approve.one(office.bills[name], CHIEF)
            await services.issue.one(office.bills[name], CHIEF)
        own = ids_of(plain_filled.dsn, OWN, office.bills[OWN])
        anothers = ids_of(plain_filled.dsn, ANOTHERS, office.bills[ANOTHERS])
        with psycopg.connect(plain_filled.dsn) as connection:
            connection.execute("INSERT INTO named_group (name, of) VALUES ('north', 'point')")
            connection.execute(
                "INSERT INTO group_member (group_id, of, service_point_id, from_day)"
                " SELECT named_group.id, 'point', service_point.id, '2026-01-01'"
                " FROM named_group, service_point WHERE service_point.uid::text = %s",
                (own.point,),
            )
        app = create_app(services, WebSettings())
        mine = frozenset({own.account})
        people = {
            role.value: NewPerson(
                role, frozenset({role}), accounts=mine if role is Role.CUSTOMER else frozenset()
            )
            for role in Role
        }
        people[LIMITED] = NewPerson(LIMITED, frozenset({Role.VIEWER}), frozenset({"north"}))
        await add_people(services.people, NOW, **people)
        clients = {
            name: await stack.enter_async_context(await signed_in(app, name, NOW))
            for name in people
        }
        yield World(app, own, anothers, clients)


async def is_refused(client: httpx.AsyncClient, route: str, ids: Ids) -> bool:
    """Whether the policy refuses a route; else whatever it answers is no matter of it."""
    method = route.partition(" ")[0]
    answer = await client.request(method, ids.path(route), content=b"")
    assert answer.status_code < 500, (route, answer.text)
    assert answer.status_code != 401, (route, answer.text)
    if route == "GET /":  # who may not see the overview is led to their own page
        return bool(answer.headers.get("location") == "/me")
    text = answer.text if answer.status_code == 403 else ""
    refused = '"NOT_PERMITTED"' in text or " may not " in text or "outside of what" in text
    assert refused or answer.status_code != 403, (route, text)
    return refused


def test_every_route_and_every_command_has_a_rule_and_every_rule_a_route() -> None:
    ruled = set(RULES) | SIGNED_IN | PUBLIC
    assert ruled == ROUTES
    assert not set(RULES) & (SIGNED_IN | PUBLIC)
    acting = {
        words
        for program, words, command in ALL
        if any("--as" in option.opts for option in command.params)
    }
    assert acting == set(COMMANDS)


async def test_each_role_is_given_what_the_policy_says_and_nothing_else(world: World) -> None:
    for route, rule in sorted(RULES.items()):
        for role in Role:
            refused = await is_refused(world.clients[role], route, NOBODYS)
            wanted = rule.permission not in ROLES[role]
            assert refused == wanted, (route, role)
            if route in ONLY:
                assert refused == (role not in ONLY[route]), (route, role)


async def test_whoever_is_limited_sees_their_own_and_nobody_elses(world: World) -> None:
    limited, customer = world.clients[LIMITED], world.clients[Role.CUSTOMER]
    seen = set()
    for route, rule in sorted(RULES.items()):
        if not route.startswith("GET ") or rule.permission not in ROLES[Role.VIEWER]:
            continue
        named = "{" in route and rule.whose not in {"nobody's", "everybody's"}
        assert await is_refused(limited, route, world.anothers) == (rule.whose != "nobody's"), route
        assert await is_refused(limited, route, world.own) == (rule.whose == "everybody's"), route
        if named:
            seen.add(rule.whose)
            # An identifier that is nowhere is refused in the same words.
            assert await is_refused(limited, route, NOBODYS), route
        if rule.permission is not Permission.OWN_SIGN_IN:
            assert await is_refused(customer, route, world.anothers), route
            asked = rule.customers is not None
            assert await is_refused(customer, route, world.own) != asked, route
    assert seen == {"account", "bill", "point", "meter", "meter channel", "point channel"}


async def test_a_customer_sees_no_draft_and_lists_own_bills(world: World) -> None:
    customer = world.clients[Role.CUSTOMER]
    listed = (await customer.get("/api/v1/me/bills")).json()["items"]
    assert [bill["bill"] for bill in listed] == [world.own.bill]
    assert (await customer.get(f"/api/v1/bills/{world.own.bill}/invoice.pdf")).status_code == 200
    page = await customer.get("/me")
    assert world.own.bill in page.text
    assert 'href="/meters"' not in page.text


async def test_nobody_is_let_in_without_a_sign_in(world: World) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(world.app), base_url="http://127.0.0.1"
    ) as nobody:
        for route in sorted(ROUTES - PUBLIC):
            method = route.partition(" ")[0]
            answer = await nobody.request(method, world.own.path(route))
            page = not route.split(" ")[1].startswith(API) and method == "GET"
            assert answer.status_code == (303 if page else 401), route


async def test_a_route_without_a_rule_is_refused_to_everybody(world: World) -> None:
    @world.app.get("/api/v1/forgotten")
    async def forgotten() -> str:
        return "secret"

    for client in world.clients.values():
        answer = await client.get("/api/v1/forgotten")
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_PERMITTED")
