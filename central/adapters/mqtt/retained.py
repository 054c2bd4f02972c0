"""Leaves messages for gateways at the broker, and reads what they last said of themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

from central.adapters.mqtt.connection import broker_client
from central.adapters.mqtt.worker import BrokerAddress
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
        async with broker_client(self._address, "instruct") as client:
            await client.publish(_TOPICS[purpose](gateway), payload, QOS, retain=True)

    async def statuses(self, gateways: Collection[str]) -> dict[str, Status]:
        """See `GatewayLine`."""
        wanted = [status(name) for name in gateways] or [STATUS_FILTER]
        found: dict[str, Status] = {}
        async with broker_client(self._address, "instruct") as client:
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
