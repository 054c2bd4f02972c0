"""Batches, gateways and stores for the tests of ingest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4

from central.adapters.timescale.ingest.ingest import TimescaleIngestStore
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.service.ingest.classify import Arrival, Examined, examine
from central.service.ports.gateways import GatewayStore
from central.service.ports.ingest import IngestStore
from firmware_bridge.contract.body import Void
from firmware_bridge.contract.envelope import NO_HASH, Link, Sealed, seal, seal_void
from firmware_bridge.contract.event import MeterEvent
from firmware_bridge.contract.messages import EpochState, Hello, encode_hello
from firmware_bridge.contract.obis import ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, to_ms
from tests.support.memory.ingest import MemoryIngestStore

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def channel(
    serial: str = "A1",
    unit: Unit = Unit.WATT_HOUR,
    obis: Obis = ACTIVE_IMPORT,
    period_s: int = 900,
) -> Channel:
    return Channel("MTL", serial, obis, Kind.REGISTER, period_s, Source.PROFILE, unit)


def readings(
    count: int, start: datetime, first: int = 0, of: Channel | None = None
) -> list[Reading]:
    made_by = channel() if of is None else of
    return [Reading(made_by, start + i * QUARTER, first + i, 0) for i in range(count)]


@dataclass
class Edge:
    """A gateway that seals batches in order and remembers them."""

    name: str
    epoch: UUID = field(default_factory=uuid4)
    sealed: list[Sealed] = field(default_factory=list)

    def seal(
        self,
        values: list[Reading],
        made_at: datetime = NOW,
        events: Sequence[MeterEvent] = (),
    ) -> Sealed:
        link = Link(self.name, self.epoch, len(self.sealed) + 1, self._prev())
        batch = seal(link, made_at, values, events)
        self.sealed.append(batch)
        return batch

    def seal_void(self, replaces: Sealed) -> Sealed:
        prev = self.sealed[replaces.sequence - 2].sha256 if replaces.sequence > 1 else NO_HASH
        void = Void(replaces.sha256, "test")
        return seal_void(Link(self.name, self.epoch, replaces.sequence, prev), NOW, void)

    def _prev(self) -> bytes:
        return self.sealed[-1].sha256 if self.sealed else NO_HASH

    def arrive(self, *batches: Sealed) -> list[Examined]:
        return arrive(self.name, *(batch.payload for batch in batches))


def arrive(gateway: str, *payloads: bytes) -> list[Examined]:
    return [examine(Arrival(gateway, payload, NOW)) for payload in payloads]


def hello(*states: EpochState, nonce: bytes = b"n" * 16, after_s: float = 0) -> bytes:
    sent = NOW - timedelta(hours=1) + timedelta(seconds=after_s)
    return encode_hello(Hello(nonce, sent, "test/1", states))


def state_of(edge: Edge, first: int = 1, cum: int = 0) -> EpochState:
    last = len(edge.sealed)
    return EpochState(
        edge.epoch,
        first,
        last,
        edge.sealed[-1].sha256 if last else NO_HASH,
        cum,
        edge.sealed[cum - 1].sha256 if cum else NO_HASH,
    )


class Peek(Protocol):
    """What a test looks at behind a store's back."""

    async def readings(self) -> dict[tuple[str, int], tuple[int, int]]: ...
    async def batches(
        self,
    ) -> list[tuple[int, str, str | None, int | None, int, int, int, int]]: ...
    async def rejected(self) -> list[tuple[str, str, int]]: ...
    async def conflicts(self) -> list[tuple[int, int]]: ...
    async def touched(self) -> list[tuple[str, int, int]]: ...


@dataclass
class Stores:
    """One kind of store, empty."""

    ingest: IngestStore
    gateways: GatewayStore
    peek: Peek


class MemoryPeek:
    def __init__(self, store: MemoryIngestStore) -> None:
        self._store = store

    def _serials(self) -> dict[int, str]:
        state = self._store.state
        serials = {meter: serial for (_, serial), meter in state.meters.items()}
        return {record.id: serials[record.meter_id] for record in state.channels.values()}

    async def readings(self) -> dict[tuple[str, int], tuple[int, int]]:
        serials = self._serials()
        return {
            (serials[key], at_ms): (value.mantissa, value.exponent)
            for (key, at_ms), value in self._store.state.readings.items()
        }

    async def batches(self) -> list[tuple[int, str, str | None, int | None, int, int, int, int]]:
        return sorted(
            (
                key.sequence,
                b.new.state.value,
                b.new.code,
                b.new.received,
                b.stored,
                b.duplicate,
                b.conflict,
                b.new.quarantined,
            )
            for key, b in self._store.state.batches.items()
        )

    async def rejected(self) -> list[tuple[str, str, int]]:
        rejected = self._store.state.rejected.values()
        return sorted((r.gateway, r.code, r.payload_bytes) for r in rejected)

    async def conflicts(self) -> list[tuple[int, int]]:
        conflicts = self._store.state.conflicts.values()
        return sorted((c.value.mantissa, c.kept[0]) for c in conflicts)

    async def touched(self) -> list[tuple[str, int, int]]:
        serials = self._serials()
        touched = self._store.state.touched.values()
        return [(serials[t.channel_id], t.from_ms, t.until_ms) for t in touched]


class TimescalePeek:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _rows(self, query: str) -> list[tuple[object, ...]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query.encode())).fetchall()

    async def readings(self) -> dict[tuple[str, int], tuple[int, int]]:
        rows = await self._rows(
            "SELECT serial, at, mantissa, exponent FROM reading"
            " JOIN channel ON channel.id = channel_id JOIN meter ON meter.id = meter_id"
        )
        return {(row[0], to_ms(row[1])): (row[2], row[3]) for row in rows}  # type: ignore[arg-type,misc]

    async def batches(self) -> list[tuple[int, str, str | None, int | None, int, int, int, int]]:
        return await self._rows(  # type: ignore[return-value]
            "SELECT sequence, outcome, code, received, stored, duplicate, conflict, quarantined"
            " FROM batch ORDER BY sequence, epoch"
        )

    async def rejected(self) -> list[tuple[str, str, int]]:
        return await self._rows(  # type: ignore[return-value]
            'SELECT gateway COLLATE "C", code, payload_bytes FROM rejected ORDER BY 1, 2, 3'
        )

    async def conflicts(self) -> list[tuple[int, int]]:
        return await self._rows(  # type: ignore[return-value]
            "SELECT mantissa, kept_mantissa FROM conflict ORDER BY 1, 2"
        )

    async def touched(self) -> list[tuple[str, int, int]]:
        rows = await self._rows(
            "SELECT serial, from_at, until_at FROM touched"
            " JOIN channel ON channel.id = channel_id JOIN meter ON meter.id = meter_id"
            " ORDER BY touched.id"
        )
        return [(row[0], to_ms(row[1]), to_ms(row[2])) for row in rows]  # type: ignore[arg-type,misc]


@asynccontextmanager
async def memory_stores() -> AsyncIterator[Stores]:
    store = MemoryIngestStore()
    yield Stores(store, store, MemoryPeek(store))


@asynccontextmanager
async def timescale_stores(dsn: str) -> AsyncIterator[Stores]:
    async with make_pool(dsn, max_size=6) as pool:
        yield Stores(TimescaleIngestStore(pool), TimescaleGatewayStore(pool), TimescalePeek(pool))


def expected(values: Iterable[Reading]) -> dict[tuple[str, int], tuple[int, int]]:
    return {(r.channel.serial, to_ms(r.at)): (r.mantissa, r.exponent) for r in values}
