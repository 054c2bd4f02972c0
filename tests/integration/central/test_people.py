"""People from the first administrator's code to a revoked key, at the pages and the API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from typer.testing import CliRunner

from central.adapters.argon2_hashes import Argon2Hashes
from central.adapters.timescale.pool import Pool, make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app as commands
from central.domain.access.policy import Role
from central.service.people.people import People
from central.service.ports.people import NewPerson
from tests.support.actors import OPERATOR, person
from tests.support.office import Office
from tests.support.people import PASSWORD, add_people, signed_in
from tests.support.servers import Database

TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Centre:
    """A centre with a token, on a clock that the test turns."""

    app: FastAPI
    pool: Pool
    now: datetime

    @property
    def people(self) -> People:
        people: People = self.app.state.services.people
        return people

    def client(self, bearer: str | None = None) -> httpx.AsyncClient:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)

    async def person(self, name: str) -> httpx.AsyncClient:
        return await signed_in(self.app, name, self.now)


@pytest.fixture
async def centre(plain_migrated: Database) -> AsyncIterator[Centre]:
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        services = Office(pool).services(lambda: made.now)
        made = Centre(create_app(services, WebSettings(token=TOKEN)), pool, START)
        # A hash that costs little, so that a test is quick.
        cheap = Argon2Hashes(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        services.people._hashes = cheap
        yield made


def csrf(page: str) -> str:
    match = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert match is not None
    return match[1]


async def send(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    page = await client.get(path)
    return await client.post(path, data={**fields, "csrf_token": csrf(page.text)})


async def sign_in(client: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    return await send(client, "/sign-in", name=name, password=password)


async def choose(client: httpx.AsyncClient, name: str, code: str, password: str) -> httpx.Response:
    return await send(client, "/welcome", name=name, code=code, password=password, again=password)


async def test_the_first_administrator_comes_by_a_code_and_ends_the_token(centre: Centre) -> None:
    async with centre.client(TOKEN) as token, centre.client() as browser:
        assert (await token.get("/api/v1/meters")).status_code == 200
        viewer = {"name": "ana", "roles": ["viewer"]}
        first = await token.post("/api/v1/people", json=viewer)
        assert (first.status_code, first.json()["code"]) == (409, "PERSON_REFUSED")
        order = {"name": "ana", "roles": ["administrator"]}
        added = (await token.post("/api/v1/people", json=order)).json()
        # From now on the token opens nothing, and nothing is open unasked.
        assert (await token.get("/api/v1/meters")).status_code == 401
        assert (await send(browser, "/sign-in", token=TOKEN)).status_code == 403
        assert (await choose(browser, "ana", "wrong", PASSWORD)).status_code == 403
        assert (await choose(browser, "bob", added["code"], PASSWORD)).status_code == 403
        assert "12 to 256" in (await choose(browser, "ana", added["code"], "short")).text
        assert (
            "name in it"
            in (await choose(browser, "ana", added["code"], "this is ana and a dog")).text
        )
        done = await choose(browser, "Ana", added["code"], PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
        assert (await choose(browser, "ana", added["code"], PASSWORD)).status_code == 403
        centre.now += timedelta(seconds=1)
        assert (await sign_in(browser, "ANA", PASSWORD)).status_code == 303
        me = (await browser.get("/api/v1/me")).json()
        assert (me["name"], me["kind"], me["limited"]) == ("ana", "person", False)
        assert "ana" in (await browser.get("/people")).text


async def test_an_open_loopback_closes_with_the_first_person(plain_migrated: Database) -> None:
    async with make_pool(plain_migrated.dsn) as pool:
        services = Office(pool).services()
        app = create_app(services, WebSettings())
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client:
            assert (await client.get("/api/v1/meters")).status_code == 200
            await add_people(services.people, START)
            assert (await client.get("/api/v1/meters")).status_code == 401
            order = {"name": "eve", "roles": ["administrator"]}
            assert (await client.post("/api/v1/people", json=order)).status_code == 401


async def test_wrong_names_and_wrong_passwords_are_answered_alike_and_slowed(
    centre: Centre,
) -> None:
    await add_people(
        centre.people,
        START,
        bob=NewPerson("bob", frozenset({Role.VIEWER})),
        eva=NewPerson("eva", frozenset({Role.VIEWER})),
    )
    for name in ("bob", "eva"):
        invited = await centre.people.invite(name, OPERATOR)
        await centre.people.choose_password(name, invited.code, PASSWORD)
    await centre.people.set_disabled("eva", OPERATOR, "left", disabled=True)
    async with centre.client() as browser:
        answers = [
            await sign_in(browser, name, word)
            for name, word in (
                ("bob", "wrong word here"),
                ("nobody", PASSWORD),
                ("chair", PASSWORD),  # has yet to choose one
                ("eva", PASSWORD),  # disabled
            )
        ]
        pages = {(each.status_code, re.sub(r"value=\"\w+\"", "", each.text)) for each in answers}
        assert len(pages) == 1
        assert answers[0].status_code == 403
        assert "The name, the password or the code is wrong." in answers[0].text
        assert (await sign_in(browser, "bob", "wrong")).status_code == 403
        late = await sign_in(browser, "bob", PASSWORD)
        assert (late.status_code, late.headers["retry-after"]) == (429, "1")
        centre.now += timedelta(seconds=1)
        assert (await sign_in(browser, "bob", PASSWORD)).status_code == 303


async def test_a_hash_is_looked_at_also_where_nobody_has_the_name() -> None:
    looked_at = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            looked_at.append(hash)
            return super().verify(hash, password)

    hashes = Argon2Hashes(Counting(time_cost=1, memory_cost=64, parallelism=1))
    hashed = await hashes.of(PASSWORD)
    assert await hashes.is_right(PASSWORD, hashed)
    assert not await hashes.is_right("another", hashed)
    assert not await hashes.is_right(PASSWORD, None)
    assert len(looked_at) == 3
    assert {str(each).rsplit("$", 2)[0] for each in looked_at} == {"$argon2id$v=19$m=64,t=1,p=1"}
    assert Argon2Hashes().is_outdated(hashed)


async def test_roles_count_from_the_next_request_and_nobody_changes_their_own(
    centre: Centre,
) -> None:
    await add_people(centre.people, START, bob=NewPerson("bob", frozenset({Role.VIEWER})))
    async with await centre.person("chair") as chair, await centre.person("bob") as bob:
        assert (await bob.get("/api/v1/audit")).status_code == 403
        order = {"roles": ["approver"], "reason": "month's end"}
        assert (await chair.post("/api/v1/people/bob/roles", json=order)).status_code == 200
        assert (await bob.get("/api/v1/audit")).status_code == 200
        assert (await bob.get("/audit")).status_code == 200
        own = await chair.post("/api/v1/people/chair/roles", json=order)
        assert own.json()["code"] == "PERSON_REFUSED"
        last = await chair.post("/api/v1/people/chair/disable", json={"reason": "bye"})
        assert last.json()["code"] == "PERSON_REFUSED"
        with pytest.raises(Exception, match="last administrator"):
            await centre.people.set_disabled("chair", person("bob"), "coup", disabled=True)
        for roles in (["customer", "viewer"], ["customer"]):
            refused = await chair.post("/api/v1/people", json={"name": "cus", "roles": roles})
            assert refused.json()["code"] == "PERSON_REFUSED"
        taken = await chair.post("/api/v1/people", json={"name": "BOB", "roles": ["viewer"]})
        assert "or was, called" in taken.json()["detail"]
        assert (await chair.post("/api/v1/people/bob/disable", json={"reason": "left"})).is_success
        assert (await bob.get("/api/v1/me")).status_code == 401
        again = {"reason": "back"}
        assert (await chair.post("/api/v1/people/bob/enable", json=again)).is_success
        # The sign-ins of before stay ended.
        assert (await bob.get("/api/v1/me")).status_code == 401


async def test_people_list_and_end_their_own_sign_ins_and_an_administrator_everybodys(
    centre: Centre,
) -> None:
    await add_people(centre.people, START, bob=NewPerson("bob", frozenset({Role.VIEWER})))
    async with (
        await centre.person("chair") as chair,
        await centre.person("bob") as bob,
        await centre.person("bob") as second,
    ):
        why = {"reason": "lost laptop"}
        (newest, _) = own = (await bob.get("/api/v1/me/sessions")).json()["items"]
        (chairs,) = (await chair.get("/api/v1/me/sessions")).json()["items"]
        assert {each["account"] for each in own} == {"bob"}
        stolen = await bob.post(f"/api/v1/me/sessions/{chairs['number']}/revoke", json=why)
        assert stolen.status_code == 404
        assert (await chair.get("/api/v1/me")).status_code == 200
        path = f"/api/v1/me/sessions/{newest['number']}/revoke"
        assert (await bob.post(path, json=why)).json() == {"ended": [newest["number"]]}
        assert (await second.get("/api/v1/me")).status_code == 401
        everybody = (await chair.get("/api/v1/sessions")).json()["items"]
        assert {each["account"] for each in everybody} == {"bob", "chair"}
        (bobs,) = (each["number"] for each in everybody if each["account"] == "bob")
        assert (await chair.post(f"/api/v1/sessions/{bobs}/revoke", json=why)).is_success
        assert (await bob.get("/api/v1/me")).status_code == 401


async def test_a_key_does_what_it_was_given_for_until_it_ends(centre: Centre) -> None:
    clerk = NewPerson("bob", frozenset({Role.BILLING_CLERK}))
    await add_people(centre.people, START, bob=clerk)
    async with await centre.person("bob") as bob, await centre.person("chair") as chair:
        page = await bob.get("/me")
        assert "Give a program a key" in page.text
        for permissions in (["approve"], ["own-sign-in"], ["change-people"], []):
            order = {"label": "x", "permissions": permissions, "days": 9}
            refused = await bob.post("/api/v1/me/keys", json=order)
            assert refused.json()["code"] == "PERSON_REFUSED", permissions
        order = {"label": "meter import", "permissions": ["read-field", "post-entries"], "days": 9}
        given = await bob.post("/api/v1/me/keys", json=order)
        assert given.status_code == 201
        secret = given.json()["key"]
        second = (await bob.post("/api/v1/me/keys", json={**order, "days": 30})).json()
        async with centre.client(secret) as program:
            assert (await program.get("/api/v1/gateways")).status_code == 200
            assert (await program.get("/api/v1/meters")).status_code == 403
            assert (await program.get("/api/v1/me/keys")).status_code == 403
            me = (await program.get("/api/v1/me")).json()
            assert (me["name"], me["permissions"]) == ("bob", ["post-entries", "read-field"])
            # A key opens no page, and never does more than its person may.
            assert (await program.get("/meters")).status_code == 303
            (_, key) = (await bob.get("/api/v1/me/keys")).json()["items"]
            assert key["seen_at"] == "2026-11-20T12:00:00Z"
            assert secret not in json.dumps(key)
            roles = {"roles": ["viewer"], "reason": "moved"}
            await chair.post("/api/v1/people/bob/roles", json=roles)
            assert (await program.get("/api/v1/me")).json()["permissions"] == ["read-field"]
            centre.now += timedelta(days=9, seconds=-1)
            assert (await program.get("/api/v1/gateways")).status_code == 200
            centre.now += timedelta(seconds=1)
            assert (await program.get("/api/v1/gateways")).status_code == 401
        async with await centre.person("bob") as again, centre.client(second["key"]) as program:
            assert (await program.get("/api/v1/gateways")).status_code == 200
            path = f"/api/v1/me/keys/{second['number']}/revoke"
            assert (await again.post(path, json={"reason": "leaked"})).is_success
            assert (await program.get("/api/v1/gateways")).status_code == 401
            assert (await again.post(path, json={"reason": "leaked"})).status_code == 404


async def test_no_password_code_or_key_stands_in_the_database_or_the_log(
    centre: Centre, plain_migrated: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    await add_people(centre.people, START, bob=NewPerson("bob", frozenset({Role.VIEWER})))
    invited = await centre.people.invite("bob", OPERATOR)
    async with centre.client() as browser:
        assert (await choose(browser, "bob", invited.code, PASSWORD)).status_code == 303
        assert (await sign_in(browser, "bob", PASSWORD + "x")).status_code == 403
        assert (await sign_in(browser, "bob", PASSWORD)).status_code == 303
        page = await browser.get("/me")
        form = {"label": "p", "days": "9", "may-read-field": "on", "csrf_token": csrf(page.text)}
        shown = (await browser.post("/me/keys", data=form)).text
        (key,) = re.findall(r"mlk_[\w-]{43}", shown)
        assert key not in (await browser.get("/me")).text
        async with centre.client(key) as program:
            assert (await program.get("/api/v1/gateways")).status_code == 200
        secrets = {PASSWORD, PASSWORD + "x", invited.code, key}
    printed = capsys.readouterr()
    assert "sign_in_failed" in printed.out + printed.err
    with psycopg.connect(plain_migrated.dsn) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            " AND table_type = 'BASE TABLE'"
        ).fetchall()
        texts = [printed.out, printed.err]
        for (table,) in tables:
            query = f"SELECT string_agg(to_jsonb(t)::text, '') FROM \"{table}\" t"  # noqa: S608
            texts.append(str(connection.execute(query.encode()).fetchone()))
        actions = connection.execute("SELECT action, subject FROM audit_log ORDER BY id")
        assert ("person.password_set", "bob") in actions.fetchall()
    assert not any(secret in text for secret in secrets for text in texts)


async def test_the_database_takes_no_approver_who_is_none(plain_filled: Database) -> None:
    async with make_pool(plain_filled.dsn) as pool:
        office = Office(pool)
        await office.open()
        people = office.services().people
        await add_people(
            people,
            START,
            bob=NewPerson("bob", frozenset({Role.BILLING_CLERK})),
            eva=NewPerson("eva", frozenset({Role.APPROVER})),
        )
    by = "UPDATE bill SET state = 'approved', approver = %s WHERE uid = %s"
    bill = office.bills["Okafor"]
    with psycopg.connect(plain_filled.dsn, autocommit=True) as connection:
        for name in ("bob", "token:operator", "somebody"):
            with pytest.raises(psycopg.errors.RestrictViolation, match="is not an approver"):
                connection.execute(by, (name, bill))
        connection.execute("UPDATE person SET disabled_at = added_at WHERE name = 'eva'")
        with pytest.raises(psycopg.errors.RestrictViolation, match="is not an approver"):
            connection.execute(by, ("eva", bill))
        connection.execute("UPDATE person SET disabled_at = NULL WHERE name = 'eva'")
        connection.execute(
            "UPDATE bill SET contributors = contributors || '{eva}' WHERE uid = %s", (bill,)
        )
        with pytest.raises(psycopg.Error, match="four_eyes"):
            connection.execute(by, ("eva", bill))
        with pytest.raises(psycopg.errors.RestrictViolation, match="keeps their name"):
            connection.execute("UPDATE person SET name = 'bob2' WHERE name = 'bob'")
        with pytest.raises(psycopg.errors.RestrictViolation, match="keeps their name"):
            connection.execute("DELETE FROM person WHERE name = 'chair'")


async def test_nobody_is_given_what_another_was_answered(centre: Centre) -> None:
    clerk = frozenset({Role.BILLING_CLERK})
    await add_people(centre.people, START, bob=NewPerson("bob", clerk), eva=NewPerson("eva", clerk))
    key, order = {"Idempotency-Key": "k1"}, {"group": "north", "of": "point", "reason": "r"}
    async with await centre.person("bob") as bob, await centre.person("eva") as eva:
        first = await bob.post("/api/v1/groups", json=order, headers=key)
        assert first.is_success, first.text
        again = await bob.post("/api/v1/groups", json=order, headers=key)
        assert again.headers["idempotent-replayed"] == "true"
        other = await eva.post("/api/v1/groups", json=order, headers=key)
        assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_commands_act_in_the_name_of_somebody_who_may(
    plain_migrated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_DATABASE", plain_migrated.dsn_as("meterline_app"))
    monkeypatch.setenv("METERLINE_ACTOR", "root-of-the-server")

    async def run(words: str, code: int = 0) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, commands, words.split())
        assert done.exit_code == code, done.output
        return done.output

    assert "nobody yet" in await run("user list")
    first = json.loads(await run("user add ana --role administrator --json"))
    assert first["name"] == "ana"
    refused = await run("user add bob --role billing-clerk", code=2)
    assert "NOT_PERMITTED: root-of-the-server may not" in refused
    await run("user add bob --role billing-clerk --as ana")
    await run("group add north --of point --as bob")
    assert "NOT_PERMITTED: ana may not" in await run("group add south --of point --as ana", code=2)
    assert "roles that may: approver" in await run("bill approve A-9/2026-01 --as bob", code=2)
    await run("user add eva --role viewer --group north --as ana")
    given = json.loads(
        await run("api-key give bob --label load --may post-entries --days 30 --as ana --json")
    )
    assert given["key"].startswith("mlk_")
    assert "post-entries" in await run("api-key list")
    assert "revoked" in await run(f"api-key revoke {given['number']} --reason done --as ana")
    await run("user roles eva --role operator --reason more --as ana")
    await run("user disable bob --reason left --as ana")
    assert "NOT_PERMITTED: bob may not" in await run("group add west --of point --as bob", code=2)
    await run("user enable bob --reason back --as ana")
    assert "Code of bob" in await run("user invite bob --reason forgotten --as ana")
    listed = json.loads(await run("user list --json"))
    assert [(each["name"], each["roles"]) for each in listed] == [
        ("ana", ["administrator"]),
        ("bob", ["billing-clerk"]),
        ("eva", ["operator"]),
    ]
