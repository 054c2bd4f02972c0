"""The centre's side of the broker: batches and hellos in, acknowledgements out.

Workers share the batches by an MQTT 5 shared subscription, so any number of processes may run. A
broker that speaks only 3.1.1 has none, and there is one worker. The session is never resumed:
what was in flight comes again from the edge, which keeps it until it is acknowledged.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from central.service.ingest.classify import Arrival
from central.service.ingest.fair_queue import FairQueue
from central.service.ingest.outcome import GatewayReply
from central.service.stopping import stop_if_cancelled
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.messages import Start, encode_ack, encode_start
from firmware_bridge.contract.topics import (
    ALL_DOWN,
    QOS,
    STATUS_FILTER,
    UP_FILTER,
    down,
    gateway_of,
)

_log = structlog.get_logger(__name__)
_RECEIVE_MAXIMUM = 65_535
_RECONNECT_MAX_S = 30.0
# A broker without MQTT 5 may answer with silence; the other protocol is then tried soon.
_ANSWER_S = 3.0
_STATUS_QUEUE = 10_000
_STATUSES_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """How to reach the broker.

    Args:
        host: Name or address.
        port: TCP port.
        username: For brokers that ask; None sends none.
        password: Likewise.
        tls: Set to connect with TLS.
        group: Name under which workers share the batches.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    group: str = "meterline-ingest"


class BrokerWorker:
    """One connection to the broker, made again whenever it is lost.

    Args:
        address: Where the broker is.
        offer: Takes a message without waiting; False where there is no room.
        note_status: Takes a gateway's name and its retained status; what it raises ends `run`.
    """

    def __init__(
        self,
        address: BrokerAddress,
        offer: Callable[[Arrival], bool],
        note_status: Callable[[str, bytes], Awaitable[None]],
    ) -> None:
        self._address = address
        self._offer = offer
        self._note_status = note_status
        self._statuses: FairQueue[tuple[str, bytes]] = FairQueue(_STATUS_QUEUE, _STATUSES_OF_ONE)
        self._status_came = asyncio.Event()
        self._client: aiomqtt.Client | None = None
        self._protocol = aiomqtt.ProtocolVersion.V5
        self._instance: UUID | None = uuid4()
        self.connected = asyncio.Event()

    async def send(self, reply: GatewayReply) -> None:
        """Publish an acknowledgement; without a connection it is dropped, for the edge asks again.

        Plain acknowledgements go at QoS 0: the next one says as much and more, and the edge sends
        what it hears nothing of. What is said once goes at QoS 1.
        """
        if self._client is None:
            return
        ack = reply.ack
        qos = QOS if ack.nonce is not None or ack.new_epoch else 0
        try:
            await self._client.publish(down(reply.gateway), encode_ack(ack), qos)
        except aiomqtt.MqttError as error:
            _log.info("acknowledgement_not_sent", gateway=reply.gateway, reason=str(error))

    def discarded(self) -> Counter[str]:
        """Statuses that found no room since this was asked last, by gateway.

        The broker retains each gateway's newest, and hands it out at the next connection.
        """
        discarded, self._statuses.discarded = self._statuses.discarded, Counter()
        return discarded

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._note_statuses())
            pause_s = 0.1
            while True:
                try:
                    await self._serve()
                except aiomqtt.MqttError as error:
                    _log.warning("broker_lost", reason=str(error), protocol=self._protocol.name)
                    if not self.connected.is_set():
                        if _was_answered(error):
                            self._try_other_protocol()
                        pause_s = min(_RECONNECT_MAX_S, pause_s * 2)
                    else:
                        pause_s = 0.1
                finally:
                    self.connected.clear()
                    self._client = None
                await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - jitter, no secret

    async def _serve(self) -> None:
        address = self._address
        is_v5 = self._protocol is aiomqtt.ProtocolVersion.V5
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            tls_context=address.tls,
            protocol=self._protocol,
            identifier=f"{address.group}-{uuid4().hex[:16]}",
            clean_session=None if is_v5 else True,
            properties=_connect_properties() if is_v5 else None,
            queue_type=self._queue_type(),
            timeout=_ANSWER_S,
        ) as client:
            up = f"$share/{address.group}/{UP_FILTER}" if is_v5 else UP_FILTER
            await client.subscribe(up, QOS)
            await client.subscribe(STATUS_FILTER, QOS)
            self._client = client
            self.connected.set()
            _log.info("broker_connected", protocol=self._protocol.name)
            if self._instance is not None:
                # Every gateway answers with a hello, so a restored centre hears what it lacks.
                await client.publish(ALL_DOWN, encode_start(Start(self._instance)), QOS)
                self._instance = None
            stop_if_cancelled()
            async for _ in client.messages:
                pass  # the queue hands messages on as they come; this waits for the disconnection

    def _queue_type(self) -> type[asyncio.Queue[aiomqtt.Message]]:
        """A queue that passes messages on at once.

        The client's iterator starts a task for each message, which costs as much as everything
        else it does for it, see docs/decisions.
        """
        take = self._take

        class Passage(asyncio.Queue[aiomqtt.Message]):
            def put_nowait(self, item: aiomqtt.Message) -> None:
                take(item)

        return Passage

    def _take(self, message: aiomqtt.Message) -> None:
        topic = message.topic.value
        payload = message.payload if isinstance(message.payload, bytes) else b""
        try:
            gateway = gateway_of(topic)
        except InvalidValueError:
            gateway = topic
        if topic.endswith("/up"):
            self._offer(Arrival(gateway, payload, datetime.now(UTC)))
        else:
            self._statuses.offer(gateway, (gateway, payload), 1)
            self._status_came.set()

    async def _note_statuses(self) -> None:
        while True:
            if not self._statuses:
                self._status_came.clear()
                await self._status_came.wait()
            await self._note_status(*self._statuses.take())
            stop_if_cancelled()

    def _try_other_protocol(self) -> None:
        """A broker without MQTT 5 refuses the connection in its own way, so both are tried."""
        versions = aiomqtt.ProtocolVersion
        is_v5 = self._protocol is versions.V5
        self._protocol = versions.V311 if is_v5 else versions.V5


def _was_answered(error: aiomqtt.MqttError) -> bool:
    """Whether somebody answered, or was silent; a broker that is away says nothing of MQTT 5.

    Without this, a worker that comes back before its broker may settle for 3.1.1, where nothing is
    shared, and store all that others store too.
    """
    reason = error.__context__
    return not isinstance(reason, OSError) or isinstance(reason, TimeoutError)


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = _RECEIVE_MAXIMUM
    return properties
