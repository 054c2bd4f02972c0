"""Signing in by an identity provider: a real one on this machine, and everything wrong with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from central.adapters.timescale.pool import make_pool
from central.api.app import create_app
from central.api.settings import WebSettings
from central.cli.app import app as commands
from central.config.provider import ProviderSettings
from central.domain.access.policy import Role
from central.process.provider import provider_sign_ins
from central.service.people.people import People
from central.service.ports.people import NewPerson
from firmware_bridge.contract.errors import ConfigurationError
from tests.support.actors import OPERATOR, noted
from tests.support.identity_provider import CLIENT, SECRET, Claims, Provider, running_provider
from tests.support.office import Office
from tests.support.people import add_people
from tests.support.servers import Database

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOKEN = "correct-horse-battery-staple-and-more"  # noqa: S105 - a made-up token
ROLES = {"billing": "billing-clerk", "heads": "approver"}
ANA = {"sub": "7f3", "preferred_username": "ana", "groups": ["billing", "football"]}


@dataclass
class Centre:
    """A centre that a provider vouches for people at, on a clock that the test turns."""

    provider: Provider
    people: People
    dsn: str
    now: datetime = START
    app: object = None

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    async def come_back(self, browser: httpx.AsyncClient, target: str = "/") -> str:
        """Go to the provider; the address that it sends the browser back to."""
        sent = await browser.get("/sign-in/provider", params={"next": target})
        assert sent.status_code == 303, sent.text
        async with httpx.AsyncClient() as outside:
            answer = await outside.get(sent.headers["location"])
        return str(answer.headers["location"])

    async def sign_in(self, person: Claims | None, target: str = "/") -> httpx.Response:
        """What a fresh browser is answered in the end; signed in where it is a redirection."""
        self.provider.person = person
        async with self.browser() as browser:
            await browser.get("/sign-in")
            answer = await browser.get(await self.come_back(browser, target))
            if answer.status_code == 303:
                answer.extensions["me"] = (await browser.get("/api/v1/me")).json()
            return answer

    async def name(self, person: Claims | None) -> str:
        """As whom somebody is signed in."""
        answer = await self.sign_in(person)
        assert answer.status_code == 303, answer.text
        return str(answer.extensions["me"]["name"])


@pytest.fixture
async def centre(plain_migrated: Database) -> AsyncIterator[Centre]:
    async with (
        running_provider() as provider,
        make_pool(plain_migrated.dsn, max_size=4) as pool,
    ):
        services = Office(pool).services(lambda: made.now)
        made = Centre(provider, services.people, plain_migrated.dsn)
        settings = ProviderSettings(
            oidc_issuer=provider.issuer,
            oidc_client=CLIENT,
            oidc_secret=SecretStr(SECRET),
            oidc_roles=ROLES,
        )
        sign_ins = provider_sign_ins(settings, services.people, services.clock)
        made.app = create_app(
            replace(services, provider_sign_ins=sign_ins), WebSettings(token=TOKEN)
        )
        await add_people(services.people, made.now)
        yield made


async def test_a_first_sign_in_adds_somebody_whose_roles_follow_their_groups(
    centre: Centre,
) -> None:
    answer = await centre.sign_in(ANA, "/exceptions?kind=held")
    assert answer.headers["location"] == "/exceptions?kind=held"
    assert answer.extensions["me"]["name"] == "ana"
    assert (await centre.people.named("ana")).roles == {Role.BILLING_CLERK}
    # Called and grouped otherwise there, they are who they were here.
    assert await centre.name({**ANA, "preferred_username": "ana.b", "groups": ["heads"]}) == "ana"
    assert (await centre.people.named("ana")).roles == {Role.APPROVER}
    # Somebody else who is given the name there is not let in as her.
    other = await centre.sign_in({**ANA, "sub": "8a1"})
    assert other.status_code == 403
    assert "Somebody here is called" in other.text
    # Nobody without a group, and nobody who is disabled here.
    without = await centre.sign_in({**ANA, "groups": ["football"]})
    assert (without.status_code, "has a role here" in without.text) == (403, True)
    await centre.people.set_disabled("ana", OPERATOR, "left", disabled=True)
    left = await centre.sign_in(ANA)
    assert (left.status_code, "ana is disabled." in left.text) == (403, True)
    # A name that none can have here, and a claim that is not sent.
    for claims in ({**ANA, "sub": "9", "preferred_username": "root"}, {"sub": "9", "groups": []}):
        assert (await centre.sign_in(claims)).status_code == 403
    assert [each.name for each in await centre.people.store.people()] == ["ana", "chair"]


async def test_who_is_here_already_is_linked_by_an_administrator(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = frozenset({Role.BILLING_CLERK})
    limited = NewPerson("ana", roles, groups=frozenset({"north"}))
    for new in (limited, NewPerson("bob", roles)):
        assert await centre.people.store.add(new, noted(centre.now, OPERATOR))
    refused = await centre.sign_in(ANA)
    assert "meterline-central user link ana --subject 7f3" in refused.text
    monkeypatch.setenv("METERLINE_DATABASE", centre.dsn)
    monkeypatch.setenv("METERLINE_OIDC_ISSUER", centre.provider.issuer)

    async def link(name: str, subject: str) -> tuple[int, str]:
        words = ["user", "link", name, "--subject", subject, "--reason", "seen", "--as", "chair"]
        done = await asyncio.to_thread(CliRunner().invoke, commands, words)
        return done.exit_code, done.stderr

    assert (await link("ana", "7f3"))[0] == 0
    assert await centre.name(ANA) == "ana"
    assert (await centre.people.named("ana")).groups == {"north"}
    # One identity is one person; a new one takes the old one's place.
    code, said = await link("bob", "7f3")
    assert (code, "PERSON_REFUSED" in said) == (2, True)
    assert (await link("ana", "new"))[0] == 0
    assert await centre.name({**ANA, "sub": "new"}) == "ana"
    assert (await centre.sign_in(ANA)).status_code == 403


async def test_what_was_not_signed_for_this_sign_in_lets_nobody_in(centre: Centre) -> None:
    provider = centre.provider
    assert await centre.name(ANA) == "ana"
    hour = 3_600
    for wrong in (
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1},
        {"iat": 4_102_444_800 + hour},
        {"sub": ""},
    ):
        provider.altered = lambda claims, wrong=wrong: {**claims, **wrong}  # type: ignore[misc]
        assert (await centre.sign_in(ANA)).status_code == 403, wrong
        centre.now += timedelta(minutes=5)  # wrong ones wait
    provider.altered = lambda claims: claims
    # By what both know, which the provider alone should sign; then by a key that it has since.
    provider.algorithm = "HS256"
    assert (await centre.sign_in(ANA)).status_code == 403
    centre.now += timedelta(minutes=5)
    provider.algorithm = "RS256"
    provider.turn_key()
    assert await centre.name(ANA) == "ana"


async def test_a_sign_in_ends_in_the_browser_that_began_it_once_and_soon(centre: Centre) -> None:
    provider = centre.provider
    provider.person = ANA
    async with centre.browser() as browser, centre.browser() as another:
        await browser.get("/sign-in")
        await another.get("/sign-in")
        back = await centre.come_back(browser)
        assert (await another.get(back)).status_code == 403  # nobody is signed in as somebody else
        assert provider.trades == 0
        assert (await browser.get(back)).status_code == 303
        await browser.get("/sign-in")
        again = await browser.get(back)  # a code is good once
        assert (again.status_code, "invalid_grant" in again.text) == (403, True)
        late = await centre.come_back(browser)
        centre.now += timedelta(minutes=11)
        assert (await browser.get(late)).status_code == 403
        for state in ("", "x", "A" * 60, "é"):
            answer = await browser.get("/sign-in/provider/back", params={"state": state})
            assert answer.status_code == 403
        # Never elsewhere, whatever was asked for.
        outside = await browser.get(await centre.come_back(browser, "//evil.example/"))
        assert outside.headers["location"] == "/"


async def test_a_provider_that_lets_nobody_in_or_is_gone_leaves_the_password(
    centre: Centre,
) -> None:
    denied = await centre.sign_in(None)
    assert (denied.status_code, "did not let you in" in denied.text) == (403, True)
    sign_ins = provider_sign_ins(
        ProviderSettings(
            oidc_issuer="http://127.0.0.1:9", oidc_client=CLIENT, oidc_roles={"a": "viewer"}
        ),
        centre.people,
        lambda: centre.now,
    )
    centre.app.state.services = replace(  # type: ignore[attr-defined]
        centre.app.state.services,  # type: ignore[attr-defined]
        provider_sign_ins=sign_ins,
    )
    async with centre.browser() as browser:
        page = await browser.get("/sign-in/provider")
    assert (page.status_code, "provider does not answer" in page.text) == (403, True)
    assert 'name="password"' in page.text


async def test_before_the_first_administrator_no_provider_lets_in(plain_migrated: Database) -> None:
    async with make_pool(plain_migrated.dsn) as pool:
        services = Office(pool).services()
        app = create_app(services, WebSettings(token=TOKEN))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            answer = await browser.get("/sign-in/provider")
            assert answer.headers["location"] == "/sign-in"
            assert "/sign-in/provider" not in (await browser.get("/sign-in")).text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"oidc_issuer": "http://login.example"}, "without TLS"),
        ({"oidc_issuer": "https://login.example"}, "by halves"),
        (
            {
                "oidc_issuer": "https://login.example",
                "oidc_client": "c",
                "oidc_roles": {"all": "customer"},
            },
            "customers of a group",
        ),
        (
            {
                "oidc_issuer": "https://login.example",
                "oidc_client": "c",
                "oidc_roles": {"all": "clerk"},
            },
            "'clerk' is not a valid Role",
        ),
    ],
)
def test_a_provider_by_halves_does_not_start(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        provider_sign_ins(ProviderSettings(**given), None, lambda: START)  # type: ignore[arg-type]
