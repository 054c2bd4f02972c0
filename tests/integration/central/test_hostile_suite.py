"""A hostile gateway that sends all it can think of: nobody waits for it, and no process ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiomqtt
import pytest

from central.adapters.embedded.broker import EmbeddedBroker
from firmware_bridge.contract.messages import Ack, decode_down
from firmware_bridge.contract.topics import QOS, down, up
from tests.support.hostile_stream import HostileStream
from tests.support.ingest import Edge, channel, readings
from tests.support.ingest_processes import PATIENCE_S, ask, enrol, processes
from tests.support.servers import Database
from tests.support.size import SOAK, sized

SEED = int(os.environ.get("METERLINE_HOSTILE_SEED", "1"))
# 10,000 take 24 s of CPU, two ingest processes and the servers included.
MESSAGES = sized("METERLINE_HOSTILE_MESSAGES", 5_000, 1_000_000)
SENDERS = 4
HONEST = ("gw1", "gw2", "gw3")
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=900)
# What an honest gateway waits for before it sends again. [s]
RESEND_S = 30.0
P99_S = 2.0


class HonestGateway:
    """Sends one batch after the other, each once the one before is acknowledged."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._edge = Edge(name)
        self._port = port
        self.delays_s: list[float] = []
        self.resent = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until it is told to stop, and then the last acknowledgement."""
        async with aiomqtt.Client("127.0.0.1", self._port, identifier=uuid4().hex) as client:
            await client.subscribe(down(self._edge.name), QOS)
            while not stop.is_set() or not self.delays_s:
                number = len(self._edge.sealed)
                start = START + number * timedelta(hours=1)
                batch = self._edge.seal(readings(4, start, number * 4, channel(self._edge.name)))
                began = time.monotonic()
                await client.publish(up(self._edge.name), batch.payload, QOS)
                while not await self._acknowledged(client, batch.sequence):
                    self.resent += 1
                    await client.publish(up(self._edge.name), batch.payload, QOS)
                self.delays_s.append(time.monotonic() - began)
                await asyncio.sleep(0.05)

    async def _acknowledged(self, client: aiomqtt.Client, sequence: int) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESEND_S):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    answer = decode_down(message.payload)
                    if isinstance(answer, Ack) and self._says(answer, sequence):
                        return True
        return False

    def _says(self, ack: Ack, sequence: int) -> bool:
        return ack.epoch == self._edge.epoch and ack.cum >= sequence

    @property
    def sent(self) -> int:
        """Readings."""
        return 4 * len(self._edge.sealed)


async def flood(port: int, messages: Iterable[tuple[str, bytes]]) -> None:
    """Send messages as fast as the broker takes them; begin anew where it throws us out."""
    waiting = iter(messages)
    for_now = next(waiting, None)
    while for_now is not None:
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, identifier=uuid4().hex) as client:
                while for_now is not None:
                    topic, payload = for_now
                    for_now = next(waiting, None)
                    with contextlib.suppress(ValueError):  # topics that no client may send
                        await client.publish(topic, payload, QOS)


@contextlib.contextmanager
def slow_readers(port: int, count: int) -> Iterator[None]:
    """Connections that subscribe to what everybody is told, and never read; others half open."""
    draw = random.Random(SEED)  # noqa: S311 - repeatable
    with contextlib.ExitStack() as stack:
        for number in range(count):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            name = f"slow{number}".encode()
            connect = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
            line.sendall(b"\x10" + bytes([len(connect)]) + connect)
            if number % 2:
                topic = b"meterline/v1/gw/+/down"
                subscribe = b"\x00\x01" + len(topic).to_bytes(2, "big") + topic + b"\x01"
                line.sendall(b"\x82" + bytes([len(subscribe)]) + subscribe)
            else:
                line.sendall(b"\x30" + draw.randbytes(3))
        yield


async def test_a_hostile_gateway_slows_nobody_and_ends_nothing(
    plain_migrated: Database, mosquitto: EmbeddedBroker, record_property: pytest.FixtureRequest
) -> None:
    enrol(plain_migrated, *HONEST, "evil")
    port, stop = mosquitto.port, asyncio.Event()
    honest = [HonestGateway(name, port) for name in HONEST]
    share = -(-MESSAGES // SENDERS)
    streams = [
        HostileStream("evil", SEED * SENDERS + number, START).messages(share)
        for number in range(SENDERS)
    ]
    async with processes(2, plain_migrated, mosquitto):
        running = [asyncio.ensure_future(gateway.run(stop)) for gateway in honest]
        async with asyncio.timeout(PATIENCE_S):
            while not all(gateway.delays_s for gateway in honest):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        began = time.monotonic()
        with slow_readers(port, 20):
            await asyncio.gather(*(flood(port, stream) for stream in streams))
        took_s = time.monotonic() - began
        stop.set()
        await asyncio.wait_for(asyncio.gather(*running), PATIENCE_S * 2)
    delays = sorted(delay for gateway in honest for delay in gateway.delays_s)
    p99 = delays[min(len(delays) - 1, len(delays) * 99 // 100)]
    resent = sum(gateway.resent for gateway in honest)
    text = f"{MESSAGES:,} in {took_s:.1f} s; {len(delays)} honest batches, median"
    text += f" {delays[len(delays) // 2]:.3f}, p99 {p99:.3f}, longest {delays[-1]:.3f} s;"
    text += f" {resent} sent again"
    record_property("hostile", text)  # type: ignore[operator]
    if os.environ.get(SOAK):
        assert p99 <= P99_S, text
    stored = ask(
        plain_migrated,
        "SELECT serial, count(*) FROM reading JOIN channel ON channel.id = channel_id"
        " JOIN meter ON meter.id = meter_id WHERE serial LIKE 'gw%' GROUP BY 1 ORDER BY 1",
    )
    assert stored == [(gateway.name, gateway.sent) for gateway in honest]
    assert ask(plain_migrated, "SELECT DISTINCT reconciles FROM reconciliation") == [(True,)]
    # What it filled is bounded, and named.
    ((meters,),) = ask(
        plain_migrated,
        "SELECT count(*) FROM meter JOIN gateway ON gateway.id = gateway_id WHERE name = 'evil'",
    )
    assert isinstance(meters, int)
    assert 0 < meters <= 500 + 2 * SENDERS
    ((kept,),) = ask(plain_migrated, "SELECT count(*) FROM rejected")
    assert isinstance(kept, int)
    assert kept <= 10_000
    assert ask(plain_migrated, "SELECT count(*) FROM finding WHERE code = 'QUARANTINE'") != [(0,)]
