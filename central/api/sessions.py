"""Sessions of browsers, kept on the server's side: a cookie holds a secret, the store its hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from central.api.authentication import BrowserSession
from central.domain.actor import Actor
from central.service.ports.web_sessions import IDLE, NewSession, WebSessionStore
from firmware_bridge.contract.plain_text import plain

_SECRET_BYTES = 32
_AGENT_MAX = 200
_COOKIE_MAX = 200


class Sessions:
    """Begins, finds and ends sessions.

    Args:
        store: Where they are kept.
        longest: After which a session ends in any case.
    """

    def __init__(self, store: WebSessionStore, longest: timedelta) -> None:
        self._store = store
        self._longest = longest

    async def begin(
        self, browser: BrowserSession, account: str, address: str, agent: str, now: datetime
    ) -> str:
        """Sign an account in in a browser; the cookie's value, another at each time."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        await self._store.begin(
            NewSession(
                _digest(secret),
                _digest(browser.name),
                account,
                plain(address, _AGENT_MAX),
                plain(agent, _AGENT_MAX),
                now + self._longest,
            ),
            now,
        )
        return secret

    async def account_of(self, browser: BrowserSession, cookie: str, now: datetime) -> str | None:
        """Who is signed in in a browser; None where nobody is."""
        if not cookie or len(cookie) > _COOKIE_MAX or browser.fresh:
            return None
        return await self._store.account_of(_digest(cookie), _digest(browser.name), now, IDLE)

    async def end(self, cookie: str, ended_by: Actor, now: datetime) -> None:
        """Sign out, if somebody is signed in."""
        if cookie:
            await self._store.end(_digest(cookie), ended_by, now)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
