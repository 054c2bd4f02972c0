"""Sign-in with a code of an app: each lets in once, and recovery codes where the app is lost."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import psycopg
import pyotp
import pytest
from argon2 import PasswordHasher

from central.adapters.argon2_hashes import Argon2Hashes
from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.sealed_box import AesSealedBox
from central.api.settings import WebSettings
from central.domain.access.policy import Role
from central.service.people.second_factor import SecondFactors
from central.service.ports.people import NewPerson
from tests.integration.central.test_people import START, Centre, csrf, send
from tests.support.actors import OPERATOR, person
from tests.support.office import Office
from tests.support.people import PASSWORD, add_people
from tests.support.servers import Database

SECRET = b"another-correct-horse-battery-staple"


@pytest.fixture
async def centre(plain_migrated: Database) -> AsyncIterator[Centre]:
    async with make_pool(plain_migrated.dsn, max_size=4) as pool:
        services = Office(pool).services(lambda: made.now)
        settings = WebSettings(secret=SECRET, lasting_key=True)
        made = Centre(create_app(services, settings), pool, START)
        cheap = Argon2Hashes(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        services.people._hashes = cheap
        await add_people(services.people, START, bob=NewPerson("bob", frozenset({Role.VIEWER})))
        invited = await services.people.invite("bob", OPERATOR)
        await services.people.choose_password("bob", invited.code, PASSWORD)
        yield made


async def sign_in(centre: Centre, code: str = "") -> int:
    async with centre.client() as browser:
        fields = {"name": "bob", "password": PASSWORD, "code": code}
        return (await send(browser, "/sign-in", **fields)).status_code


async def set_up(centre: Centre, bob: httpx.AsyncClient) -> tuple[pyotp.TOTP, list[str]]:
    page = await bob.get("/me")
    begun = await bob.post("/me/second-factor", data={"csrf_token": csrf(page.text)})
    match = re.search(r"<code>([A-Z2-7]{32})</code>", begun.text)
    assert match is not None, begun.text
    assert "otpauth://totp/Meterline:bob?secret=" in begun.text
    totp = pyotp.TOTP(match[1])
    assert await sign_in(centre) == 303  # nothing is asked before a code was given
    form = {"csrf_token": csrf(page.text), "code": "000000"}
    wrong = await bob.post("/me/second-factor/confirm", data=form)
    assert "not that of the app" in wrong.text
    form["code"] = totp.at(centre.now)
    done = await bob.post("/me/second-factor/confirm", data=form)
    recovery = re.findall(r"<code>([0-9a-f]{20})</code>", done.text)
    assert len(set(recovery)) == 8
    return totp, recovery


async def test_a_code_lets_in_once_and_none_of_before(
    centre: Centre, plain_migrated: Database
) -> None:
    async with await centre.person("bob") as bob:
        totp, recovery = await set_up(centre, bob)
        assert await sign_in(centre) == 403
        # The code that confirmed is used up, and so are those of before.
        assert await sign_in(centre, totp.at(centre.now)) == 403
        assert await sign_in(centre, totp.at(centre.now - timedelta(seconds=30))) == 403
        centre.now += timedelta(seconds=30)
        code = totp.at(centre.now)
        assert await sign_in(centre, f"{code[:3]} {code[3:]}") == 303
        assert await sign_in(centre, code) == 403
        centre.now += timedelta(seconds=90)
        old = totp.at(centre.now - timedelta(seconds=60))
        assert await sign_in(centre, old) == 403
        assert await sign_in(centre, totp.at(centre.now + timedelta(seconds=30))) == 303
        assert await sign_in(centre, totp.at(centre.now)) == 403
        centre.now += timedelta(minutes=10)
        assert await sign_in(centre, recovery[0]) == 303
        assert await sign_in(centre, recovery[0]) == 403
        with psycopg.connect(plain_migrated.dsn) as connection:
            text = str(connection.execute("SELECT person.* FROM person").fetchall())
            text += str(connection.execute("SELECT * FROM recovery_code").fetchall())
            row = connection.execute("SELECT totp_secret FROM person WHERE name = 'bob'").fetchone()
            actions = connection.execute("SELECT action FROM audit_log WHERE subject = 'bob'")
            assert {("person.second_factor_set",), ("person.recovery_code_used",)} < set(actions)
        assert row is not None
        assert totp.secret.encode() not in row[0]
        assert not any(secret in text for secret in (totp.secret, *recovery))


async def test_it_ends_by_a_code_by_an_administrator_and_not_by_another_key(
    centre: Centre,
) -> None:
    async with await centre.person("bob") as bob, await centre.person("chair") as chair:
        _, recovery = await set_up(centre, bob)
        token = csrf((await bob.get("/me")).text)
        again = await bob.post("/me/second-factor", data={"csrf_token": token})
        assert "has a second factor" in again.text
        form = {"csrf_token": token, "code": "000000"}
        assert "none to recover" in (await bob.post("/me/second-factor/end", data=form)).text
        form["code"] = recovery[1]
        assert (await bob.post("/me/second-factor/end", data=form)).status_code == 303
        assert await sign_in(centre) == 303
        assert await sign_in(centre, recovery[2]) == 303  # no code is looked at
        totp, recovery = await set_up_again(centre, bob)
        store = centre.app.state.services.second_factor_store
        centre.now += timedelta(seconds=30)
        others = SecondFactors(store, AesSealedBox(b"x" * 32), lambda: centre.now)
        assert not await others.lets_in("bob", totp.at(centre.now), person("bob"))
        assert await sign_in(centre) == 403
        page = await chair.get("/people")
        reset = {"csrf_token": csrf(page.text), "reason": "lost the phone"}
        assert (await chair.post("/people/bob/reset-second-factor", data=reset)).status_code == 303
        assert await sign_in(centre) == 303


async def set_up_again(centre: Centre, bob: httpx.AsyncClient) -> tuple[pyotp.TOTP, list[str]]:
    centre.now += timedelta(minutes=10)  # codes of before stay used up
    return await set_up(centre, bob)


async def test_it_needs_a_key_that_outlives_a_restart(plain_migrated: Database) -> None:
    async with make_pool(plain_migrated.dsn) as pool:
        services = Office(pool).services(lambda: START)
        made = Centre(create_app(services, WebSettings()), pool, START)
        await add_people(services.people, START)
        async with await made.person("chair") as chair:
            token = csrf((await chair.get("/me")).text)
            refused = await chair.post("/me/second-factor", data={"csrf_token": token})
            assert "METERLINE_WEB_SECRET" in refused.text
