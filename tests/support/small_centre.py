"""A centre in memory behind a real broker, with the real use-case of ingest."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiomqtt

from central.service.gateways.enrolment import enrol_gateway
from central.service.ingest.classify import Arrival, examine
from central.service.ingest.ingest import Ingest
from edge_agent.cancellation import end
from firmware_bridge.contract import topics
from firmware_bridge.contract.envelope import Batch, is_batch, open_batch
from firmware_bridge.contract.messages import encode_ack
from firmware_bridge.contract.reading import TimeQuality, from_ms, unpack_flags
from tests.support.actors import OPERATOR
from tests.support.ingest import Stores, memory_stores
from tests.support.virtual_meter import GATEWAY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from firmware_bridge.contract.event import MeterEvent


@dataclass
class Office:
    """A centre in memory behind a real broker."""

    stores: Stores
    ingest: Ingest
    batches: list[Batch] = field(default_factory=list)

    @property
    def rows(self) -> list[tuple[datetime, TimeQuality]]:
        return [
            (from_ms(at), unpack_flags(flags)[1])
            for batch in self.batches
            for at, flags in zip(batch.columns.at_ms, batch.columns.flags, strict=True)
        ]

    @property
    def events(self) -> list[MeterEvent]:
        return [event for batch in self.batches for event in batch.events]

    async def shows(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110 - a broker lies between
                await asyncio.sleep(0.02)


@asynccontextmanager
async def office(port: int) -> AsyncIterator[Office]:
    async with memory_stores() as stores, aiomqtt.Client("127.0.0.1", port) as client:

        def now() -> datetime:
            return datetime.now(UTC)

        await enrol_gateway(stores.gateways, GATEWAY, OPERATOR, now)
        found = Office(stores, Ingest(stores.ingest, now))
        await client.subscribe(topics.UP_FILTER, qos=topics.QOS)

        async def serve() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                if is_batch(message.payload):
                    found.batches.append(open_batch(GATEWAY, message.payload))
                item = examine(Arrival(GATEWAY, message.payload, now()))
                for reply in (await found.ingest.commit([item])).replies:
                    await client.publish(topics.down(GATEWAY), encode_ack(reply.ack), topics.QOS)

        task = asyncio.create_task(serve())
        try:
            yield found
        finally:
            await end(task)
