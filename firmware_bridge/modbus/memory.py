"""Read a load profile that is kept as a ring of register snapshots.

How it works: the header says how many entries there are and how new the newest is. The entry of
boundary n sits in slot n mod capacity, so any stretch of time is one or two stretches of registers,
read a request-full at a time. Each entry opens with its own time; one whose time is not that of its
boundary was overwritten meanwhile or never written, and counts as not held. Nothing is written to
the meter, so two gateways may read at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import (
    PERIOD_MAX_S,
    Channel,
    Kind,
    Reading,
    Source,
    TimeQuality,
    from_ms,
)
from firmware_bridge.driver.interface import (
    MeterAnswerError,
    MeterIdentity,
    ProfileChunk,
    ProfileMemory,
)
from firmware_bridge.modbus.frames import REGISTER_SPACE, RegisterSpan, ScaledInteger, decode, plan
from firmware_bridge.modbus.register_map import RegisterField, RingProfile

CHUNK_ENTRIES = 96
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

RegisterRead = Callable[[RegisterSpan], Awaitable[tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class RingReader:
    """One look at a ring.

    Args:
        read: Fetches registers.
        layout: Where everything is.
        memory: What the header said.
        capacity: Slots in the ring.
        per_request: Entries that fit one request.
    """

    read: RegisterRead
    layout: RingProfile
    memory: ProfileMemory
    capacity: int
    per_request: int

    @classmethod
    async def open(
        cls, read: RegisterRead, layout: RingProfile, meter: MeterIdentity, max_registers: int
    ) -> Self:
        """Read the header.

        Raises:
            MeterAnswerError: The header contradicts itself.
            DeviceError: The meter does not answer, or wrongly.
        """
        fields = [layout.capacity, layout.period, layout.count, layout.newest]
        fields += [] if layout.clock is None else [layout.clock]
        words: dict[int, int] = {}
        for block in plan((field.span for field in fields), max_registers):
            words.update(enumerate(await read(block), start=block.address))
        capacity, period_s, count, newest, *clock_s = (_number(words, field) for field in fields)
        last = layout.entries + capacity * layout.width
        if (
            capacity < 1
            or last > REGISTER_SPACE
            or not 1 <= period_s <= PERIOD_MAX_S
            or count > capacity
            or newest % period_s
            or count * period_s > newest + period_s
        ):
            message = "The load profile's header is inconsistent."
            raise MeterAnswerError(message, value=(capacity, period_s, count, newest))
        end = _EPOCH + timedelta(seconds=newest + period_s if count else 0)
        held = Interval(end - count * timedelta(seconds=period_s), end)
        clock = _EPOCH + timedelta(seconds=clock_s[0]) if clock_s else None
        memory = ProfileMemory(meter, period_s, held, clock)
        return cls(read, layout, memory, capacity, max(1, max_registers // layout.width))

    async def chunks(self, interval: Interval) -> AsyncIterator[ProfileChunk]:
        """The entries in an interval; see `MeterDriver.read_profile`."""
        held = self.memory.held
        end = min(interval.end, held.end)
        if end <= interval.start:
            return
        start = interval.start
        first, last = self._number_from(max(start, held.start)), self._number_from(end)
        channels = self._channels()
        while first < last:
            stop = min(last, first + CHUNK_ENTRIES)
            readings: list[Reading] = []
            for run in self._requests(first, stop):
                words = await self.read(self._span(run))
                readings.extend(self._readings(run, words, channels))
            covered = end if stop == last else self._time(stop)
            yield ProfileChunk(Interval(start, covered), tuple(readings))
            first, start = stop, covered
        if start < end:
            yield ProfileChunk(Interval(start, end), ())

    def _number_from(self, instant: datetime) -> int:
        """The number of the first boundary at or after an instant."""
        return -((_EPOCH - instant) // timedelta(seconds=self.memory.period_s))

    def _time(self, number: int) -> datetime:
        return from_ms(number * self.memory.period_s * 1000)

    def _requests(self, first: int, stop: int) -> Iterator[range]:
        """Runs of boundaries whose slots are neighbours and fit one request."""
        while first < stop:
            until_wrap = self.capacity - first % self.capacity
            size = min(self.per_request, until_wrap, stop - first)
            yield range(first, first + size)
            first += size

    def _span(self, run: range) -> RegisterSpan:
        width = self.layout.width
        address = self.layout.entries + run.start % self.capacity * width
        return RegisterSpan(self.layout.function, address, len(run) * width)

    def _channels(self) -> tuple[Channel, ...]:
        meter = self.memory.meter
        return tuple(
            Channel(
                manufacturer=meter.manufacturer,
                serial=meter.serial,
                obis=channel.obis,
                kind=Kind.REGISTER,
                period_s=self.memory.period_s,
                source=Source.PROFILE,
                unit=channel.unit,
            )
            for channel in self.layout.channels
        )

    def _readings(
        self, run: range, words: tuple[int, ...], channels: tuple[Channel, ...]
    ) -> Iterator[Reading]:
        width = self.layout.width
        for index, number in enumerate(run):
            entry = words[index * width : (index + 1) * width]
            at = self._time(number)
            time = decode(entry[: self.layout.time.words], self.layout.time)
            if time != ScaledInteger(number * self.memory.period_s, 0):
                continue
            for channel, captured in zip(channels, self.layout.channels, strict=True):
                begin = captured.offset
                value = decode(entry[begin : begin + captured.coding.words], captured.coding)
                if isinstance(value, ScaledInteger):
                    yield Reading(
                        channel,
                        at,
                        value.mantissa,
                        value.exponent,
                        time_quality=TimeQuality.METER,
                    )


def _number(words: dict[int, int], field: RegisterField) -> int:
    span = field.span
    value = decode([words[span.address + at] for at in range(span.count)], field.coding)
    if not isinstance(value, ScaledInteger):
        message = "The load profile's header has no valid number."
        raise MeterAnswerError(message, value=value)
    return value.mantissa
