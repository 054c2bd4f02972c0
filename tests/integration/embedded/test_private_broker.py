"""The private brokers carry messages for our own client library."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiomqtt
import pytest

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker


def client(broker: EmbeddedBroker, protocol: aiomqtt.ProtocolVersion) -> aiomqtt.Client:
    return aiomqtt.Client(broker.host, broker.port, protocol=protocol)


async def echoed(broker: EmbeddedBroker, protocol: aiomqtt.ProtocolVersion) -> bytes:
    async with client(broker, protocol) as one, client(broker, protocol) as other:
        await one.subscribe("meterline/test", qos=1)
        await other.publish("meterline/test", b"42", qos=1)
        async with asyncio.timeout(60):
            message = await anext(one.messages)
    assert isinstance(message.payload, bytes)
    return message.payload


async def test_carries_mqtt_3_1_1(broker: EmbeddedBroker) -> None:
    assert await echoed(broker, aiomqtt.ProtocolVersion.V311) == b"42"


async def test_mosquitto_carries_mqtt_5(mosquitto: EmbeddedBroker) -> None:
    assert mosquitto.speaks_mqtt5
    assert await echoed(mosquitto, aiomqtt.ProtocolVersion.V5) == b"42"


async def test_comes_back_on_the_same_port(broker: EmbeddedBroker) -> None:
    port, pid = broker.port, broker.pid
    broker.kill()
    assert not broker.running
    broker.start()
    assert (broker.port, broker.pid != pid) == (port, True)
    assert await echoed(broker, aiomqtt.ProtocolVersion.V311) == b"42"


async def test_a_persistent_mosquitto_keeps_retained_messages(
    mosquitto: EmbeddedBroker, server_home: Path
) -> None:
    assert mosquitto.running
    kept = EmbeddedBroker(server_home / "kept", kind=BrokerKind.MOSQUITTO, persistent=True)
    with kept:
        async with client(kept, aiomqtt.ProtocolVersion.V5) as publisher:
            await publisher.publish("meterline/test", b"42", qos=1, retain=True)
    with kept:
        async with client(kept, aiomqtt.ProtocolVersion.V5) as reader, asyncio.timeout(60):
            await reader.subscribe("meterline/test")
            assert (await anext(reader.messages)).payload == b"42"


def test_falls_back_to_amqtt_where_mosquitto_is_missing(
    server_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.adapters.embedded.broker.SEARCH_PATH", str(server_home))
    assert EmbeddedBroker(server_home / "b").kind is BrokerKind.AMQTT
