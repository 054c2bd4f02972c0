"""Keys of the API: given once, with what they may do and until when."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from central.domain.access.policy import Permission, Principal, permissions_of
from central.domain.actor import Actor, Via
from central.service.people.people import People, PersonRefusedError, digest, principal_of
from central.service.ports.decisions import DecisionNote
from central.service.ports.people import ApiKey, NewKey
from central.service.views.lookup import NotFoundError
from firmware_bridge.contract.plain_text import plain

PREFIX: Final = "mlk_"
"""Every key begins so, that scanners for secrets find one in a file."""
LONGEST: Final = timedelta(days=366)
_KEY_BYTES = 32
_LABEL_MAX = 100
# A key that could give keys would outlive its own end.
NO_KEYS: Final = frozenset({Permission.OWN_SIGN_IN, Permission.CHANGE_PEOPLE})


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A key that is shown once.

    Args:
        number: Names it in commands.
        key: What a request carries.
        until: When it ends.
    """

    number: int
    key: str
    until: datetime


class ApiKeys:
    """Use-cases of keys.

    Args:
        people: In whose names they act.
        clock: The present, aware.
    """

    def __init__(self, people: People, clock: Callable[[], datetime]) -> None:
        self._people = people
        self._store = people.store
        self._clock = clock

    async def give(
        self,
        name: str,
        label: str,
        permissions: frozenset[Permission],
        lasts: timedelta,
        actor: Actor,
    ) -> GivenKey:
        """A new key of a person.

        Raises:
            NotFoundError: Nobody has the name.
            PersonRefusedError: They are disabled or may not do it themselves, it is nothing that a
                key does, or it would last too long.
        """
        person = await self._people.named(name)
        beyond = permissions - permissions_of(person.roles)
        refusal = (
            f"{person.name} is disabled."
            if person.disabled_at is not None
            else "A key may do something."
            if not permissions
            else f"No key may {', '.join(sorted(permissions & NO_KEYS))}."
            if permissions & NO_KEYS
            else f"{person.name} may not {', '.join(sorted(beyond))}."
            if beyond
            else f"A key lasts up to {LONGEST.days} days."
            if not timedelta(0) < lasts <= LONGEST
            else "A key says what it is for."
            if not label.strip()
            else None
        )
        if refusal is not None:
            raise PersonRefusedError(refusal, value=name)
        now = self._clock()
        key = PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        new = NewKey(digest(key), person.name, plain(label, _LABEL_MAX), permissions, now + lasts)
        number = await self._store.give_key(new, DecisionNote(actor, "", now))
        return GivenKey(number, key, new.until)

    async def principal(self, key: str) -> Principal | None:
        """What a key may do now: never more than its person may; None where it has ended."""
        if not key.startswith(PREFIX):
            return None
        match = await self._store.use_key(digest(key), self._clock())
        if match is None:
            return None
        return principal_of(match[1], Via.API, match[0].permissions)

    async def list(self, person: str | None = None) -> list[ApiKey]:
        """Keys of a person, or all, newest first; also those that have ended."""
        return await self._store.keys(person)

    async def revoke(
        self, number: int, actor: Actor, reason: str, person: str | None = None
    ) -> None:
        """End a key at once, of a person where one is named.

        Raises:
            NotFoundError: There is no such key, or it was revoked.
        """
        note = DecisionNote(actor, reason, self._clock())
        if not await self._store.revoke_key(number, person, note):
            message = f"There is no key {number} to revoke."
            raise NotFoundError(message, value=number)
