"""The connection to the broker: keeps it, and carries bytes between it and the conductor.

Nothing here decides what to send. A publish that is lost, refused or never confirmed needs no
handling of its own: only the centre's acknowledgement releases a batch, and what it does not
acknowledge is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiomqtt
import structlog

from edge_agent.clock import Clock
from edge_agent.conductor import Conductor, Moment
from edge_agent.ending import end
from edge_agent.errors import BrokerTlsError
from firmware_bridge.contract import topics
from firmware_bridge.contract.errors import EnvironmentFaultError
from firmware_bridge.contract.messages import GatewayState, Status, encode_status
from firmware_bridge.contract.reading import TimeQuality

_log = structlog.get_logger(__name__)

BACKOFF_S = 1.0
BACKOFF_MAX_S = 60.0
CONNECT_TIMEOUT_S = 10.0
# A broker of MQTT 3.1.1 only may hang up in silence.
FIRST_TIMEOUT_S = 4.0
PATIENCE = 5
PUBLISH_TIMEOUT_S = 60.0
STATUS_TIMEOUT_S = 5.0
# What Mosquitto's receive maximum is by default; paho keeps the rest in order until there is room.
IN_FLIGHT = 20
PENDING_WARNING = 1_000


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to be admitted.

    Args:
        host: Name or address.
        port: TCP port.
        username: None for none.
        password: None for none.
        ca_file: Whom to trust; None for no TLS, unless `tls` asks for the system's authorities.
        cert_file: The gateway's certificate; its common name is the gateway's name.
        key_file: Its key.
        tls: Whether the connection is encrypted.
        keepalive_s: MQTT keep-alive. [s]
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    tls: bool = False
    keepalive_s: int = 30

    def tls_context(self) -> ssl.SSLContext | None:
        """What the connection is encrypted with, None for plain TCP.

        Raises:
            BrokerTlsError: A certificate or key cannot be read.
        """
        if not self.tls and self.ca_file is None:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            message = f"The TLS files for the broker cannot be used: {error}."
            raise BrokerTlsError(
                message, value=str(self.cert_file or self.ca_file), remedy="Check broker.tls."
            ) from error
        return context


class Uplink:
    """Runs until it is cancelled.

    Args:
        gateway: Who we are; also the MQTT client's name, so that a new connection ends an old one.
        broker: Where to.
        conductor: Decides what is sent.
        clock: For waiting and stamping.
        random: For the jitter of reconnects.
    """

    def __init__(
        self, gateway: str, broker: Broker, conductor: Conductor, clock: Clock, random: Random
    ) -> None:
        self.connected = False
        self.protocol = aiomqtt.ProtocolVersion.V5
        self._proven = False
        self._gateway = gateway
        self._broker = broker
        self._conductor = conductor
        self._clock = clock
        self._random = random
        self._wake = asyncio.Event()
        self._inbox: deque[bytes] = deque()
        self._publishes: set[asyncio.Task[None]] = set()

    def notify(self) -> None:
        """The buffer holds something new. Never blocks."""
        self._wake.set()

    async def run(self) -> None:
        """Connect, carry, and connect again, for ever.

        Raises:
            BrokerTlsError: The certificate files cannot be used; trying again would not help.
        """
        attempt = 0
        context = self._broker.tls_context()
        while True:
            try:
                async with self._client(context) as client:
                    attempt, self._proven = 0, True
                    await self._converse(client)
            except aiomqtt.MqttError as error:
                _log.info("broker_lost", reason=str(error), attempt=attempt)
                self._reconsider(error, attempt)
            attempt += 1
            bound = min(BACKOFF_S * 2.0 ** min(attempt, 10), BACKOFF_MAX_S)
            await self._clock.sleep(self._random.uniform(BACKOFF_S / 4, bound))

    def _reconsider(self, error: aiomqtt.MqttError, attempt: int) -> None:
        """A broker that refuses or says nothing may speak the other version of MQTT.

        One that proved to speak this version is believed for longer: it may only be starting.
        """
        silent = str(error) == "Operation timed out"
        if not (silent or isinstance(error, aiomqtt.MqttCodeError)):
            return
        if not self._proven or attempt > PATIENCE:
            self._proven = False
            self.protocol = _other(self.protocol)

    def _client(self, context: ssl.SSLContext | None) -> aiomqtt.Client:
        offline = Status(GatewayState.OFFLINE, self._conductor.agent)
        v5 = self.protocol is aiomqtt.ProtocolVersion.V5
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            identifier=f"meterline-{self._gateway}",
            protocol=self.protocol,
            # What was missed while away is asked for by the hello.
            clean_session=None if v5 else True,
            will=aiomqtt.Will(
                topics.status(self._gateway), encode_status(offline), qos=topics.QOS, retain=True
            ),
            timeout=CONNECT_TIMEOUT_S if self._proven or not v5 else FIRST_TIMEOUT_S,
            # A window's last packet must not wait for the confirmation of the one before.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            keepalive=self._broker.keepalive_s,
            tls_context=context,
            max_inflight_messages=IN_FLIGHT,
        )
        client.pending_calls_threshold = PENDING_WARNING
        return client

    async def _converse(self, client: aiomqtt.Client) -> None:
        await client.subscribe(
            [(topics.down(self._gateway), topics.QOS), (topics.ALL_DOWN, topics.QOS)]
        )
        self._inbox.clear()
        reader = asyncio.create_task(self._read(client))
        try:
            await self._say(client, GatewayState.ONLINE)
            self.connected = True
            _log.info("broker_connected", host=self._broker.host, protocol=self.protocol.name)
            self._publish(client, await self._conductor.connected(self._moment()))
            while True:
                await self._turn(client, reader)
        except asyncio.CancelledError:
            # We end the connection properly, so the last will stays unsaid.
            with contextlib.suppress(aiomqtt.MqttError):
                await self._say(client, GatewayState.OFFLINE)
            raise
        finally:
            self.connected = False
            await self._stop(reader)
            await self._conductor.disconnected(self._moment())

    async def _say(self, client: aiomqtt.Client, state: GatewayState) -> None:
        status = Status(state, self._conductor.agent, self._clock.wall(), self._conductor.backlog)
        await client.publish(
            topics.status(self._gateway),
            encode_status(status),
            qos=topics.QOS,
            retain=True,
            timeout=STATUS_TIMEOUT_S,
        )

    async def _turn(self, client: aiomqtt.Client, reader: asyncio.Task[None]) -> None:
        """Wait for something to happen, and answer it."""
        await self._wait()
        if reader.done():
            reader.result()
        out: list[bytes] = []
        try:
            while self._inbox:
                out += await self._conductor.received(self._inbox.popleft(), self._moment())
            out += await self._conductor.stored(self._moment())
            if self._due():
                out += await self._conductor.elapsed(self._moment())
        except EnvironmentFaultError as error:
            # The buffer's own alarm says more; the conversation goes on when it recovers.
            _log.error("buffer_trouble", code=error.code, reason=error.message)
            await self._clock.sleep(BACKOFF_S)
        self._publish(client, out)

    async def _wait(self) -> None:
        wake_at = self._conductor.wake_at
        timeout = None if wake_at is None else max(wake_at - self._clock.monotonic(), 0.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        self._wake.clear()

    def _due(self) -> bool:
        wake_at = self._conductor.wake_at
        return wake_at is not None and self._clock.monotonic() >= wake_at

    async def _read(self, client: aiomqtt.Client) -> None:
        try:
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    self._inbox.append(message.payload)
                    self._wake.set()
        finally:
            self._wake.set()

    def _publish(self, client: aiomqtt.Client, payloads: list[bytes]) -> None:
        """Publish without waiting for the broker's confirmation, which proves nothing."""
        for payload in payloads:
            task = asyncio.create_task(self._publish_one(client, payload))
            self._publishes.add(task)
            task.add_done_callback(self._publishes.discard)

    async def _publish_one(self, client: aiomqtt.Client, payload: bytes) -> None:
        try:
            await client.publish(
                topics.up(self._gateway), payload, qos=topics.QOS, timeout=PUBLISH_TIMEOUT_S
            )
        except aiomqtt.MqttError as error:
            _log.debug("publish_unconfirmed", reason=str(error))

    async def _stop(self, reader: asyncio.Task[None]) -> None:
        await end(reader, *self._publishes)
        if not reader.cancelled():
            reader.exception()

    def _moment(self) -> Moment:
        synchronised = self._clock.quality() is TimeQuality.SYNCHRONISED
        return Moment(self._clock.monotonic(), self._clock.wall(), synchronised)


def _other(protocol: aiomqtt.ProtocolVersion) -> aiomqtt.ProtocolVersion:
    if protocol is aiomqtt.ProtocolVersion.V5:
        return aiomqtt.ProtocolVersion.V311
    return aiomqtt.ProtocolVersion.V5
