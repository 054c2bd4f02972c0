"""Sign-in as a browser meets it: behind a proxy, throttled, ended and revoked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from starlette.requests import Request

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.web_sessions import TimescaleWebSessions
from central.api.access_middleware import client_origin
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.domain.access.policy import Principal
from central.domain.actor import Actor, ActorKind, Via
from central.service.ports.decisions import DecisionNote
from central.service.ports.web_sessions import IDLE
from firmware_bridge.contract.errors import ConfigurationError
from tests.support.actors import OPERATOR
from tests.support.office import Office
from tests.support.servers import Database

TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
# All of 127.0.0.0/8 is this machine: a proxy of its own address, that nobody trusts unasked.
PROXY, FORWARDED = "127.0.0.5", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
SESSION = "meterline_session"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Browser:
    """Keeps cookies by name, whatever the scheme is: the proxy's TLS is left out."""

    def __init__(self, address: str, headers: dict[str, str], source: str) -> None:
        transport = httpx.AsyncHTTPTransport(local_address=source)
        self._web = httpx.AsyncClient(transport=transport, base_url=address, trust_env=False)
        self._headers = headers
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    async def ask(
        self, method: str, path: str, data: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **self._headers}
        answer = await self._web.request(method, path, data=data, headers=sent)
        self.set_cookies = answer.headers.get_list("set-cookie")
        for line in self.set_cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    async def sign_in(self, token: str = TOKEN) -> httpx.Response:
        form = await self.ask("GET", "/sign-in")
        return await self.ask("POST", "/sign-in", {"token": token, "csrf_token": csrf(form.text)})

    async def close(self) -> None:
        await self._web.aclose()


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert found is not None
    return found[1]


class Served:
    def __init__(self, address: str, clock: Clock, store: TimescaleWebSessions) -> None:
        self.address, self.clock, self.store = address, clock, store
        self.browsers: list[Browser] = []

    def browser(self, headers: dict[str, str] | None = None, source: str = "127.0.0.1") -> Browser:
        self.browsers.append(Browser(self.address, headers or {}, source))
        return self.browsers[-1]


@asynccontextmanager
async def served(database: Database, *proxies: str) -> AsyncIterator[Served]:
    settings = WebSettings(port=0, token=TOKEN, trusted_proxies=proxies)
    async with make_pool(database.dsn) as pool:
        clock = Clock()
        services = Office(pool).services(clock)
        async with serving(create_app(services, settings), services, settings) as address:
            made = Served(address, clock, TimescaleWebSessions(pool))
            yield made
            for browser in made.browsers:
                await browser.close()


async def test_behind_a_declared_proxy_sign_in_works_and_cookies_are_of_this_host_alone(
    plain_migrated: Database,
) -> None:
    async with served(plain_migrated, "127.0.0.4/31") as made:
        browser = made.browser(
            {**FORWARDED, "Origin": made.address.replace("http:", "https:")}, PROXY
        )
        answer = await browser.sign_in()
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        (line,) = browser.set_cookies
        assert line.startswith(f"__Host-{SESSION}=")
        assert all(part in line for part in ("; Secure", "; HttpOnly", "; Path=/;", "SameSite=Lax"))
        assert "Domain" not in line
        assert (await browser.ask("GET", "/meters")).status_code == 200
        # The address is the browser's, not the proxy's.
        (session,) = await made.store.sessions(made.clock.now, IDLE)
        assert session.address == "203.0.113.7"
        clear = made.browser({"X-Forwarded-For": "203.0.113.7"}, PROXY)
        refused = await clear.ask("GET", "/sign-in")
        assert refused.status_code == 403
        assert "plain HTTP from 203.0.113.7" in refused.text
        assert (await clear.ask("GET", "/api/v1/health/live")).status_code == 200


async def test_the_language_is_the_browsers_or_what_is_chosen_signed_in_or_not(
    plain_migrated: Database,
) -> None:
    async with served(plain_migrated) as made:
        browser = made.browser({"Accept-Language": "es-ES,es;q=0.9"})
        form = await browser.ask("GET", "/sign-in?next=/meters")
        assert '<html lang="es">' in form.text
        assert "Clave de operador" in form.text
        assert form.headers["content-language"] == "es"
        assert {"Cookie", "Accept-Language"} <= set(form.headers["vary"].split(", "))
        sent = {"csrf_token": csrf(form.text), "next": "/sign-in?next=/meters"}
        answer = await browser.ask("POST", "/language", {**sent, "language": "en"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/meters")
        assert "HttpOnly" in browser.set_cookies[0]
        assert "Operator token" in (await browser.ask("GET", "/sign-in")).text
        away = await browser.ask("POST", "/language", {**sent, "language": "es", "next": "//a.b"})
        assert away.headers["location"] == "/"
        assert (await browser.sign_in()).status_code == 303
        assert "Contadores" in (await browser.ask("GET", "/meters")).text
        bad = await browser.ask("POST", "/language", {**sent, "language": "tlh"})
        assert bad.status_code == 422
        unasked = await browser.ask("POST", "/language", {"language": "en"})
        assert unasked.status_code == 403


async def test_what_an_undeclared_proxy_says_counts_for_nothing(plain_migrated: Database) -> None:
    async with served(plain_migrated, "::1") as made:
        browser = made.browser(FORWARDED)
        answer = await browser.sign_in()
        assert answer.status_code == 303
        assert browser.set_cookies[0].startswith(f"{SESSION}=")
        (session,) = await made.store.sessions(made.clock.now, IDLE)
        assert session.address == "127.0.0.1"


async def test_wrong_tokens_are_slowed_down_at_the_form_and_at_the_api(
    plain_migrated: Database,
) -> None:
    async with served(plain_migrated, PROXY) as made:
        guesser = made.browser({**FORWARDED, "Authorization": "Bearer wrong"}, PROXY)
        codes = [(await guesser.ask("GET", "/api/v1/meters")).status_code for _ in range(8)]
        assert codes == [401] * 5 + [429] * 3
        form = made.browser(FORWARDED, PROXY)
        # Also the right one, from there, and for as long as the answer says.
        late = await form.sign_in()
        assert (late.status_code, late.headers["retry-after"]) == (429, "1")
        other = made.browser({**FORWARDED, "X-Forwarded-For": "198.51.100.2"}, PROXY)
        assert (await other.sign_in()).status_code == 303
        made.clock.now += timedelta(seconds=1)
        assert (await form.sign_in("x" * 40)).status_code == 403
        assert (await form.sign_in()).headers["retry-after"] == "2"
        made.clock.now += timedelta(seconds=2)
        assert (await form.sign_in()).status_code == 303


async def test_a_session_ends_by_signing_out_by_standing_idle_and_by_its_time(
    plain_migrated: Database,
) -> None:
    async with served(plain_migrated, PROXY) as made:
        browser, copy = made.browser(), made.browser()
        await browser.sign_in()
        page = await browser.ask("GET", "/meters")
        assert "Sign out" in page.text
        copy.cookies = dict(browser.cookies)
        assert (await browser.ask("POST", "/sign-out")).status_code == 403
        out = await browser.ask("POST", "/sign-out", {"csrf_token": csrf(page.text)})
        assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
        with psycopg.connect(plain_migrated.dsn) as owner:
            ended = owner.execute(
                "SELECT actor, subject, detail FROM audit_log WHERE action = 'session.ended'"
            ).fetchall()
        assert [(row[0], row[1][:8], row[2]["new"]) for row in ended] == [
            ("token:operator", "session ", {"open": False})
        ]
        # The secret itself is worth nothing any more.
        assert (await copy.ask("GET", "/meters")).status_code == 303
        await browser.sign_in()
        first = browser.cookies[SESSION]
        made.clock.now += IDLE - timedelta(minutes=1)
        assert (await browser.ask("GET", "/meters")).status_code == 200
        made.clock.now += IDLE - timedelta(minutes=1)
        assert (await browser.ask("GET", "/meters")).status_code == 200
        made.clock.now += IDLE
        assert (await browser.ask("GET", "/meters")).status_code == 303
        await browser.sign_in()
        assert browser.cookies[SESSION] != first
        for _ in range(12):
            made.clock.now += timedelta(hours=1)
            last = await browser.ask("GET", "/meters")
        assert last.status_code == 303


async def test_sessions_are_listed_and_revoked_and_good_in_their_own_browser_alone(
    plain_migrated: Database,
) -> None:
    async with served(plain_migrated, PROXY) as made:
        first, second, thief = made.browser(), made.browser(), made.browser()
        await first.sign_in()
        await second.sign_in()
        await thief.ask("GET", "/sign-in")
        thief.cookies[SESSION] = first.cookies[SESSION]
        assert (await thief.ask("GET", "/meters")).status_code == 303
        now = made.clock.now
        newest, oldest = await made.store.sessions(now, IDLE)
        note = DecisionNote(OPERATOR, "laptop stolen", now)
        assert await made.store.revoke(oldest.number, note) == [oldest.number]
        assert (await first.ask("GET", "/meters")).status_code == 303
        assert (await second.ask("GET", "/meters")).status_code == 200
        assert await made.store.revoke(oldest.number, note) == []
        assert await made.store.revoke(None, note) == [newest.number]
        assert (await second.ask("GET", "/meters")).status_code == 303
    with psycopg.connect(plain_migrated.dsn) as connection:
        rows = connection.execute("SELECT action, subject, detail ->> 'reason' FROM audit_log")
        assert rows.fetchall() == [
            ("session.revoked", f"session {session.number}", "laptop stolen")
            for session in (oldest, newest)
        ]
        kept = connection.execute(
            "SELECT string_agg(row_to_json(web_session)::text, '') FROM web_session"
        )
        (text,) = kept.fetchone() or ("",)
        assert not any(secret in text for secret in (first.cookies[SESSION], TOKEN))


def test_a_proxy_that_is_no_address_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"'proxy\.example' is neither"):
        WebSettings(trusted_proxies=("proxy.example",))


async def test_the_audit_log_says_from_which_address_something_was_done(
    plain_migrated: Database,
) -> None:
    async with served(plain_migrated, PROXY) as made:
        await made.browser().sign_in()
        bearer = {**FORWARDED, "Authorization": f"Bearer {TOKEN}"}
        client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(local_address=PROXY),
            base_url=made.address,
            trust_env=False,
            headers=bearer,
        )
        async with client:
            (session,) = (await client.get("/api/v1/sessions")).json()["items"]
            path = f"/api/v1/sessions/{session['number']}/revoke"
            assert (await client.post(path, json={"reason": "lost"})).is_success
            listed = "/api/v1/audit?origin="
            (row,) = (await client.get(f"{listed}203.0.113.7")).json()["items"]
            assert (row["action"], row["origin"]) == ("session.revoked", "203.0.113.7")
            assert (await client.get(f"{listed}{PROXY}")).json()["items"] == []


@pytest.mark.parametrize(
    ("accounts", "origin"),
    [(frozenset(), "203.0.113.7"), (frozenset({"A-1"}), "203.0.113.0/24")],
)
def test_of_a_customer_the_audit_log_says_the_network_alone(
    accounts: frozenset[str], origin: str
) -> None:
    actor = Actor(ActorKind.PERSON, "ada", Via.API)
    principal = Principal(actor, frozenset(), accounts=accounts, limited=bool(accounts))
    scope = {"type": "http", "client": ("203.0.113.7", 5), "state": {"principal": principal}}
    assert client_origin(Request(scope)) == origin
