"""Where people, their passwords and their keys are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from central.domain.access.policy import Permission, Principal, Role, Whose
from central.service.ports.decisions import DecisionNote


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in.

    Args:
        name: What they sign in with; bills and the audit log say it. It never changes.
        roles: What they are.
        groups: Named groups whose points and accounts they see.
        accounts: Numbers of accounts that they see; where both are empty, everybody's.
        has_password: Whether they have chosen one.
        added_at: When they were added.
        added_by: Key of who added them.
        disabled_at: Since when they cannot sign in; None where they can.
    """

    name: str
    roles: frozenset[Role]
    groups: frozenset[str]
    accounts: frozenset[str]
    has_password: bool
    added_at: datetime
    added_by: str
    disabled_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {
            "name": self.name,
            "roles": sorted(self.roles),
            "groups": sorted(self.groups),
            "accounts": sorted(self.accounts),
            "has_password": self.has_password,
            "added_at": self.added_at.isoformat(),
            "added_by": self.added_by,
            "disabled_at": None if self.disabled_at is None else self.disabled_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to add, or how they are from now on.

    Args:
        name: What they sign in with.
        roles: What they are.
        groups: Named groups whose points and accounts they see.
        accounts: Numbers of accounts that they see.
    """

    name: str
    roles: frozenset[Role]
    groups: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProvidedIdentity:
    """Who somebody is at an identity provider.

    Args:
        issuer: The provider.
        subject: Its identifier of somebody, which it never gives to another.
    """

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key of the API.

    Args:
        sha256: Of its secret.
        person: In whose name it acts.
        label: What it is for.
        permissions: What it may do of what the person may.
        until: When it ends.
    """

    sha256: bytes
    person: str
    label: str
    permissions: frozenset[Permission]
    until: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was given.

    Args:
        number: Names it in commands.
        person: In whose name it acts.
        label: What it is for.
        permissions: What it may do of what the person may.
        added_at: When it was given.
        until: When it ends.
        seen_at: When it was used last, to the minute; None before.
        revoked_at: When it was revoked.
    """

    number: int
    person: str
    label: str
    permissions: frozenset[Permission]
    added_at: datetime
    until: datetime
    seen_at: datetime | None
    revoked_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {
            "number": self.number,
            "person": self.person,
            "label": self.label,
            "permissions": sorted(self.permissions),
            "added_at": self.added_at.isoformat(),
            "until": self.until.isoformat(),
            "seen_at": None if self.seen_at is None else self.seen_at.isoformat(),
            "revoked_at": None if self.revoked_at is None else self.revoked_at.isoformat(),
        }


class PersonStore(Protocol):
    """People, passwords and keys."""

    async def has_people(self) -> bool:
        """Whether anybody was ever added."""

    async def people(self) -> list[Person]:
        """Everybody, by name."""

    async def person(self, name: str) -> Person | None:
        """Somebody by name, whatever its case is."""

    async def add(
        self, person: NewPerson, note: DecisionNote, identity: ProvidedIdentity | None = None
    ) -> bool:
        """Add somebody, with who they are at an identity provider; whether both were free."""

    async def linked(self, identity: ProvidedIdentity) -> str | None:
        """The name of whoever has an identity at a provider; None where nobody has."""

    async def link(self, name: str, identity: ProvidedIdentity, note: DecisionNote) -> bool:
        """Give somebody an identity, in place of the one of that provider; whether it was free."""

    async def change(self, person: NewPerson, note: DecisionNote) -> None:
        """Give somebody other roles and limits."""

    async def set_disabled(self, name: str, note: DecisionNote, *, disabled: bool) -> None:
        """Keep somebody from signing in, or let them again; ends sessions and open codes."""

    async def give_code(
        self, name: str, sha256: bytes, until: datetime, note: DecisionNote
    ) -> None:
        """Keep a code to choose a password with; the ones before it are worth nothing."""

    async def take_code(self, sha256: bytes, name: str, password: str, now: datetime) -> str | None:
        """Use a code of a person up and keep a password; ends the person's sessions.

        Returns:
            The person's name; None where they have no open code of that hash.
        """

    async def password_of(self, name: str) -> tuple[str, str] | None:
        """The name and the hashed password of somebody who may sign in."""

    async def rehash(self, name: str, old: str, new: str) -> None:
        """Keep the same password hashed in another way, unless it changed meanwhile."""

    async def give_key(self, key: NewKey, note: DecisionNote) -> int:
        """Keep a key; its number."""

    async def keys(self, person: str | None = None) -> list[ApiKey]:
        """Keys of a person, or all, newest first."""

    async def use_key(self, sha256: bytes, now: datetime) -> tuple[ApiKey, Person] | None:
        """The key that has a hash, with whom it acts for; None where it has ended."""

    async def revoke_key(self, number: int, person: str | None, note: DecisionNote) -> bool:
        """End a key, of a person where one is named; whether there was an open one."""

    async def account_uids(self, accounts: frozenset[str]) -> list[str]:
        """Identifiers of accounts by number; those that there are."""

    async def is_inside(self, principal: Principal, whose: Whose, key: str, day: date) -> bool:
        """Whether somebody's limits include an account, bill, point, meter or channel on a day."""

    async def is_own_issued_bill(self, principal: Principal, bill: str, day: date) -> bool:
        """Whether a bill is issued and of an account inside of somebody's limits."""
