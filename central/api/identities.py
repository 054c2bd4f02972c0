"""Who asks: by a session, by a key, or, before there are people, by the operator's token.

As soon as the first person was added, the token and the open loopback interface let nobody in.
"""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request

from central.api.authentication import OPERATOR, Authenticator, BrowserSession
from central.api.failed_tokens import FailedTokens
from central.api.problems import AccessError
from central.api.sessions import Sessions
from central.api.settings import WebSettings
from central.domain.access.policy import Permission, Principal
from central.domain.actor import Actor, ActorKind, Via
from central.service.people.keys import ApiKeys
from central.service.people.people import People, digest


class Identities:
    """Finds out who asks.

    Args:
        settings: The operator's token.
        authenticator: Compares it.
        sessions: Who is signed in.
        failed_tokens: Who sent wrong tokens, keys and passwords.
        people: Who may sign in.
        keys: In whose names programs ask.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what says who asks
        self,
        settings: WebSettings,
        authenticator: Authenticator,
        sessions: Sessions,
        failed_tokens: FailedTokens,
        people: People,
        keys: ApiKeys,
    ) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._sessions = sessions
        self._failed_tokens = failed_tokens
        self._people = people
        self._keys = keys
        self._has_people = False

    async def is_before_people(self) -> bool:
        """Whether nobody was ever added; once somebody was, it is never asked again."""
        if not self._has_people:
            self._has_people = await self._people.store.has_people()
        return not self._has_people

    async def of_browser(
        self, browser: BrowserSession, cookie: str, via: Via, now: datetime
    ) -> Principal | None:
        """Who is signed in in a browser; None where nobody is."""
        is_before = await self.is_before_people()
        if is_before and self._settings.open:
            return token_holder(via)
        account = await self._sessions.account_of(browser, cookie, now)
        if account is None:
            return None
        if is_before:
            return token_holder(via) if account == OPERATOR else None
        return await self._people.principal(account, via)

    async def of_bearer(self, secret: str, address: str | None, now: datetime) -> Principal:
        """Whom a key or the operator's token stands for.

        Raises:
            AccessError: It is wrong, or has ended.
            TooManyTriesError: Too many wrong ones came from there.
        """
        is_before = await self.is_before_people()
        # Nobody guesses a key, so that wrong ones count against the address alone.
        account = OPERATOR if is_before else f"key {digest(secret).hex()[:8]}"
        self._failed_tokens.admit(address, account, now)
        if is_before:
            is_right = self._authenticator.token_is_right(secret)
            principal = token_holder(Via.API) if is_right else None
        else:
            principal = await self._keys.principal(secret)
        self._failed_tokens.note(address, account, now, is_right=principal is not None)
        if principal is None:
            message = (
                "The bearer token is not the operator token."
                if is_before
                else "The bearer token is not a key, or the key has ended."
            )
            raise AccessError(message)
        return principal


def token_holder(via: Via) -> Principal:
    """Whoever holds the operator's token: before there are people they may do everything."""
    return Principal(Actor(ActorKind.TOKEN, OPERATOR, via), frozenset(Permission))


def principal_of(request: Request) -> Principal:
    """Who asks.

    Raises:
        AccessError: Nobody is signed in.
    """
    principal = getattr(request.state, "principal", None)
    if not isinstance(principal, Principal):
        message = "This request needs a sign-in."
        raise AccessError(message)
    return principal
