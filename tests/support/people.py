"""People of the tests, signed in without a browser."""

from __future__ import annotations

from datetime import datetime

import httpx
from fastapi import FastAPI

from central.api.access_middleware import CSRF_HEADER
from central.api.authentication import BROWSER_COOKIE, SESSION_COOKIE
from central.domain.access.policy import Role
from central.service.people.people import People
from central.service.ports.people import NewPerson
from tests.support.actors import OPERATOR, noted

PASSWORD = "vier Wörter in einer Reihe"  # noqa: S105 - a made-up password


async def add_people(people: People, now: datetime, **roles: NewPerson) -> None:
    """Add people without a password; the first of all is an administrator of its own."""
    everybody = {"chair": NewPerson("chair", frozenset({Role.ADMINISTRATOR})), **roles}
    for person in everybody.values():
        assert await people.store.add(person, noted(now, OPERATOR))


async def signed_in(app: FastAPI, name: str, now: datetime) -> httpx.AsyncClient:
    """A client that somebody has signed in with."""
    browser = app.state.authenticator.browser_of({}, secure=False)
    secret = await app.state.sessions.begin(browser, name, "127.0.0.1", "tests", now)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://127.0.0.1",
        cookies={BROWSER_COOKIE: browser.name, SESSION_COOKIE: secret},
        headers={CSRF_HEADER: _csrf(app, browser.name)},
    )


def _csrf(app: FastAPI, name: str) -> str:
    again = app.state.authenticator.browser_of({BROWSER_COOKIE: name}, secure=False)
    return str(again.csrf_token)
