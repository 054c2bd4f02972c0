"""Secrets of people, keys and settings are in no log, figure, repr or row of a backup."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from central.api.access_middleware import CSRF_HEADER
from central.api.settings import WebSettings
from central.config.ingest import IngestSettings
from central.config.settings import Settings
from central.domain.access.policy import Role
from central.service.ports.people import NewPerson
from edge_agent.config.settings import BrokerSettings
from tests.integration.central.test_people import TOKEN, Centre, centre, choose, csrf, sign_in
from tests.support.actors import OPERATOR
from tests.support.people import add_people
from tests.support.servers import Database

__all__ = ["centre"]
CANARY = "canary-tweety-sings-at-dawn-0123456789"
TABLES = """\
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE '%timescaledb%'
"""


def stored(database: Database) -> str:
    """Every row of every table, as a backup has them."""
    with psycopg.connect(database.dsn, autocommit=True) as owner:
        tables = owner.execute(TABLES).fetchall()
        assert len(tables) > 50
        return "\n".join(
            str(row)
            for schema, name in tables
            for row in owner.execute(
                psycopg.sql.SQL("SELECT to_jsonb(one)::text FROM {} AS one").format(
                    psycopg.sql.Identifier(schema, name)
                )
            )
        )


async def test_what_lets_people_in_is_logged_and_stored_nowhere(
    centre: Centre, plain_migrated: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await add_people(centre.people, centre.now, bob=NewPerson("bob", frozenset({Role.VIEWER})))
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        code = (await centre.people.invite("bob", OPERATOR)).code
        async with centre.client(TOKEN) as token, centre.client() as browser:
            assert (await token.get("/api/v1/meters")).status_code == 401
            assert (await choose(browser, "bob", "wrong-code-of-nobody", CANARY)).status_code == 403
            assert (await choose(browser, "bob", code, CANARY)).status_code == 303
            wrong = f"{CANARY}-mistyped"
            assert (await sign_in(browser, "bob", wrong)).status_code == 403
            centre.now += timedelta(minutes=1)
            assert (await sign_in(browser, "bob", CANARY)).status_code == 303
            cookie = next(value for name, value in browser.cookies.items() if "session" in name)
            order = {"label": "reads", "permissions": ["read-field"], "days": 9}
            page = await browser.get("/me")
            proof = {CSRF_HEADER: csrf(page.text)}
            given = await browser.post("/api/v1/me/keys", json=order, headers=proof)
            key = given.json()["key"]
            async with centre.client(key) as program:
                assert (await program.get("/api/v1/gateways")).status_code == 200
            async with centre.client(f"{key}x") as guesser:
                assert (await guesser.get("/api/v1/gateways")).status_code == 401
                await guesser.get(f"/api/v1/points/{'x' * 300}")
    secrets = {
        "password": CANARY,
        "code": code,
        "wrong code": "wrong-code-of-nobody",
        "cookie": cookie,
        "key": key,
        "token": TOKEN,
    }
    assert all(len(secret) >= 8 for secret in secrets.values())
    logged = json.dumps(logs, default=str) + caplog.text
    assert "password_chosen" in logged
    rows = stored(plain_migrated)
    assert "bob" in rows
    for name, secret in secrets.items():
        assert secret not in logged, name
        assert secret not in rows, name


def test_settings_show_no_secret() -> None:
    dsn = f"postgresql://meterline:{CANARY}@localhost/meterline"
    fields = {
        name: dsn if "database" in name else f"{CANARY}-{name}"
        for kind in (Settings, IngestSettings)
        for name, field in kind.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert {"web_token", "web_secret", "oidc_secret", "smtp_password"} <= {*fields}
    for kind in (Settings, IngestSettings):
        given = kind.model_validate({n: v for n, v in fields.items() if n in kind.model_fields})
        for shown in (repr(given), str(given), str(given.model_dump()), given.model_dump_json()):
            assert CANARY not in shown
    for one in (
        WebSettings(token=CANARY),
        BrokerSettings(url="mqtt://localhost", username="gw-1", password=SecretStr(CANARY)),
    ):
        assert CANARY not in repr(one)
        assert CANARY not in str(one)


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/health", "/live", "/ready"])
async def test_whoever_watches_sees_no_secret(centre: Centre, path: str) -> None:
    async with centre.client(TOKEN) as token:
        answer: httpx.Response = await token.get(path)
    assert answer.status_code < 500
    assert TOKEN not in answer.text + str(answer.headers)
