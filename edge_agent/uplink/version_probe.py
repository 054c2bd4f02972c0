"""Asks a broker which MQTT it speaks, and says by name why it is unavailable.

aiomqtt tells nothing of a broker that hangs up before it has answered: neither one that speaks MQTT
3.1.1 only and drops what it does not know, nor one that refuses our certificate, which TLS 1.3 says
only after the handshake. So where nothing is known of the broker, and after every failure, one
CONNECT packet of MQTT 5 is sent over a connection of its own, without credentials and without a
client's name: whatever the answer, its form tells the version.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final

import aiomqtt

from edge_agent.errors import (
    BrokerRefusalError,
    BrokerSilentError,
    BrokerUnreachableError,
    BrokerUntrustedError,
)

KNOCK_TIMEOUT_S: Final = 10.0
VERDICT_S: Final = 1.0

# MQTT 5, section 3.1: clean start, no keep-alive, no properties, no client identifier.
_CONNECT = bytes.fromhex("10 0d 0004 4d515454 05 02 0000 00 0000")
_DISCONNECT = bytes.fromhex("e000")
_CONNACK: Final = 0x20
# Section 3.2: flags, reason, and the length of the properties, which 3.1.1 does not have.
_CONNACK5_MIN: Final = 3
# "Unsupported protocol version", which a broker may say in the form of MQTT 5.
_UNSUPPORTED: Final = 0x84


async def ask_version(
    host: str, port: int, context: ssl.SSLContext | None, timeout_s: float = KNOCK_TIMEOUT_S
) -> aiomqtt.ProtocolVersion:
    """The newest version of MQTT that a broker speaks.

    Args:
        host: Name or address.
        port: TCP port.
        context: For TLS; None for plain TCP.
        timeout_s: For all of it. [s]

    Raises:
        BrokerUnreachableError: No connection.
        BrokerUntrustedError: Its certificate is not one that we trust.
        BrokerRefusalError: It does not take our certificate.
        BrokerSilentError: It took the connection and said nothing, or no MQTT.
    """
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            return await _ask(host, port, context)
    except ssl.SSLCertVerificationError as error:
        message = f"The certificate of the broker {where} is not trusted: {error.verify_message}."
        raise BrokerUntrustedError(
            message,
            value=where,
            remedy="Check broker.ca_file, the broker's host name and the gateway's clock.",
        ) from error
    except ssl.SSLError as error:
        message = (
            f"The broker {where} refused this gateway's certificate or TLS version: {error.reason}."
        )
        raise BrokerRefusalError(
            message, value=where, remedy="Check broker.cert_file: its issuer and its last day."
        ) from error
    except TimeoutError as error:
        message = f"The broker {where} did not answer."
        raise BrokerSilentError(message, value=where) from error
    except OSError as error:
        message = f"The broker {where} cannot be reached: {error.strerror or error}."
        raise BrokerUnreachableError(message, value=where) from error


async def _ask(host: str, port: int, context: ssl.SSLContext | None) -> aiomqtt.ProtocolVersion:
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        writer.write(_CONNECT)
        try:
            kind, length = await reader.readexactly(2)
            body = await reader.readexactly(min(length, _CONNACK5_MIN))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            if context is not None:
                await asyncio.to_thread(_await_verdict, host, port, context)
            # Hung up on a version that it does not know, as MQTT 3.1.1 allows (3.1.2.2).
            return aiomqtt.ProtocolVersion.V311
        if kind != _CONNACK or length < _CONNACK5_MIN - 1:
            message = f"The server at {host}:{port} is not an MQTT broker."
            raise BrokerSilentError(message, value=bytes([kind, length]) + body)
        writer.write(_DISCONNECT)
        if length < _CONNACK5_MIN or body[1] == _UNSUPPORTED:
            return aiomqtt.ProtocolVersion.V311
        return aiomqtt.ProtocolVersion.V5
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1.0)


def _await_verdict(host: str, port: int, context: ssl.SSLContext) -> None:
    """Hear what the broker thinks of our certificate.

    What is sent to a side that has closed makes the kernel throw away what it said before; so
    nothing is sent here. Silence means that the certificate was taken.

    Raises:
        ssl.SSLError: It was not.
    """
    with (
        socket.create_connection((host, port), timeout=VERDICT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
        contextlib.suppress(TimeoutError),
    ):
        secured.recv(1)
