"""Stand-ins for the agent's parts, for unit tests of those that use them: no file, no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace, TracebackType
from typing import Self, cast
from uuid import UUID

from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle, WaitingRow
from edge_agent.polling.recorder import Recorder
from edge_agent.sample import Sample
from firmware_bridge.contract.envelope import Batch
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source, TimeQuality
from firmware_bridge.driver.interface import (
    MeterIdentity,
    MeterValue,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Notes:
    """What is noted and marked in memory, where a buffer would write it."""

    marks: dict[str, int] = field(default_factory=dict)
    events: list[tuple[str, str, bytes | None]] = field(default_factory=list)
    cycles: list[Cycle] = field(default_factory=list)
    rows: list[WaitingRow] = field(default_factory=list)
    boots: dict[str, int] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    failure: Exception | None = None
    current: UUID = field(default_factory=lambda: UUID(int=1))
    engine: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(short=False))

    @property
    def buffer(self) -> Buffer:
        """As whatever takes a buffer wants it."""
        return cast("Buffer", self)

    @property
    def codes(self) -> list[str]:
        return [code for code, _, _ in self.events]

    def note(self, at: datetime, code: str, detail: str, raw: bytes | None = None) -> None:
        assert at.tzinfo is not None
        self.events.append((code, detail, raw))

    async def store(self, cycle: Cycle, then: Callable[[], None] | None = None) -> None:
        if self.failure is not None:
            raise self.failure
        self.cycles.append(cycle)
        self.marks |= cycle.marks
        self.rows = [row for row in self.rows if row.identity not in cycle.release]
        if then is not None:
            then()

    async def waiting(self, limit: int) -> tuple[WaitingRow, ...]:
        return tuple(self.rows[:limit])

    async def waiting_boots(self) -> dict[str, int]:
        return self.boots

    async def newest(self, readings: int) -> AsyncIterator[Batch]:
        for batch in self.batches[-readings:]:
            yield batch


@dataclass
class Records:
    """What a poller or a back-fill hands over, where a recorder would commit it."""

    notes: Notes
    calls: list[tuple[tuple[Sample, ...], dict[str, int]]] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def recorder(self) -> Recorder:
        return cast("Recorder", self)

    @property
    def samples(self) -> list[Sample]:
        return [sample for samples, _ in self.calls for sample in samples]

    async def record(
        self, samples: Sequence[Sample] = (), marks: Mapping[str, int] | None = None
    ) -> None:
        if self.failure is not None:
            raise self.failure
        self.calls.append((tuple(samples), dict(marks or {})))
        for sample in samples:
            self.notes.marks.update(sample.marks)
        self.notes.marks.update(marks or {})


@dataclass
class ScriptedDriver:
    """A `MeterDriver` that gives what the test says, in turn; the last one for ever."""

    outcomes: list[ReadOut | Exception]
    memory: ProfileMemory | Exception | None = None
    chunks: list[ProfileChunk | Exception] = field(default_factory=list)
    has_profile: bool = False
    hold: asyncio.Event | None = None
    reads: int = 0
    asked: list[Interval] = field(default_factory=list)
    is_open: bool = False
    close_failure: Exception | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_open = False
        if self.close_failure is not None:
            raise self.close_failure

    async def identify(self) -> MeterIdentity:
        raise NotImplementedError

    async def read(self) -> ReadOut:
        if self.hold is not None:
            await self.hold.wait()
        outcome = self.outcomes[min(self.reads, len(self.outcomes) - 1)]
        self.reads += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def profile_memory(self) -> ProfileMemory | None:
        if isinstance(self.memory, Exception):
            raise self.memory
        return self.memory

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:
        self.asked.append(interval)
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


def value(
    count: int = 1,
    serial: str = "1",
    *,
    meter_time: datetime | None = None,
    kept: bool = False,
) -> MeterValue:
    """A register of active import, as a driver shows it."""
    return MeterValue(
        MeterIdentity("EAS", serial),
        ACTIVE_IMPORT,
        Kind.REGISTER,
        Quantity(count, 0, Unit.WATT_HOUR),
        meter_time=meter_time,
        kept=kept,
    )


def read_out(*values: MeterValue, serial: str = "1") -> ReadOut:
    return ReadOut(MeterIdentity("EAS", serial), values)


def entry(number: int, serial: str = "1", *, period_s: int = 900) -> Reading:
    """One entry of a load profile, counted from noon."""
    channel = Channel(
        "EAS", serial, ACTIVE_IMPORT, Kind.INTERVAL, period_s, Source.PROFILE, Unit.WATT_HOUR
    )
    at = NOON + timedelta(seconds=number * period_s)
    return Reading(channel, at, number, 0, time_quality=TimeQuality.METER)


async def settle() -> None:
    """Let all work that waits for nothing come to its end, however busy the machine is."""
    for _ in range(200):
        await asyncio.sleep(0)
