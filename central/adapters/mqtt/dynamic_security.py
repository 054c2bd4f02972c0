"""The rules of a mosquitto, kept by its plugin for dynamic security.

Plain files of rules never refuse a subscription, so that whoever joins the shared one takes other
gateways' batches. The plugin refuses what no rule allows, and is told over MQTT. Clients have no
password here: who they are, their certificate says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from central.adapters.mqtt.connection import ANSWER_S, broker_client
from central.adapters.mqtt.worker import BrokerAddress
from central.service.gateways.broker_access import (
    Access,
    BrokerRulesError,
    TopicRule,
    TopicVerb,
    own_role,
)
from firmware_bridge.contract.topics import QOS

_TOPIC = "$CONTROL/dynamic-security/v1"
_ANSWERS = f"{_TOPIC}/response"
_KINDS = {"publishClientSend": TopicVerb.PUBLISH, "publishClientReceive": TopicVerb.RECEIVE}
_SUBSCRIBES = ("subscribeLiteral", "subscribePattern")
# The plugin's own word for what nobody needs a rule for.
_UNSUBSCRIBE = "unsubscribePattern"
_DEFAULTS = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    "unsubscribe": True,
}
_PAGE = 500
# Another process may have been faster: what it did is what was to be done.
_DONE_ALREADY = ("already exists", "not found")

_Command = Mapping[str, Any]


class DynamicSecurity:
    """`AccessBroker` over MQTT; each call has a connection of its own.

    Args:
        address: Where the broker lets the centre in.
    """

    control = frozenset(
        {
            TopicRule(TopicVerb.PUBLISH, _TOPIC),
            TopicRule(TopicVerb.SUBSCRIBE, _ANSWERS),
            TopicRule(TopicVerb.RECEIVE, _ANSWERS),
        }
    )

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address

    async def read(self) -> Access:
        """See `AccessBroker`; what it allows to who has no rule is set right on the way."""
        async with self._session() as session:
            await session.ask({"command": "setDefaultACLAccess", "acls": _default_acls()})
            roles = [each async for each in session.pages("listRoles", "roles")]
            clients = [each async for each in session.pages("listClients", "clients")]
        return Access(
            {each["rolename"]: _rules(each.get("acls", ())) for each in roles},
            {
                each["username"]: frozenset(role["rolename"] for role in each.get("roles", ()))
                # One that was disabled comes in by its certificate all the same.
                | ({"disabled"} if each.get("disabled") else frozenset())
                for each in clients
            },
        )

    async def write_role(self, role: str, rules: frozenset[TopicRule]) -> None:
        """See `AccessBroker`."""
        async with self._session() as session:
            await session.ask({"command": "createRole", "rolename": role})
            await session.ask({"command": "modifyRole", "rolename": role, "acls": _acls(rules)})

    async def admit(self, client: str, roles: frozenset[str]) -> None:
        """See `AccessBroker`."""
        async with self._session() as session:
            await session.ask({"command": "createClient", "username": client})
            await session.ask(
                {"command": "modifyClient", "username": client, "roles": _role_names(roles)},
                {"command": "enableClient", "username": client},
            )

    async def refuse(self, client: str) -> None:
        """See `AccessBroker`."""
        async with self._session() as session:
            await session.ask({"command": "deleteClient", "username": client})
            await session.ask({"command": "deleteRole", "rolename": own_role(client)})

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Session]:
        async with broker_client(self._address, "rules") as client:
            await client.subscribe(_ANSWERS, QOS)
            yield _Session(client)


def rules_document(access: Access) -> dict[str, Any]:
    """What the plugin's own file says, for a broker that has none yet."""
    return {
        "defaultACLAccess": _DEFAULTS,
        "clients": [
            {"username": name, "roles": _role_names(roles)}
            for name, roles in sorted(access.clients.items())
        ],
        "roles": [
            {"rolename": name, "acls": _acls(rules)} for name, rules in sorted(access.roles.items())
        ],
    }


def rules_file(access: Access) -> str:
    """The plugin's own file."""
    return json.dumps(rules_document(access), indent=1) + "\n"


class _Session:
    """Orders and their answers over one connection.

    Args:
        client: A connection that listens for answers.
    """

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def ask(self, *commands: _Command) -> list[dict[str, Any]]:
        """The data of each answer.

        Raises:
            BrokerRulesError: There was no answer, or the answer was no.
        """
        await self._client.publish(_TOPIC, json.dumps({"commands": commands}), QOS)
        try:
            async with asyncio.timeout(ANSWER_S):
                message = await anext(self._client.messages)
        except TimeoutError:
            text = "The broker does not answer what asks for its rules."
            raise BrokerRulesError(text, value=_TOPIC) from None
        answers = json.loads(bytes(message.payload))["responses"]
        for answer in answers:
            error = answer.get("error")
            if error is not None and not str(error).endswith(_DONE_ALREADY):
                text = f"The broker refused {answer['command']}: {error}."
                raise BrokerRulesError(text, value=answer["command"])
        return [answer.get("data", {}) for answer in answers]

    async def pages(self, command: str, what: str) -> AsyncIterator[dict[str, Any]]:
        """All that a listing holds."""
        offset = 0
        while True:
            order = {"command": command, "verbose": True, "count": _PAGE, "offset": offset}
            listed = (await self.ask(order))[0][what]
            for each in listed:
                yield each
            offset += len(listed)
            if len(listed) < _PAGE:
                return


def _default_acls() -> list[dict[str, Any]]:
    return [{"acltype": kind, "allow": allow} for kind, allow in _DEFAULTS.items()]


def _acls(rules: Iterable[TopicRule]) -> list[dict[str, Any]]:
    kinds = {verb: kind for kind, verb in _KINDS.items()}
    return [
        {
            "acltype": kinds.get(rule.verb) or _SUBSCRIBES["+" in rule.topic],
            "topic": rule.topic,
            "priority": 0,
            "allow": True,
        }
        for rule in sorted(rules)
    ]


def _rules(acls: Iterable[Mapping[str, Any]]) -> frozenset[TopicRule]:
    """The rules that were read; one that is none of ours differs from all of ours."""
    return frozenset(
        TopicRule(_KINDS.get(acl["acltype"], TopicVerb.SUBSCRIBE), _topic(acl))
        for acl in acls
        if acl["acltype"] != _UNSUBSCRIBE
    )


def _topic(acl: Mapping[str, Any]) -> str:
    kind, topic = str(acl["acltype"]), str(acl["topic"])
    as_written = kind in _KINDS or kind == _SUBSCRIBES["+" in topic]
    return topic if acl["allow"] and as_written else f"{kind} {topic}"


def _role_names(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"rolename": name} for name in sorted(names)]
