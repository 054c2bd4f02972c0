"""A real mosquitto with the deployed plugin, brought to what the registry says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import aiomqtt
import pytest
import structlog
from structlog.testing import capture_logs

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker, mosquitto_program
from central.adapters.mqtt.dynamic_security import DynamicSecurity, rules_file
from central.adapters.mqtt.worker import BrokerAddress
from central.service.gateways.broker_access import (
    Access,
    AccessChange,
    BrokerRules,
    BrokerRulesError,
    TopicRule,
    bring_to,
    wanted_access,
)
from central.service.gateways.enrolment import enrol_gateway, revoke_gateway
from central.service.gateways.remote_management import BrokerUnavailableError
from firmware_bridge.contract import topics
from tests.support.actors import CLERK
from tests.support.memory.ingest import MemoryIngestStore
from tests.support.servers import free_port, fresh_folder
from tests.support.site import Authority, DeployedBroker, deployed_broker

NOW = datetime(2026, 3, 1, tzinfo=UTC)

NOTHING = AccessChange((), (), ())
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def site() -> Iterator[DeployedBroker]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        with deployed_broker(folder, authority) as found:
            yield found


@pytest.fixture
def line(site: DeployedBroker) -> DynamicSecurity:
    return DynamicSecurity(site.centre)


def gateway(site: DeployedBroker, name: str) -> aiomqtt.Client:
    context = site.context(name)
    return aiomqtt.Client(
        "127.0.0.1", site.port, tls_context=context, protocol=aiomqtt.ProtocolVersion.V5
    )


def client_of(address: BrokerAddress) -> aiomqtt.Client:
    return aiomqtt.Client(address.host, address.port, tls_context=address.tls)


async def registry(*names: str) -> MemoryIngestStore:
    store = MemoryIngestStore()
    for name in names:
        await enrol_gateway(store, name, CLERK, lambda: NOW)
    return store


async def brought(line: DynamicSecurity, store: MemoryIngestStore) -> AccessChange:
    return await bring_to(line, await store.admitted())


async def order(site: DeployedBroker, *commands: dict[str, Any]) -> None:
    """Somebody else changes the rules."""
    control = "$CONTROL/dynamic-security/v1"
    address = site.centre
    async with aiomqtt.Client(address.host, address.port, tls_context=address.tls) as client:
        await client.subscribe(f"{control}/response", 1)
        await client.publish(control, json.dumps({"commands": commands}), 1)
        answers = json.loads(bytes((await anext(client.messages)).payload))["responses"]
        assert not [each for each in answers if "error" in each]


async def may_subscribe(client: aiomqtt.Client, topic: str) -> bool:
    codes = await client.subscribe(topic, 1)
    return all(getattr(code, "value", code) < 128 for code in codes)


async def test_an_enrolled_gateway_comes_in_and_a_revoked_one_is_out_at_once(
    site: DeployedBroker, line: DynamicSecurity
) -> None:
    await brought(line, await registry())
    store = await registry("gw-1", "gw-2")
    assert await brought(line, store) == AccessChange(("gw-1", "gw-2"), (), ())
    assert await brought(line, store) == NOTHING
    async with gateway(site, "gw-1") as revoked, gateway(site, "gw-2") as other:
        assert await may_subscribe(revoked, topics.down("gw-1"))
        assert await may_subscribe(other, topics.down("gw-2"))
        await revoke_gateway(store, "gw-1", CLERK, lambda: NOW)
        assert await brought(line, store) == AccessChange((), ("gw-1",), ())
        with pytest.raises(aiomqtt.MqttError):
            async with asyncio.timeout(PATIENCE_S):
                await anext(revoked.messages)
        assert await may_subscribe(other, topics.ALL_DOWN)
    async with gateway(site, "gw-1") as again:
        assert not await may_subscribe(again, topics.down("gw-1"))
    await enrol_gateway(store, "gw-1", CLERK, lambda: NOW)
    assert await brought(line, store) == AccessChange(("gw-1",), (), ())
    async with gateway(site, "gw-1") as back:
        assert await may_subscribe(back, topics.down("gw-1"))


async def test_who_stays_as_it_was_keeps_its_connection(
    site: DeployedBroker, line: DynamicSecurity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever else is admitted, refused or mended: nobody but that one is disconnected.

    Some brokers end the connections of all who have a role that is written, this one or not.
    """
    written: list[str] = []
    write = line.write_role

    async def noted(role: str, rules: frozenset[TopicRule]) -> None:
        written.append(role)
        await write(role, rules)

    await brought(line, await registry("gw-1", "gw-2"))
    monkeypatch.setattr(line, "write_role", noted)
    async with client_of(site.centre) as worker, gateway(site, "gw-2") as other:
        await worker.subscribe(topics.UP_FILTER, 1)
        await other.subscribe(topics.ALL_DOWN, 1)
        await brought(line, await registry("gw-2", "gw-3", "gw-4"))
        await order(site, {"command": "disableClient", "username": "gw-3"})
        assert (await brought(line, await registry("gw-2", "gw-3", "gw-4"))).mended == ("gw-3",)
        await other.publish(topics.up("gw-2"), b"x", 1)
        await worker.publish(topics.ALL_DOWN, b"y", 1)
        for client, said in ((worker, b"x"), (other, b"y")):
            async with asyncio.timeout(PATIENCE_S):
                assert (await anext(client.messages)).payload == said
    assert written == ["gateway gw-3", "gateway gw-4"]


ANYTHING = {"acltype": "subscribePattern", "topic": "#", "priority": 0, "allow": True}
TAMPERING: dict[str, tuple[list[dict[str, Any]], AccessChange]] = {
    "a client of somebody's": (
        [{"command": "createClient", "username": "mallory", "password": "secret"}],
        AccessChange((), ("mallory",), ()),
    ),
    "a client that is gone": (
        [{"command": "deleteClient", "username": "gw-1"}],
        AccessChange(("gw-1",), (), ()),
    ),
    "a client that is disabled": (
        [{"command": "disableClient", "username": "gw-1"}],
        AccessChange((), (), ("gw-1",)),
    ),
    "one rule more": (
        [{"command": "addRoleACL", "rolename": "gateway gw-1", **ANYTHING}],
        AccessChange((), (), ("gw-1",)),
    ),
    "one rule less": (
        [
            {
                "command": "removeRoleACL",
                "rolename": "gateway gw-1",
                "acltype": "subscribeLiteral",
                "topic": topics.down("gw-1"),
            }
        ],
        AccessChange((), (), ("gw-1",)),
    ),
    "a rule that says no": (
        [
            {
                "command": "addRoleACL",
                "rolename": "gateway gw-1",
                "acltype": "publishClientSend",
                "topic": topics.up("gw-2"),
                "priority": 5,
                "allow": False,
            }
        ],
        AccessChange((), (), ("gw-1",)),
    ),
    "another's role": (
        [{"command": "addClientRole", "username": "gw-1", "rolename": "gateway gw-2"}],
        AccessChange((), (), ("gw-1",)),
    ),
    "a role that is gone": (
        [{"command": "deleteRole", "rolename": "gateway gw-1"}],
        AccessChange((), (), ("gw-1",)),
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_what_others_did_to_the_rules_is_undone(
    site: DeployedBroker, line: DynamicSecurity, what: str
) -> None:
    store = await registry("gw-1", "gw-2")
    await brought(line, store)
    commands, change = TAMPERING[what]
    await order(site, *commands)
    assert await brought(line, store) == change
    assert await brought(line, store) == NOTHING
    assert (await line.read()).clients == wanted_access(["gw-1", "gw-2"], line.control).clients


async def test_what_no_rule_allows_is_refused_whatever_others_set(
    site: DeployedBroker, line: DynamicSecurity
) -> None:
    store = await registry("gw-1")
    await brought(line, store)
    everything = [
        {"acltype": kind, "allow": True}
        for kind in ("publishClientSend", "publishClientReceive", "subscribe")
    ]
    await order(site, {"command": "setDefaultACLAccess", "acls": everything})
    async with gateway(site, "gw-1") as one:
        assert await may_subscribe(one, topics.up("gw-2"))
    await brought(line, store)
    async with gateway(site, "gw-1") as one:
        assert not await may_subscribe(one, topics.up("gw-2"))


async def test_more_gateways_than_the_broker_lists_at_a_time(line: DynamicSecurity) -> None:
    few, many = await registry("gw-1"), await registry(*(f"gw-{n}" for n in range(30)))
    await brought(line, many)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("central.adapters.mqtt.dynamic_security._PAGE", 7)
        assert await brought(line, many) == NOTHING
        assert len((await brought(line, few)).refused) == 29


async def test_the_broker_is_asked_when_the_registry_says_something_else_or_now_and_then() -> None:
    class Asked(DynamicSecurity):
        times = 0
        fails = False
        meanwhile: ClassVar[list[Callable[[], Awaitable[object]]]] = []

        async def read(self) -> Access:
            self.times += 1
            if self.fails:
                message = "away"
                raise BrokerUnavailableError(message)
            access = wanted_access(await store.admitted(), self.control)
            while self.meanwhile:
                await self.meanwhile.pop()()
            return access

    store, asked, now = await registry("gw-1"), Asked(BrokerAddress("127.0.0.1")), [NOW]
    rules = BrokerRules(asked, store, lambda: now[0])

    async def after(act: Callable[[], Awaitable[object]] | None = None) -> int:
        if act is not None:
            await act()
        await rules.keep()
        return asked.times

    assert [await after(), await after()] == [1, 1]
    assert await after(lambda: enrol_gateway(store, "gw-2", CLERK, lambda: NOW)) == 2
    assert await after(lambda: revoke_gateway(store, "gw-2", CLERK, lambda: NOW)) == 3

    async def enrols_while_it_is_asked() -> None:
        asked.meanwhile.append(lambda: enrol_gateway(store, "gw-3", CLERK, lambda: NOW))
        await enrol_gateway(store, "gw-2", CLERK, lambda: NOW)

    assert await after(enrols_while_it_is_asked) == 4
    assert await after(lambda: revoke_gateway(store, "gw-3", CLERK, lambda: NOW)) == 4
    assert await after(lambda: enrol_gateway(store, "gw-3", CLERK, lambda: NOW)) == 5
    now[0] += timedelta(minutes=5)
    asked.fails = True
    with capture_logs() as said, pytest.MonkeyPatch.context() as patch:
        # One that was used before may be bound to where lines went then.
        patch.setattr("central.service.gateways.broker_access._log", structlog.get_logger())
        assert [await after(), await after()] == [6, 7]
    assert [each["event"] for each in said] == ["broker_rules_put_off"]
    asked.fails = False
    assert [await after(), await after()] == [8, 8]


async def test_a_broker_that_is_away_or_keeps_no_rules_is_named() -> None:
    store = await registry("gw-1")
    with pytest.raises(BrokerUnavailableError):
        await brought(DynamicSecurity(BrokerAddress("127.0.0.1", free_port())), store)
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    with (
        fresh_folder() as home,
        EmbeddedBroker(home / "plain", kind=BrokerKind.MOSQUITTO) as plain,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("central.adapters.mqtt.dynamic_security.ANSWER_S", 0.3)
        with pytest.raises(BrokerRulesError, match="does not answer"):
            await brought(DynamicSecurity(BrokerAddress(plain.host, plain.port)), store)


def test_the_file_for_a_new_broker_holds_no_secret_and_one_role_a_gateway() -> None:
    document = json.loads(rules_file(wanted_access(["gw-1", topics.CENTRE], frozenset())))
    assert document["defaultACLAccess"]["subscribe"] is False
    clients = {each["username"]: each["roles"] for each in document["clients"]}
    assert clients == {
        "gw-1": [{"rolename": "every gateway"}, {"rolename": "gateway gw-1"}],
        topics.CENTRE: [{"rolename": "centre"}],
    }
    assert "password" not in json.dumps(document)
