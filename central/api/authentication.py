"""Authentication: bearer tokens, names of browsers and CSRF tokens.

A caller of the API sends a key with every request; a browser trades a password once for a session,
see `sessions`. Before anybody was added there is one token for both, see `identities`. Every
browser, signed in or not, has a random name; a form carries the HMAC of that name, its CSRF token,
which another site can neither read nor make.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from central.api.settings import WebSettings

SESSION_COOKIE = "meterline_session"
BROWSER_COOKIE = "meterline_seat"  # as in browsers since the first version
OPERATOR = "operator"
_BROWSER_NAME_BYTES = 18


def cookie_name(name: str, *, secure: bool) -> str:
    """What a cookie is called: over TLS so that no other host and no plain HTTP can set it."""
    return f"__Host-{name}" if secure else name


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One browser.

    Args:
        name: Random text that only this browser holds.
        csrf_token: What its forms must carry.
        operator: Who signed in there; None before.
        fresh: Whether the browser has yet to be given its cookie.
    """

    name: str
    csrf_token: str
    operator: str | None
    fresh: bool


class Authenticator:
    """Signs and checks browsers' names and tokens.

    Args:
        settings: The operator's token and the key that signs.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings

    def _sign(self, purpose: str, text: str) -> str:
        message = f"{purpose}|{text}".encode()
        return hmac.new(self._settings.secret, message, hashlib.sha256).hexdigest()

    def token_is_right(self, token: str) -> bool:
        """Whether a token is the operator's. Takes equally long for every wrong one."""
        wanted = self._settings.token
        if wanted is None:
            return False
        return hmac.compare_digest(token.encode(), wanted.encode())

    def browser_of(self, cookies: Mapping[str, str], *, secure: bool) -> BrowserSession:
        """The browser that sent some cookies; who is signed in there, see `Identities`."""
        name = cookies.get(cookie_name(BROWSER_COOKIE, secure=secure), "")
        fresh = not self._is_browser(name)
        if fresh:
            plain = secrets.token_urlsafe(_BROWSER_NAME_BYTES)
            name = f"{plain}.{self._sign('seat', plain)[:16]}"
        return BrowserSession(name, self._sign("form", name), None, fresh)

    def _is_browser(self, name: str) -> bool:
        plain, _, signature = name.rpartition(".")
        right = self._sign("seat", plain)[:16]
        return bool(plain) and hmac.compare_digest(signature.encode(), right.encode())

    def csrf_token_is_right(self, session: BrowserSession, csrf_token: str) -> bool:
        """Whether a form came from a page that we gave to this browser."""
        return not session.fresh and hmac.compare_digest(
            csrf_token.encode(), session.csrf_token.encode()
        )
