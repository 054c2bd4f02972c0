"""A clock that a test turns by hand, and a meter that needs no wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, TimeQuality
from firmware_bridge.driver.interface import (
    MeterIdentity,
    MeterTimeoutError,
    MeterValue,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
)


@dataclass
class HandClock:
    """Wall and monotonic time, each as the test says; sleeping turns both."""

    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    passed: float = 1_000.0
    known: TimeQuality = TimeQuality.SYNCHRONISED
    boot: str = "boot-1"
    steps: list[tuple[float, timedelta]] = field(default_factory=list)

    def wall(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.passed

    def quality(self) -> TimeQuality:
        return self.known

    def turn(self, seconds: float) -> None:
        self.passed += seconds
        self.now += timedelta(seconds=seconds)
        while self.steps and self.passed >= self.steps[0][0]:
            self.now += self.steps.pop(0)[1]

    async def sleep(self, seconds: float) -> None:
        self.turn(max(seconds, 0.001))
        await asyncio.sleep(0)


class ScriptedMeter:
    """A `MeterDriver` whose register counts its own reads."""

    has_profile = False

    def __init__(self, clock: HandClock, serial: str = "1") -> None:
        self.clock = clock
        self.meter = MeterIdentity("EAS", serial)
        self.silent = False
        self.reads: list[tuple[float, datetime]] = []

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def identify(self) -> MeterIdentity:
        return self.meter

    async def read(self) -> ReadOut:
        if self.silent:
            message = "The meter does not answer."
            raise MeterTimeoutError(message, value=b"\x01\x02")
        self.reads.append((self.clock.passed, self.clock.now))
        shown = Quantity(len(self.reads), 0, Unit.WATT_HOUR)
        return ReadOut(self.meter, (MeterValue(self.meter, ACTIVE_IMPORT, Kind.REGISTER, shown),))

    async def profile_memory(self) -> ProfileMemory | None:
        return None

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:
        nothing: tuple[ProfileChunk, ...] = ()
        for chunk in nothing:
            assert chunk.covers == interval
            yield chunk
