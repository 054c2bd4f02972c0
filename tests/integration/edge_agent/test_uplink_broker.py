from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

import aiomqtt

from central.adapters.embedded.broker import BrokerKind, EmbeddedBroker
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.cancellation import end
from edge_agent.clock import ClockSource, SystemClock
from edge_agent.config.broker import Broker
from edge_agent.uplink.mqtt import Uplink
from edge_agent.uplink.session_runner import SessionRunner
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import GatewayState, Start, decode_status
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.edge_centre import Centre, listening
from tests.support.size import sized

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


GATEWAY = "gw-1"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = sized("METERLINE_DRAINED_DAYS", 2, 7)
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)


async def fill(buffer: Buffer, batches: int, readings: int = 1) -> None:
    for number in range(batches):
        at = T0 + timedelta(minutes=15 * readings * (buffer.last + 1))
        some = [
            Reading(CHANNEL, at + timedelta(minutes=15 * index), number, 0)
            for index in range(readings)
        ]
        await buffer.store(Cycle(datetime.now(UTC), some))


class HurriedClock(SystemClock):
    """Runs a hundred times as fast."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


@asynccontextmanager
async def running(
    buffer: Buffer, *ports: int, clock_of: type[SystemClock] = SystemClock
) -> AsyncIterator[Uplink]:
    clock = clock_of(ClockSource.TRUSTED)
    random = Random(1)  # noqa: S311 - jitter, repeatable
    runner = SessionRunner(buffer, random)
    brokers = [Broker("127.0.0.1", port) for port in ports]
    uplink = Uplink(GATEWAY, brokers, runner, clock, random)
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink
    finally:
        await end(task)


async def drained(buffer: Buffer, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while buffer.backlog:  # noqa: ASYNC110 - the buffer tells nobody when it is empty
            await asyncio.sleep(0.02)


async def test_a_backlog_drains_in_order_over_each_broker(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    with broker:
        buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
        await fill(buffer, 50)
        centre = Centre(GATEWAY)
        async with listening(centre, broker.port), running(buffer, broker.port) as uplink:
            await drained(buffer)
            await fill(buffer, 3)
            uplink.notify()
            await drained(buffer)
            assert uplink.protocol is (
                aiomqtt.ProtocolVersion.V5 if broker.speaks_mqtt5 else aiomqtt.ProtocolVersion.V311
            )
        assert [sequence for _, sequence in centre.arrivals[:50]] == list(range(1, 51))
        assert len(centre.rows()) == 53
        await buffer.close()


async def test_the_status_is_retained_and_the_will_speaks_for_the_dead(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    with mosquitto:
        buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as watcher:
            await watcher.subscribe(topics.STATUS_FILTER, qos=1)
            messages = watcher.messages
            async with running(buffer, mosquitto.port):
                online = await anext(messages)
            offline = await anext(messages)
        await buffer.close()
        assert isinstance(online.payload, bytes)
        assert isinstance(offline.payload, bytes)
        assert decode_status(online.payload).state is GatewayState.ONLINE
        assert decode_status(offline.payload).state is GatewayState.OFFLINE


async def test_a_killed_broker_and_a_late_centre_lose_nothing(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    centre = Centre(GATEWAY)
    mosquitto.start()
    port = mosquitto.port
    async with running(buffer, port) as uplink:
        await fill(buffer, 20)
        uplink.notify()
        await asyncio.sleep(0.3)
        mosquitto.kill()
        await fill(buffer, 20)
        uplink.notify()
        mosquitto.start()
        async with asyncio.timeout(60):
            while not uplink.connected:  # noqa: ASYNC110 - nobody is told of a connection
                await asyncio.sleep(0.02)
        # The broker confirmed what it was given, and nobody was listening.
        assert buffer.backlog == 40
        async with listening(centre, port, announce=Start(uuid4())):
            await drained(buffer)
    mosquitto.stop()
    assert len(centre.rows()) == 40
    await buffer.close()


async def test_what_one_broker_did_not_carry_goes_to_the_next(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    centre = Centre(GATEWAY)
    other = EmbeddedBroker(tmp_path / "other", kind=BrokerKind.MOSQUITTO)
    mosquitto.start()
    with other:
        async with running(buffer, mosquitto.port, other.port) as uplink:
            async with listening(centre, mosquitto.port):
                await fill(buffer, 20)
                uplink.notify()
                await drained(buffer)
            await fill(buffer, 20)
            uplink.notify()
            await asyncio.sleep(0.3)
            # Published, confirmed, and heard by nobody.
            assert buffer.backlog == 20
            mosquitto.kill()
            async with listening(centre, other.port):
                await drained(buffer)
            assert uplink.broker.port == other.port
    assert len(centre.rows()) == 40
    await buffer.close()


@asynccontextmanager
async def flapping(
    port: int, lasting_s: float = 0.3, *, mute: bool = False
) -> AsyncIterator[tuple[int, list[float]]]:
    """A proxy that ends each connection soon after it is accepted; its port, and when they came.

    One that is mute ends it as soon as something is published.
    """
    came: list[float] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            # An UP message has the gateway's name behind its topic's first words.
            if mute and topics.up(GATEWAY).encode() in data:
                return
            writer.write(data)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(time.monotonic())
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        ways = [
            asyncio.create_task(carry(reader, far_writer)),
            asyncio.create_task(carry(far_reader, writer)),
        ]
        await asyncio.wait(ways, timeout=lasting_s, return_when=asyncio.FIRST_COMPLETED)
        await end(*ways)
        far_writer.close()
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


async def test_a_broker_that_ends_each_connection_is_left_for_the_next(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    centre = Centre(GATEWAY)
    other = EmbeddedBroker(tmp_path / "other", kind=BrokerKind.MOSQUITTO)
    await fill(buffer, 20)
    with mosquitto, other:
        async with (
            flapping(mosquitto.port) as (port, came),
            running(buffer, port, other.port) as uplink,
            asyncio.timeout(30),
        ):
            while uplink.broker.port == port:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
            meanwhile = uplink.failure
            async with listening(centre, other.port):
                await drained(buffer, 20)
            assert (meanwhile, uplink.failure) == ("BROKER_LOST", None)
            assert uplink.taken_over == 0
            # The first asks for the version; then two connections.
            assert len(came) == 3
    assert len(centre.rows()) == 20
    await buffer.close()


async def test_the_only_broker_that_flaps_unanswered_is_lost_and_no_twin(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    centre = Centre(GATEWAY)
    await fill(buffer, 20)
    with mosquitto:
        async with (
            listening(centre, mosquitto.port),
            flapping(mosquitto.port, mute=True) as (port, came),
            running(buffer, port, clock_of=HurriedClock) as uplink,
            asyncio.timeout(30),
        ):
            while len(came) < 12:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
            assert (uplink.taken_over, uplink.failure) == (0, "BROKER_LOST")
    assert centre.arrivals == []
    await buffer.close()


async def test_a_broker_that_flaps_between_acknowledgements_is_no_twin(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    centre = Centre(GATEWAY)
    with mosquitto:
        async with (
            listening(centre, mosquitto.port),
            # Half a minute of the gateway's clock.
            flapping(mosquitto.port, lasting_s=0.3) as (port, came),
            running(buffer, port, clock_of=HurriedClock) as uplink,
            asyncio.timeout(30),
        ):
            while len(came) < 12:
                await fill(buffer, 1)
                uplink.notify()
                await asyncio.sleep(0.05)
            await drained(buffer, 20)
            assert (uplink.taken_over, uplink.failure) == (0, None)
    assert len(centre.rows()) == buffer.last
    await buffer.close()


async def test_days_of_a_hundred_meters_drain(
    mosquitto: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with mosquitto:
        buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
        await fill(buffer, DAYS * 96, readings=1_000)
        centre = Centre(GATEWAY)
        began = time.monotonic()
        async with listening(centre, mosquitto.port), running(buffer, mosquitto.port):
            await drained(buffer, 60)
        took = time.monotonic() - began
        assert len(centre.rows()) == DAYS * 96_000
        record_property(f"seconds for {DAYS * 96_000:,} readings", f"{took:.1f}")
        await buffer.close()


async def test_two_devices_under_one_name_hear_of_it_and_leave_each_other_time(
    mosquitto: EmbeddedBroker, tmp_path: Path
) -> None:
    buffers = [
        await Buffer.open(tmp_path / f"{number}.db", GATEWAY, datetime.now(UTC))
        for number in range(2)
    ]
    try:
        async with (
            listening(Centre(GATEWAY), mosquitto.port),
            running(buffers[0], mosquitto.port) as one,
            running(buffers[1], mosquitto.port) as other,
            asyncio.timeout(20),
        ):
            while not (one.taken_over and other.taken_over):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
    finally:
        for buffer in buffers:
            await buffer.close()
