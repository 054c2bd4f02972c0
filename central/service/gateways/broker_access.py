"""Who may do what at a broker: the rules as data, and the bringing of a broker to them.

The registry is what counts: a gateway that is enrolled may use its own topics, everybody else
nothing. A broker that was away, or that is new, is brought to it as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from central.service.gateways.remote_management import BrokerUnavailableError
from central.service.ports.gateways import GatewayStore
from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.topics import (
    ALL_DOWN,
    CENTRE,
    STATUS_FILTER,
    UP_FILTER,
    command,
    configuration,
    down,
    status,
    up,
)

_log = structlog.get_logger(__name__)
_ANY = "+"
_LOOK_EVERY = timedelta(minutes=5)


class BrokerRulesError(OperatorError):
    """The broker does not keep the rules that the centre gives it."""

    code = "BROKER_RULES_REFUSED"
    default_remedy = "Load the plugin as deploy/mosquitto/mosquitto.conf does, then try again."


class TopicVerb(StrEnum):
    """What a client wants of a topic."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    RECEIVE = "receive"


@dataclass(frozen=True, order=True, slots=True)
class TopicRule:
    """One verb allowed on one topic filter; what no rule allows is refused."""

    verb: TopicVerb
    topic: str


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of a broker.

    Args:
        roles: The rules of each role, by its name.
        clients: The roles of each client, by its certificate's common name.
    """

    roles: Mapping[str, frozenset[TopicRule]]
    clients: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What had to be changed at a broker: names of clients, sorted."""

    admitted: tuple[str, ...]
    refused: tuple[str, ...]
    mended: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.admitted or self.refused or self.mended)


class AccessBroker(Protocol):
    """A broker whose rules can be read and changed while it runs."""

    @property
    def control(self) -> frozenset[TopicRule]:
        """What the centre needs beside the rest to read and change the rules."""

    async def read(self) -> Access:
        """The rules as they are.

        Raises:
            BrokerUnavailableError: It cannot be reached.
            BrokerRulesError: It keeps no such rules.
        """

    async def write_role(self, role: str, rules: frozenset[TopicRule]) -> None:
        """Give a role these rules and no others."""

    async def admit(self, client: str, roles: frozenset[str]) -> None:
        """Give a client these roles and no others."""

    async def refuse(self, client: str) -> None:
        """Take a client out and end its connection, and take out the role that is its own."""


def wanted_access(gateways: Iterable[str], control: frozenset[TopicRule]) -> Access:
    """The rules for the centre and so many gateways; one named like the centre gets none.

    Args:
        gateways: Names of those that are enrolled and not revoked.
        control: See `AccessBroker.control`.
    """
    roles = {_CENTRE_ROLE: _CENTRE_RULES | control, _EACH_ROLE: _reads(ALL_DOWN)}
    clients = {CENTRE: frozenset({_CENTRE_ROLE})}
    for name in gateways:
        if name != CENTRE:
            roles[own_role(name)] = _gateway_rules(name)
            clients[name] = frozenset({_EACH_ROLE, own_role(name)})
    return Access(roles, clients)


def own_role(gateway: str) -> str:
    """The name of the role that one gateway has for itself."""
    return f"gateway {gateway}"


async def bring_to(broker: AccessBroker, gateways: Iterable[str]) -> AccessChange:
    """Bring a broker to what the registry says; one that is as it should be is left alone.

    Args:
        broker: The broker.
        gateways: Names of those that are enrolled and not revoked.

    Raises:
        BrokerUnavailableError: It cannot be reached.
        BrokerRulesError: It keeps no such rules.
    """
    wanted = wanted_access(gateways, broker.control)
    present = await broker.read()
    strangers = sorted(present.clients.keys() - wanted.clients.keys())
    missing = sorted(wanted.clients.keys() - present.clients.keys())
    wrong = sorted(
        name
        for name in wanted.clients.keys() & present.clients.keys()
        if _differs(name, wanted, present)
    )
    # Those who may no longer come first: they are why one asks.
    for name in strangers:
        await broker.refuse(name)
    # Some brokers end the connections of all who have a role that is written, so others are left.
    for role, rules in sorted(wanted.roles.items()):
        if present.roles.get(role) != rules:
            await broker.write_role(role, rules)
    for name, roles in sorted(wanted.clients.items()):
        if present.clients.get(name) != roles:
            await broker.admit(name, roles)
    return AccessChange(tuple(missing), tuple(strangers), tuple(wrong))


class BrokerRules:
    """Keeps a broker at what the registry says.

    The registry is asked each time; the broker when the registry says something else than the last
    time, and now and then for what others did to it.

    Args:
        broker: The broker.
        gateways: The registry.
        clock: Now, aware.
    """

    def __init__(
        self, broker: AccessBroker, gateways: GatewayStore, clock: Callable[[], datetime]
    ) -> None:
        self._broker = broker
        self._gateways = gateways
        self._clock = clock
        self._brought: frozenset[str] | None = None
        self._compared_at: datetime | None = None
        self._is_away = False

    async def keep(self) -> None:
        """Bring the broker to the registry where that may be needed; one that is away waits.

        Raises:
            BrokerRulesError: It keeps no such rules.
        """
        admitted, now = frozenset(await self._gateways.admitted()), self._clock()
        is_fresh = self._compared_at is not None and now - self._compared_at < _LOOK_EVERY
        if is_fresh and admitted == self._brought:
            return
        try:
            change = await bring_to(self._broker, admitted)
        except BrokerUnavailableError as error:
            # It is tried again all the time, and said once.
            if not self._is_away:
                _log.warning("broker_rules_put_off", reason=error.message)
            self._is_away = True
            return
        self._is_away = False
        self._brought, self._compared_at = admitted, now
        if change:
            _log.info("broker_rules_changed", **asdict(change))


def _differs(client: str, wanted: Access, present: Access) -> bool:
    roles = wanted.clients[client]
    return present.clients[client] != roles or any(
        present.roles.get(role) != wanted.roles[role] for role in roles
    )


def _rules(verb: TopicVerb, topics: Collection[str]) -> frozenset[TopicRule]:
    return frozenset(TopicRule(verb, topic) for topic in topics)


def _reads(*topics: str) -> frozenset[TopicRule]:
    return _rules(TopicVerb.SUBSCRIBE, topics) | _rules(TopicVerb.RECEIVE, topics)


def _gateway_rules(name: str) -> frozenset[TopicRule]:
    answers = (down(name), command(name), configuration(name))
    return _rules(TopicVerb.PUBLISH, (up(name), status(name))) | _reads(*answers)


_CENTRE_ROLE, _EACH_ROLE = "centre", "every gateway"
_CENTRE_RULES = (
    _reads(UP_FILTER, STATUS_FILTER)
    | _rules(TopicVerb.SUBSCRIBE, [f"$share/+/{UP_FILTER}"])
    | _rules(TopicVerb.PUBLISH, [down(_ANY), command(_ANY), configuration(_ANY), ALL_DOWN])
)
