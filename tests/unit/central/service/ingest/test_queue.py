"""Windows, a bounded queue, and patience with the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from central.service.ingest.classify import Arrival, Examined
from central.service.ingest.ingest import Ingest
from central.service.ingest.outcome import GatewayReply, Result
from central.service.ingest.queue import ARRIVAL_BYTES, Intake, IntakeLimits
from central.service.ports.ingest import StoreUnavailableError
from tests.support.actors import noted
from tests.support.ingest import NOW, Edge, readings
from tests.support.memory.ingest import MemoryIngestStore

START = NOW - timedelta(days=3)


class Counted(Ingest):
    """The use-case, failing as often as it is told to."""

    def __init__(self, store: MemoryIngestStore, failures: int = 0) -> None:
        super().__init__(store, lambda: NOW)
        self.windows: list[int] = []
        self._failures = failures

    async def pieces(
        self, window: Sequence[Examined], behind: list[Examined] | None = None
    ) -> AsyncIterator[Result]:
        if self._failures:
            self._failures -= 1
            message = "simulated"
            raise StoreUnavailableError(message)
        self.windows.append(len(window))
        async for piece in super().pieces(window, behind):
            yield piece


class Gateway:
    """Hears what is sent."""

    def __init__(self) -> None:
        self.replies: list[GatewayReply] = []
        self._heard = asyncio.Event()

    async def send(self, reply: GatewayReply) -> None:
        self.replies.append(reply)
        self._heard.set()

    async def until(self, cum: int) -> None:
        async with asyncio.timeout(60):
            while not any(reply.ack.cum == cum for reply in self.replies):
                self._heard.clear()
                await self._heard.wait()


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[Gateway]:
    gateway = Gateway()
    task = asyncio.create_task(intake.run(gateway.send))
    yield gateway
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def store_of(name: str) -> MemoryIngestStore:
    store = MemoryIngestStore()
    await store.enrol(name, noted(NOW))
    return store


async def test_a_window_closes_at_its_readings() -> None:
    ingest = Counted(await store_of("gw1"))
    intake = Intake(ingest, IntakeLimits(window_readings=20, committers=1))
    edge = Edge("gw1")
    for number in range(6):
        batch = edge.seal(readings(10, START + number * timedelta(hours=6)))
        assert intake.offer(Arrival("gw1", batch.payload, NOW))
    async with running(intake) as gateway:
        await gateway.until(6)
    assert ingest.windows == [2, 2, 2]
    assert intake.counts["readings"] == 60


async def test_what_finds_the_queue_full_is_discarded_and_counted() -> None:
    batch = Edge("gw1").seal(readings(10, START))
    intake = Intake(
        Counted(await store_of("gw1")), IntakeLimits(queue_bytes=ARRIVAL_BYTES + len(batch.payload))
    )
    arrival = Arrival("gw1", batch.payload, NOW)
    assert [intake.offer(arrival), intake.offer(arrival)] == [True, False]
    assert intake.discarded() == {"gw1": 1}


async def test_empty_messages_are_bounded_as_well() -> None:
    intake = Intake(Counted(await store_of("gw1")), IntakeLimits(queue_bytes=80 * ARRIVAL_BYTES))
    assert sum(intake.offer(Arrival("gw1", b"", NOW)) for _ in range(100)) == 10


async def test_a_flood_of_one_gateway_is_in_no_others_way() -> None:
    limits = IntakeLimits(queue_bytes=80_000, window_messages=2, committers=1)
    store = await store_of("gw1")
    await store.enrol("evil", noted(NOW))
    intake = Intake(Counted(store), limits)
    for number in range(1_000):
        intake.offer(Arrival("evil", b"nonsense %d" % number, NOW))
    batch = Edge("gw1").seal(readings(10, START))
    assert intake.offer(Arrival("gw1", batch.payload, NOW))
    async with running(intake) as gateway:
        await gateway.until(1)
    # It went with the first window or the second, and most of the flood was not taken at all.
    assert intake.counts["rejected"] <= 3
    assert intake.discarded()["evil"] > 900


async def test_a_window_has_little_nonsense_of_one_gateway_and_all_its_batches() -> None:
    store = await store_of("gw1")
    await store.enrol("evil", noted(NOW))
    ingest = Counted(store)
    intake, edge = Intake(ingest, IntakeLimits(committers=1)), Edge("gw1")
    for number in range(500):
        intake.offer(Arrival("evil", b"nonsense %d" % number, NOW))
    for number in range(120):
        batch = edge.seal(readings(1, START + number * timedelta(minutes=15)))
        intake.offer(Arrival("gw1", batch.payload, NOW))
    async with running(intake) as gateway:
        await gateway.until(120)
    # Turn by turn, 50 of each, 50 and the last 20: and then all of the nonsense, 50 by 50.
    assert ingest.windows[:3] == [99, 100, 71]


async def test_a_window_that_could_not_be_stored_is_tried_again_unacknowledged() -> None:
    ingest = Counted(await store_of("gw1"), failures=3)
    intake = Intake(ingest, IntakeLimits(retry_s=0.01))
    batch = Edge("gw1").seal(readings(10, START))
    intake.offer(Arrival("gw1", batch.payload, NOW))
    async with running(intake) as gateway:
        await gateway.until(1)
    assert len(gateway.replies) == 1
    assert intake.counts["retries"] == 3


async def test_it_ends_also_where_a_message_comes_as_it_is_told_to() -> None:
    edge = Edge("gw1")
    payloads = [
        edge.seal(readings(1, START + number * timedelta(hours=6))).payload for number in range(2)
    ]
    # Whichever of its steps it is told at.
    for steps in range(6):
        intake = Intake(Counted(await store_of("gw1")), IntakeLimits(window_s=3_600))
        task = asyncio.create_task(intake.run(Gateway().send))
        intake.offer(Arrival("gw1", payloads[0], NOW))
        for _ in range(20):
            await asyncio.sleep(0)
        intake.offer(Arrival("gw1", payloads[1], NOW))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=1)
        assert task.cancelled(), steps
