"""Who may come in: bearer tokens, signed sessions, and proof that a form is one of ours.

There is one operator. A caller of the API sends the token with every request; a browser trades it
once for a signed cookie. Every browser, signed in or not, has a random seat; a form carries the
HMAC of that seat, which another site can neither read nor make. Users and roles are to come.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from central.api.settings import WebSettings

SESSION_COOKIE = "meterline_session"
SEAT_COOKIE = "meterline_seat"
OPERATOR = "operator"
_SEAT_BYTES = 18


@dataclass(frozen=True, slots=True)
class Seat:
    """One browser.

    Args:
        name: Random text that only this browser holds.
        proof: What its forms must carry.
        operator: Who sits there; None before sign-in.
        fresh: Whether the browser has yet to be given its cookie.
    """

    name: str
    proof: str
    operator: str | None
    fresh: bool


class Doorkeeper:
    """Signs and checks sessions, seats and tokens.

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

    def open_session(self, seat: Seat, now: datetime) -> str:
        """The cookie that keeps a seat signed in, good in that browser only."""
        until = int(now.timestamp()) + self._settings.session_s
        return f"{until}.{self._sign('session', f'{seat.name}|{until}')}"

    def session_is_right(self, cookie: str, seat_name: str, now: datetime) -> bool:
        """Whether a session cookie is ours, of that seat, and not over."""
        until, _, signature = cookie.partition(".")
        if not (until.isascii() and until.isdigit()) or len(until) > 12:  # noqa: PLR2004 - year 33658
            return False
        right = self._sign("session", f"{seat_name}|{until}")
        return hmac.compare_digest(signature.encode(), right.encode()) and (
            now.timestamp() < int(until)
        )

    def seat(self, cookies: dict[str, str], now: datetime) -> Seat:
        """The browser that sent some cookies."""
        name = cookies.get(SEAT_COOKIE, "")
        fresh = not self._is_seat(name)
        if fresh:
            plain = secrets.token_urlsafe(_SEAT_BYTES)
            name = f"{plain}.{self._sign('seat', plain)[:16]}"
        signed_in = self._settings.open or (
            not fresh and self.session_is_right(cookies.get(SESSION_COOKIE, ""), name, now)
        )
        return Seat(name, self._sign("form", name), OPERATOR if signed_in else None, fresh)

    def _is_seat(self, name: str) -> bool:
        plain, _, signature = name.rpartition(".")
        right = self._sign("seat", plain)[:16]
        return bool(plain) and hmac.compare_digest(signature.encode(), right.encode())

    def proof_is_right(self, seat: Seat, proof: str) -> bool:
        """Whether a form came from a page that we gave to this browser."""
        return not seat.fresh and hmac.compare_digest(proof.encode(), seat.proof.encode())
