"""Leaves messages for gateways at the broker, and reads what they last said of themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import uuid4

import aiomqtt

from central.adapters.mqtt.worker import BrokerAddress
from central.service.gateways.remote_management import BrokerUnavailableError
from firmware_bridge.contract.errors import InvalidValueError, MessageError
from firmware_bridge.contract.messages import Status, decode_status
from firmware_bridge.contract.signed import Purpose
from firmware_bridge.contract.topics import (
    QOS,
    STATUS_FILTER,
    command,
    configuration,
    gateway_of,
    status,
)

_ANSWER_S = 5.0
# What is retained comes at once; after so long without any there is no more.
_QUIET_S = 0.5
# Who publishes without end must not keep an answer from coming.
_ALL_S = 10.0
_TOPICS = {Purpose.CONFIGURATION: configuration, Purpose.UPDATE: command}


class BrokerLine:
    """`GatewayLine` over MQTT; each call has a connection of its own.

    Args:
        address: Where the broker is.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address

    async def leave(self, gateway: str, purpose: Purpose, payload: bytes) -> None:
        """See `GatewayLine`."""
        async with self._client() as client:
            await client.publish(_TOPICS[purpose](gateway), payload, QOS, retain=True)

    async def statuses(self, gateways: Collection[str]) -> dict[str, Status]:
        """See `GatewayLine`."""
        wanted = [status(name) for name in gateways] or [STATUS_FILTER]
        found: dict[str, Status] = {}
        async with self._client() as client:
            for topic in wanted:
                await client.subscribe(topic, QOS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ALL_S):
                    while not gateways or len(found) < len(gateways):
                        async with asyncio.timeout(_QUIET_S):
                            message = await anext(client.messages)
                        # One that cannot be read is no reason to miss the others.
                        with contextlib.suppress(MessageError, InvalidValueError):
                            name = gateway_of(message.topic.value)
                            found[name] = decode_status(bytes(message.payload))
        return found

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[aiomqtt.Client]:
        """A connection; MQTT 5 where the broker speaks it, for it says what it refuses."""
        versions = aiomqtt.ProtocolVersion
        try:
            client = await self._connected(versions.V5)
        except aiomqtt.MqttError:
            try:
                client = await self._connected(versions.V311)
            except aiomqtt.MqttError as error:
                raise self._away(error) from error
        try:
            yield client
        except aiomqtt.MqttError as error:
            raise self._away(error) from error
        finally:
            await client.__aexit__(None, None, None)

    async def _connected(self, protocol: aiomqtt.ProtocolVersion) -> aiomqtt.Client:
        address = self._address
        client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            tls_context=address.tls,
            protocol=protocol,
            identifier=f"meterline-instruct-{uuid4().hex[:16]}",
            timeout=_ANSWER_S,
        )
        return await client.__aenter__()

    def _away(self, error: aiomqtt.MqttError) -> BrokerUnavailableError:
        where = f"{self._address.host}:{self._address.port}"
        message = f"The broker {where} is unavailable or refused the connection: {error}."
        return BrokerUnavailableError(message, value=where)
