"""A connection to the broker for a question or an order, made for it and closed after it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aiomqtt

from central.adapters.mqtt.worker import BrokerAddress
from central.service.gateways.remote_management import BrokerUnavailableError

ANSWER_S = 5.0


@asynccontextmanager
async def broker_client(address: BrokerAddress, purpose: str) -> AsyncIterator[aiomqtt.Client]:
    """A connection; MQTT 5 where the broker speaks it, for it says what it refuses.

    Args:
        address: Where the broker is.
        purpose: Stands in the client's identifier.

    Raises:
        BrokerUnavailableError: It cannot be reached, or refused what was asked.
    """
    versions = aiomqtt.ProtocolVersion
    try:
        client = await _connected(address, purpose, versions.V5)
    except aiomqtt.MqttError:
        try:
            client = await _connected(address, purpose, versions.V311)
        except aiomqtt.MqttError as error:
            raise _away(address, error) from error
    try:
        yield client
    except aiomqtt.MqttError as error:
        raise _away(address, error) from error
    finally:
        await client.__aexit__(None, None, None)


async def _connected(
    address: BrokerAddress, purpose: str, protocol: aiomqtt.ProtocolVersion
) -> aiomqtt.Client:
    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        tls_context=address.tls,
        protocol=protocol,
        identifier=f"meterline-{purpose}-{uuid4().hex[:16]}",
        timeout=ANSWER_S,
    )
    return await client.__aenter__()


def _away(address: BrokerAddress, error: aiomqtt.MqttError) -> BrokerUnavailableError:
    where = f"{address.host}:{address.port}"
    message = f"The broker {where} is unavailable or refused the connection: {error}."
    return BrokerUnavailableError(message, value=where)
