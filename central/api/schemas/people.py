"""People, their sign-ins and their keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from central.api.schemas.base import Instant, Schema
from central.api.schemas.writes import Name, Order, Reason
from central.domain.access.policy import Permission, Role
from central.service.people.keys import LONGEST, GivenKey
from central.service.people.people import Invited
from central.service.ports.people import ApiKey, NewPerson, Person
from central.service.ports.web_sessions import WebSession

_Many = Field(max_length=200)


class LimitsIn(Order):
    """What somebody is, and whose data they see."""

    roles: list[Role]
    groups: Annotated[list[Name], _Many] = Field(default_factory=list)
    accounts: Annotated[list[Name], _Many] = Field(default_factory=list)

    def person(self, name: str) -> NewPerson:
        """The same of somebody of a name."""
        return NewPerson(
            name, frozenset(self.roles), frozenset(self.groups), frozenset(self.accounts)
        )


class PersonIn(LimitsIn):
    """Somebody to add."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class RolesIn(LimitsIn):
    """Other roles and limits of somebody."""

    reason: Reason


class ReasonIn(Order):
    """Why something is done to a person, sign-in or key."""

    reason: Reason


class KeyIn(Order):
    """A key to give."""

    label: Name
    permissions: Annotated[list[Permission], _Many]
    days: Annotated[int, Field(ge=1, le=LONGEST.days)]

    @property
    def lasts(self) -> timedelta:
        """How long it lasts."""
        return timedelta(days=self.days)


class PersonOut(Schema):
    """Somebody who signs in."""

    name: str
    roles: list[Role]
    groups: list[str]
    accounts: list[str]
    has_password: bool
    added_at: Instant
    added_by: str
    disabled_at: Instant | None

    @classmethod
    def of(cls, person: Person) -> PersonOut:
        """From the record."""
        return cls.model_validate(person.to_json())


class InvitedOut(Schema):
    """A code to choose a password with. It is shown here alone."""

    name: str
    code: str
    until: Instant

    @classmethod
    def of(cls, invited: Invited) -> InvitedOut:
        """From the use-case."""
        return cls.model_validate(invited)


class SessionOut(Schema):
    """A sign-in that has not ended."""

    number: int
    account: str
    address: str
    agent: str
    begun_at: Instant
    seen_at: Instant
    until: Instant

    @classmethod
    def of(cls, session: WebSession) -> SessionOut:
        """From the record."""
        return cls.model_validate(session)


class KeyOut(Schema):
    """A key that was given; its secret is nowhere."""

    number: int
    person: str
    label: str
    permissions: list[Permission]
    added_at: Instant
    until: Instant
    seen_at: Instant | None
    revoked_at: Instant | None

    @classmethod
    def of(cls, key: ApiKey) -> KeyOut:
        """From the record."""
        return cls.model_validate(key.to_json())


class GivenKeyOut(Schema):
    """A key. It is shown here alone."""

    number: int
    key: str
    until: Instant

    @classmethod
    def of(cls, given: GivenKey) -> GivenKeyOut:
        """From the use-case."""
        return cls.model_validate(given)


class EndedOut(Schema):
    """Numbers of what was ended."""

    ended: list[int]


class MeOut(Schema):
    """Who asks, and what they may do."""

    name: str
    kind: str
    permissions: list[Permission]
    limited: bool
    groups: list[str]
    accounts: list[str]
