"""The connection to the broker: keep it up, and pass bytes to and from the session runner.

Nothing here decides what to send. A publish that is lost, refused or never confirmed needs no
handling of its own: only the centre's acknowledgement releases a batch, and what it does not
acknowledge is sent again.

Of several brokers the next is tried when one cannot be used, or when the centre acknowledges
nothing through it for long. What is not acknowledged is sent again there; who acknowledges it does
not matter. A broker that was lost is tried once more before the others (`broker_turns`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from random import Random

import aiomqtt
import structlog

from edge_agent.cancellation import end
from edge_agent.clock import Clock
from edge_agent.config.broker import Broker
from edge_agent.errors import (
    BrokerError,
    BrokerRefusalError,
    BrokerTlsError,
    CentreSilentError,
    CertificateNameError,
    TakenOverError,
)
from edge_agent.uplink.batch_signer import BatchSigner
from edge_agent.uplink.broker_turns import BACKOFF_S, BrokerTurns
from edge_agent.uplink.listener import Listener
from edge_agent.uplink.session_runner import SessionRunner, SessionTime
from edge_agent.uplink.takeovers import Takeovers, says_taken_over
from edge_agent.uplink.version_probe import ask_version
from firmware_bridge.contract import topics
from firmware_bridge.contract.errors import EnvironmentFaultError, MeterlineError
from firmware_bridge.contract.messages import GatewayState, Status, encode_status
from firmware_bridge.contract.reading import TimeQuality
from firmware_bridge.contract.reports import RefusalReport

_log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 60.0
STATUS_TIMEOUT_S = 5.0
# What Mosquitto's receive maximum is by default; paho keeps the rest in order until there is room.
IN_FLIGHT = 20
PENDING_WARNING = 1_000
# So often all is sent again without an answer before another broker is tried.
SILENT_AFTER = 3


class Uplink:
    """Runs until it is cancelled.

    Args:
        gateway: Who we are; also the MQTT client's name, so that a new connection ends an old one.
        brokers: Where to; at least one, in the order in which they are tried.
        runner: Decides what is sent.
        clock: For waiting and stamping.
        random: For the jitter of reconnects.
        listener: Hears of what else the centre says; None for nobody.
        refused: What meters sent and could not be read, for the status.
        signer: Signs batches; None where none are signed.

    Attributes:
        connected: Whether both directions stand.
        protocol: What the broker speaks; None while that is not known.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        gateway: str,
        brokers: Sequence[Broker],
        runner: SessionRunner,
        clock: Clock,
        random: Random,
        *,
        listener: Listener | None = None,
        refused: Callable[[], tuple[RefusalReport, ...]] = tuple,
        signer: BatchSigner | None = None,
    ) -> None:
        self.connected = False
        self.protocol: aiomqtt.ProtocolVersion | None = None
        self._gateway = gateway
        self._turns = BrokerTurns(brokers)
        self._runner = runner
        self._clock = clock
        self._random = random
        self._listener = listener
        self._refused = refused
        self._signer = signer
        self._takeovers = Takeovers(random)
        self._misnamed = False
        self._status_due = False
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._inbox: deque[bytes] = deque()
        self._publishes: set[asyncio.Task[None]] = set()

    @property
    def broker(self) -> Broker:
        """The one that is used or tried."""
        return self._turns.broker

    @property
    def failure(self) -> str | None:
        """Code of why nothing gets through; None where it does, or did until now."""
        return self._turns.failure

    @property
    def taken_over(self) -> int:
        """How often another device took our place, since a connection stood for an hour."""
        return self._takeovers.count

    def notify(self) -> None:
        """The buffer holds something new. Never blocks."""
        self._wake.set()

    def announce(self) -> None:
        """The gateway's status has something new to say. Never blocks."""
        self._status_due = True
        self._wake.set()

    def use(self, brokers: Sequence[Broker]) -> None:
        """Switch to other brokers or other credentials. Never blocks.

        What the session runner has begun is carried to its end first; what is under way is sent
        again.
        """
        self._turns.use(brokers)
        self.reconnect()

    def reconnect(self) -> None:
        """Connect anew, with certificates as they are on the disk now. Never blocks."""
        self._moved.set()
        self._wake.set()

    async def run(self) -> None:
        """Connect, carry, and connect again, for ever.

        Whatever is wrong with the broker or a certificate may be put right while we run, so the
        files are read anew each time, and nothing ends this but a cancellation.
        """
        while True:
            is_unusable = False
            self._turns.begin_attempt()
            try:
                await self._attempt()
            except aiomqtt.MqttError as error:
                _log.info("broker_lost", broker=str(self.broker), reason=str(error))
                is_unusable = self._note_end(error)
            except (BrokerError, BrokerTlsError) as error:
                is_unusable = isinstance(error, CentreSilentError)
                self._report_failure(error)
            is_admitted = self.protocol is not None
            # Whoever is named meanwhile has not been tried.
            if (is_unusable or not is_admitted) and not self._moved.is_set():
                self._turns.unusable(admitted=is_admitted)
                self.protocol = None if self._turns.are_several else self.protocol
            jittered = self._random.uniform(BACKOFF_S / 4, self._turns.longest_pause_s)
            await self._pause(max(jittered, self._takeovers.pause_s()))
            if self._moved.is_set():
                self._moved.clear()
                self.protocol = None
                self._turns.begin_anew()

    def _note_end(self, error: aiomqtt.MqttError) -> bool:
        """Note that the connection was lost; whether the broker is to be left.

        A broker that is flapping is left for another one. Where the centre answered all the same,
        or where the broker says so, another device may be taking our place.
        """
        if self.protocol is None or self._moved.is_set():
            return False
        now = self._clock.monotonic()
        self._turns.judge(now, self._runner.released, self._runner.backlog)
        is_good, is_said = self._turns.is_good, says_taken_over(error)
        lost = None if is_good or is_said else self._turns.lost()
        if lost is not None and (self._turns.are_several or not self._takeovers.count):
            self._report_failure(lost)
        lasted_s = self._turns.lasted_s(now)
        is_answered = is_good or (self._turns.is_answered and not self._turns.are_several)
        if lasted_s is not None and self._takeovers.note(error, lasted_s, answered=is_answered):
            message = (
                f"Connections as {self._gateway} ended at once {self._takeovers.count} times:"
                " another device seems to use that name."
            )
            self._report_failure(TakenOverError(message, value=self._takeovers.count))
        return lost is not None

    async def _pause(self, seconds: float) -> None:
        """Wait, unless there is another broker to try."""
        waits = (self._clock.sleep(seconds), self._until_moved())
        tasks = [asyncio.create_task(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*tasks)

    async def _until_moved(self) -> None:
        await self._moved.wait()

    async def _attempt(self) -> None:
        # Another broker that is named meanwhile must not be met with this one's secrets.
        broker = self.broker
        # The system's authorities take long to read.
        context = await asyncio.to_thread(broker.tls_context)
        self._misnamed = False
        try:
            await asyncio.to_thread(broker.check_name, self._gateway)
        except CertificateNameError as error:
            # The broker has the last word on it.
            self._misnamed = True
            self._report_failure(error)
        if self.protocol is None:
            self.protocol = await ask_version(broker.host, broker.port, context)
        protocol, self.protocol = self.protocol, None
        try:
            async with self._client(broker, context, protocol) as client:
                self.protocol = protocol
                await self._converse(client, broker)
        except aiomqtt.MqttCodeError as error:
            if self.protocol is not None:
                raise
            message = f"The broker {broker} refused this gateway: {error}."
            raise BrokerRefusalError(
                message,
                value=str(error),
                remedy="Check the gateway's certificate and the broker's access rules.",
            ) from error

    def _report_failure(self, error: MeterlineError) -> None:
        """Say why there is no connection; once for each broker, until it is another reason."""
        if self._turns.fails(error):
            _log.error(
                "broker_unusable", broker=str(self.broker), code=error.code, reason=str(error)
            )
            self._runner.note(error.code.lower(), str(error), self._moment())

    def _client(
        self, broker: Broker, context: ssl.SSLContext | None, protocol: aiomqtt.ProtocolVersion
    ) -> aiomqtt.Client:
        offline = Status(GatewayState.OFFLINE, self._runner.agent)
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=f"meterline-{self._gateway}",
            protocol=protocol,
            # What was missed while away is asked for by the hello.
            clean_session=None if protocol is aiomqtt.ProtocolVersion.V5 else True,
            will=aiomqtt.Will(
                topics.status(self._gateway), encode_status(offline), qos=topics.QOS, retain=True
            ),
            timeout=CONNECT_TIMEOUT_S,
            # A window's last packet must not wait for the confirmation of the one before.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            keepalive=broker.keepalive_s,
            tls_context=context,
            max_inflight_messages=IN_FLIGHT,
        )
        client.pending_calls_threshold = PENDING_WARNING
        return client

    async def _converse(self, client: aiomqtt.Client, broker: Broker) -> None:
        extra = () if self._listener is None else self._listener.topics
        wanted = (topics.down(self._gateway), topics.ALL_DOWN, *extra)
        await client.subscribe([(topic, topics.QOS) for topic in wanted])
        self._inbox.clear()
        reader = asyncio.create_task(self._read(client))
        try:
            await self._publish_status(client, GatewayState.ONLINE)
            self.connected = True
            now, released = self._clock.monotonic(), self._runner.released
            self._turns.connected(now, released, misnamed=self._misnamed)
            _log.info("broker_connected", broker=str(broker))
            self._publish(client, await self._runner.connected(self._moment()))
            while not self._moved.is_set() and not self._is_unheard():
                await self._turn(client, reader)
            with contextlib.suppress(aiomqtt.MqttError):
                await self._publish_status(client, GatewayState.OFFLINE)
            if not self._moved.is_set():
                message = f"The centre acknowledges nothing through the broker {broker}."
                raise CentreSilentError(message, value=str(broker))
        except asyncio.CancelledError:
            # We end the connection properly, so the last will stays unsaid.
            with contextlib.suppress(aiomqtt.MqttError):
                await self._publish_status(client, GatewayState.OFFLINE)
            raise
        finally:
            self.connected = False
            await self._stop(reader)
            await self._runner.disconnected(self._moment())

    def _is_unheard(self) -> bool:
        """Whether another broker is to be tried, since the centre is not behind this one."""
        return self._turns.are_several and self._runner.unanswered >= SILENT_AFTER

    async def _publish_status(self, client: aiomqtt.Client, state: GatewayState) -> None:
        status = Status(
            state,
            self._runner.agent,
            self._clock.wall(),
            self._runner.backlog,
            refused=self._refused(),
        )
        if self._listener is not None:
            status = self._listener.complete(status)
        self._status_due = False
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
        if self._status_due:
            await self._publish_status(client, GatewayState.ONLINE)
        out: list[bytes] = []
        try:
            while self._inbox:
                out += await self._runner.received(self._inbox.popleft(), self._moment())
            out += await self._runner.stored(self._moment())
            if self._due():
                out += await self._runner.elapsed(self._moment())
        except EnvironmentFaultError as error:
            # The buffer's own alarm says more; the conversation goes on when it recovers.
            _log.error("buffer_trouble", code=error.code, reason=error.message)
            await self._clock.sleep(BACKOFF_S)
        self._turns.judge(self._clock.monotonic(), self._runner.released, self._runner.backlog)
        self._publish(client, out)

    async def _wait(self) -> None:
        times = (self._runner.wake_at, self._turns.good_at(self._runner.backlog))
        wake_at = min((at for at in times if at is not None), default=None)
        timeout = None if wake_at is None else max(wake_at - self._clock.monotonic(), 0.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        self._wake.clear()

    def _due(self) -> bool:
        wake_at = self._runner.wake_at
        return wake_at is not None and self._clock.monotonic() >= wake_at

    async def _read(self, client: aiomqtt.Client) -> None:
        try:
            async for message in client.messages:
                if isinstance(message.payload, bytes):
                    self._take(message.topic.value, message.payload)
        finally:
            self._wake.set()

    def _take(self, topic: str, payload: bytes) -> None:
        if self._listener is not None and topic in self._listener.topics:
            self._listener.on_message(topic, payload)
        else:
            self._inbox.append(payload)
            self._turns.is_answered = True
            self._wake.set()

    def _publish(self, client: aiomqtt.Client, payloads: list[bytes]) -> None:
        """Publish without waiting for the broker's confirmation, which proves nothing."""
        for bare in payloads:
            payload = bare if self._signer is None else self._signer.signed(bare)
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

    def _moment(self) -> SessionTime:
        synchronised = self._clock.quality() is TimeQuality.SYNCHRONISED
        return SessionTime(self._clock.monotonic(), self._clock.wall(), synchronised)
