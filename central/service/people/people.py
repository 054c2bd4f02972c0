"""Adding people, giving them roles, and letting them in."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from central.domain.access.policy import (
    Permission,
    Principal,
    Role,
    is_limited,
    permissions_of,
)
from central.domain.actor import Actor, ActorKind, Via
from central.service.people.passwords import PasswordHashes, check_strength, normal
from central.service.ports.decisions import DecisionNote
from central.service.ports.people import NewPerson, Person, PersonStore, ProvidedIdentity
from central.service.views.lookup import NotFoundError
from firmware_bridge.contract.errors import OperatorError

CODE_AGE: Final = timedelta(days=1)
_CODE_BYTES = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_RESERVED = frozenset({"vee", "operator", "estimate", "system", "root"})


class PersonRefusedError(OperatorError):
    """Somebody cannot be added, or cannot be given what is asked."""

    code = "PERSON_REFUSED"
    default_remedy = "Change what is asked, and send it again."


class CodeRefusedError(OperatorError):
    """A code to choose a password with is wrong, used or too old."""

    code = "CODE_REFUSED"
    default_remedy = "Ask an administrator for a new one."


@dataclass(frozen=True, slots=True)
class Invited:
    """A code that is shown once.

    Args:
        name: Whose it is.
        code: What they choose a password with.
        until: When it ends.
    """

    name: str
    code: str
    until: datetime


class People:
    """Use-cases of people.

    Args:
        store: Where they are kept.
        hashes: Hashes passwords.
        clock: The present, aware.
    """

    def __init__(
        self, store: PersonStore, hashes: PasswordHashes, clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self._hashes = hashes
        self._clock = clock

    async def add(self, person: NewPerson, actor: Actor) -> Invited:
        """Add somebody, with a code to choose a password with.

        Raises:
            PersonRefusedError: The name is not free or not a name, or the roles do not go together.
        """
        await self.check_new(person)
        if not await self.store.add(person, self._note(actor)):
            message = f"Somebody is, or was, called {person.name!r}."
            remedy = "Give another name. A name is never used again."
            raise PersonRefusedError(message, value=person.name, remedy=remedy)
        return await self.invite(person.name, actor)

    async def check_new(self, person: NewPerson) -> None:
        """Return where somebody may be added, if their name is free.

        Raises:
            PersonRefusedError: The name is not one, or the roles do not go together.
        """
        if not _NAME.fullmatch(person.name) or person.name.lower() in _RESERVED:
            message = f"{person.name!r} is not valid as a name to sign in with."
            remedy = (
                "Give 1 to 64 letters, digits, dots, hyphens, underscores or @, beginning with a"
                f" letter or digit, and none of {', '.join(sorted(_RESERVED))}."
            )
            raise PersonRefusedError(message, value=person.name, remedy=remedy)
        _check_roles(person)
        if not await self.store.has_people() and person.roles != {Role.ADMINISTRATOR}:
            message = "The first person is an administrator, and has no other role."
            raise PersonRefusedError(message, value=person.name)

    async def link(
        self, name: str, identity: ProvidedIdentity, actor: Actor, reason: str
    ) -> Person:
        """Let an identity provider vouch for somebody who is here; in place of whom it did before.

        Raises:
            NotFoundError: Nobody has the name.
            PersonRefusedError: The identity is somebody else's.
        """
        person = await self.named(name)
        if not await self.store.link(person.name, identity, self._note(actor, reason)):
            message = f"{identity.subject!r} is somebody else at the provider."
            remedy = "Look at the audit log for whom it was linked to."
            raise PersonRefusedError(message, value=identity.subject, remedy=remedy)
        return person

    async def invite(self, name: str, actor: Actor, reason: str = "") -> Invited:
        """Give somebody a code to choose a new password with; the password holds until it is used.

        Raises:
            NotFoundError: Nobody has the name.
            PersonRefusedError: They are disabled.
        """
        person = await self.named(name)
        if person.disabled_at is not None:
            message = f"{person.name} is disabled."
            raise PersonRefusedError(message, value=name, remedy="Enable them first.")
        code = secrets.token_urlsafe(_CODE_BYTES)
        note = self._note(actor, reason)
        until = note.at + CODE_AGE
        await self.store.give_code(person.name, digest(code), until, note)
        return Invited(person.name, code, until)

    async def change(self, person: NewPerson, actor: Actor, reason: str) -> Person:
        """Give somebody other roles and limits, from their next request on.

        Raises:
            NotFoundError: Nobody has the name.
            PersonRefusedError: It is who asks, the roles do not go together, or no administrator
                would be left.
        """
        before = await self.named(person.name)
        _not_oneself(before, actor)
        _check_roles(person)
        if Role.ADMINISTRATOR not in person.roles:
            await self._leave_an_administrator(before)
        named = NewPerson(before.name, person.roles, person.groups, person.accounts)
        await self.store.change(named, self._note(actor, reason))
        return await self.named(before.name)

    async def set_disabled(self, name: str, actor: Actor, reason: str, *, disabled: bool) -> Person:
        """Keep somebody out at once, or let them in again.

        Raises:
            NotFoundError: Nobody has the name.
            PersonRefusedError: It is who asks, or no administrator would be left.
        """
        person = await self.named(name)
        _not_oneself(person, actor)
        if disabled:
            await self._leave_an_administrator(person)
        await self.store.set_disabled(person.name, self._note(actor, reason), disabled=disabled)
        return await self.named(person.name)

    async def choose_password(self, name: str, code: str, password: str) -> str:
        """Use a code to choose a password; every sign-in of the person ends.

        Raises:
            PasswordRefusedError: It is too easy to guess.
            CodeRefusedError: The code is wrong, used or too old.
        """
        chosen = normal(password)
        check_strength(chosen, name)
        person = await self.store.take_code(
            digest(code), name, await self._hashes.of(chosen), self._clock()
        )
        if person is None:
            message = "The code is wrong, was used, or is too old."
            raise CodeRefusedError(message)
        return person

    async def signed_in(self, name: str, password: str) -> str | None:
        """The name of whoever a password lets in; takes as long where nobody has the name."""
        match = await self.store.password_of(name)
        hashed = None if match is None else match[1]
        chosen = normal(password)
        if not await self._hashes.is_right(chosen, hashed) or match is None or hashed is None:
            return None
        if self._hashes.is_outdated(hashed):
            await self.store.rehash(match[0], hashed, await self._hashes.of(chosen))
        return match[0]

    async def principal(self, name: str, via: Via) -> Principal | None:
        """What somebody may do now; None where they are disabled, or nobody."""
        person = await self.store.person(name)
        if person is None or person.disabled_at is not None:
            return None
        return principal_of(person, via)

    async def named(self, name: str) -> Person:
        """Somebody by name.

        Raises:
            NotFoundError: Nobody has it.
        """
        person = await self.store.person(name)
        if person is None:
            message = f"Nobody is called {name!r}."
            raise NotFoundError(message, value=name)
        return person

    async def _leave_an_administrator(self, leaving: Person) -> None:
        others = [
            person
            for person in await self.store.people()
            if Role.ADMINISTRATOR in person.roles
            and person.disabled_at is None
            and person.name != leaving.name
        ]
        if Role.ADMINISTRATOR in leaving.roles and not others:
            message = f"{leaving.name} is the last administrator."
            raise PersonRefusedError(message, value=leaving.name, remedy="Add another one first.")

    def _note(self, actor: Actor, reason: str = "") -> DecisionNote:
        return DecisionNote(actor, reason, self._clock())


def principal_of(
    person: Person, via: Via, permissions: AbstractSet[Permission] | None = None
) -> Principal:
    """What a person may do, or a key of theirs that has some of their permissions."""
    every = permissions_of(person.roles)
    return Principal(
        Actor(ActorKind.PERSON, person.name, via),
        every if permissions is None else every & permissions,
        person.groups,
        person.accounts,
        limited=is_limited(person.roles, person.groups, person.accounts),
    )


def digest(secret: str) -> bytes:
    """What is kept of a secret that has as much chance in it as a hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _check_roles(person: NewPerson) -> None:
    if not person.roles:
        message = f"{person.name} has no role."
        raise PersonRefusedError(message, value=person.name, remedy="Give one at least.")
    if Role.CUSTOMER in person.roles and person.roles != {Role.CUSTOMER}:
        message = "A customer has no other role."
        remedy = "Add two people: one as the customer, one for the work."
        raise PersonRefusedError(message, value=person.name, remedy=remedy)
    if person.roles == {Role.CUSTOMER} and not person.accounts:
        message = "A customer needs an account."
        raise PersonRefusedError(message, value=person.name, remedy="Name one or more accounts.")
    limited = is_limited(person.roles, person.groups, person.accounts)
    if limited and Role.ADMINISTRATOR in person.roles:
        message = "An administrator is not limited to groups or accounts."
        raise PersonRefusedError(message, value=person.name)


def _not_oneself(person: Person, actor: Actor) -> None:
    if actor.key == person.name:
        message = "Nobody changes their own roles, or disables themselves."
        remedy = "Another administrator does."
        raise PersonRefusedError(message, value=person.name, remedy=remedy)
