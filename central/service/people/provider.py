"""Letting in whoever an identity provider vouches for, with roles by their groups there.

Who somebody is says the provider's own identifier of them, never a name or an address, which may
be given to another one there. At their first sign-in they are added; a name that is taken here is
nobody's to take from there: an administrator links the two. Roles follow the groups at each
sign-in. Limits to groups of points and to accounts stay as an administrator set them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from central.domain.access.policy import Role
from central.domain.actor import Actor, ActorKind, Via
from central.service.people.people import People
from central.service.ports.decisions import DecisionNote
from central.service.ports.people import NewPerson, ProvidedIdentity
from firmware_bridge.contract.errors import EnvironmentFaultError, OperatorError

PROVIDER: Final = Actor(ActorKind.RULE, "identity-provider", Via.DASHBOARD)
"""Who adds people and changes their roles as their groups say."""


class ProviderRefusedError(OperatorError):
    """The provider vouches for nobody, or for somebody who is not let in here."""

    code = "PROVIDER_REFUSED"
    default_remedy = "Sign in again; ask an administrator where it stays so."


class ProviderUnavailableError(EnvironmentFaultError):
    """The provider does not answer, or not as its kind does."""

    code = "PROVIDER_UNAVAILABLE"
    default_remedy = "Try again, or sign in with name and password."


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a provider vouches for.

    Args:
        identity: Who that is.
        name: What they are called there.
        groups: Which they are in there.
    """

    identity: ProvidedIdentity
    name: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asking:
    """One sign-in that has begun.

    Args:
        back: Address to come back to.
        state: Comes back with whoever was sent there.
        nonce: Comes back in what the provider signs.
        verifier: What only this centre knows until it trades the code.
    """

    back: str
    state: str
    nonce: str
    verifier: str


class IdentityProvider(Protocol):
    """A provider of OpenID Connect."""

    @property
    def label(self) -> str:
        """What people call it."""

    async def address(self, asking: Asking) -> str:
        """Where to send somebody.

        Raises:
            ProviderUnavailableError: It does not answer.
        """

    async def vouched(self, asking: Asking, code: str) -> Vouched:
        """Trade a code for whom it vouches for.

        Raises:
            ProviderRefusedError: The code, or what it signed, is not right.
            ProviderUnavailableError: It does not answer.
        """


class ProviderSignIns:
    """Lets people in.

    Args:
        provider: Vouches for them.
        people: Who there is.
        roles: Of groups at the provider.
        clock: The present, aware.
    """

    def __init__(
        self,
        provider: IdentityProvider,
        people: People,
        roles: Mapping[str, Role],
        clock: Callable[[], datetime],
    ) -> None:
        self.provider = provider
        self._people = people
        self._roles = roles
        self._clock = clock

    async def let_in(self, vouched: Vouched) -> str:
        """The name of whoever signs in; added first where they never came before.

        Raises:
            ProviderRefusedError: None of their groups has a role, they are disabled, or their name
                is somebody else's.
            PersonRefusedError: Their name is none, or their roles do not go together.
        """
        roles = frozenset(self._roles[each] for each in vouched.groups if each in self._roles)
        if not roles:
            message = f"No group of {vouched.name} at the provider has a role here."
            remedy = "Ask an administrator for a group that has one."
            raise ProviderRefusedError(message, value=vouched.name, remedy=remedy)
        name = await self._people.store.linked(vouched.identity)
        if name is None:
            await self._add(NewPerson(vouched.name, roles), vouched.identity)
            return vouched.name
        person = await self._people.named(name)
        if person.disabled_at is not None:
            message = f"{name} is disabled."
            raise ProviderRefusedError(message, value=name)
        if person.roles != roles:
            changed = NewPerson(name, roles, person.groups, person.accounts)
            await self._people.change(changed, PROVIDER, "groups at the identity provider")
        return name

    async def _add(self, person: NewPerson, identity: ProvidedIdentity) -> None:
        await self._people.check_new(person)
        note = DecisionNote(PROVIDER, "first sign-in by the identity provider", self._clock())
        if await self._people.store.add(person, note, identity):
            return
        message = f"Somebody here is called {person.name!r} already."
        remedy = (
            "If it is the same person, an administrator links them: `meterline-central user link"
            f" {person.name} --subject {identity.subject} --reason WHY`."
        )
        raise ProviderRefusedError(message, value=person.name, remedy=remedy)
