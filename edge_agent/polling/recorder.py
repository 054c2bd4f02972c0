"""Give values their times, and commit the cycle to the buffer.

The clock may become right at any moment, so a value is stamped when it is stored, by how long ago
it was taken; the monotonic clock knows that whatever the wall clock did meanwhile.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from edge_agent.buffer.batches import unpack_waiting
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle, WaitingReadings, WaitingRow
from edge_agent.clock import Anchor, Clock
from edge_agent.meter_clock import ClockTrack, doubt
from edge_agent.polling.repeats import RepeatedReadings
from edge_agent.polling.stamping import OLDEST, MeterClocks, StampingTime
from edge_agent.register_events.detector import EventDetector
from edge_agent.register_events.device_exchange import nameplate_of
from edge_agent.sample import Sample
from firmware_bridge.contract.errors import EnvironmentFaultError
from firmware_bridge.contract.event import MeterEvent, Nameplate
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Reading, TimeQuality, from_ms, to_ms
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

_log = structlog.get_logger(__name__)

SYNCED_MARK = "clock.synced_ms"
# The same moment, since that boot. [ms]
SYNCED_SINCE_BOOT_MARK = "clock.synced_since_boot_ms"
BOOT_MARK = "clock.boot"
HELD_ROWS = 500
WAITING_MAX = 10_000
# No reading of a gateway can be older than this release; and the centre takes three years.
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)


def boot_number(boot: str) -> int:
    """A boot's name as a mark's value."""
    return zlib.crc32(boot.encode())


def anchor_of(marks: Mapping[str, int], boot: str) -> Anchor | None:
    """When the clock was last known to be right, if that was in this boot."""
    if marks.get(BOOT_MARK) != boot_number(boot) or SYNCED_SINCE_BOOT_MARK not in marks:
        return None
    return Anchor(from_ms(marks[SYNCED_MARK]), marks[SYNCED_SINCE_BOOT_MARK] / 1000)


def gateway_doubt(marks: Mapping[str, int], clock: Clock) -> timedelta:
    """How far the gateway's clock may be off by now.

    Args:
        marks: The buffer's.
        clock: The gateway's.
    """
    if clock.quality() is TimeQuality.SYNCHRONISED:
        return timedelta(0)
    anchor = anchor_of(marks, clock.boot)
    return doubt(clock.monotonic() - (0.0 if anchor is None else anchor.monotonic))


class Recorder:
    """Stores the samples of meters, one transaction for each call.

    Args:
        buffer: Where to.
        clock: What time it is, and how sure that is.
        on_stored: Called after each commit; must not block.
    """

    def __init__(self, buffer: Buffer, clock: Clock, on_stored: Callable[[], None]) -> None:
        self._buffer = buffer
        self._clock = clock
        self._on_stored = on_stored
        self._detector = EventDetector(buffer)
        self._clocks = MeterClocks(buffer.marks)
        self._repeats = RepeatedReadings(buffer.current, buffer.marks)
        self._undated: set[tuple[MeterIdentity, Obis]] = set()
        self._turn = asyncio.Lock()
        self._waiting: list[Sample] = []
        self._may_hold = True
        self.stored_at: float | None = None
        self.tried_at: float | None = None

    async def recall(self) -> None:
        """Learn from the buffer what registers showed last; once, before anything is recorded.

        Raises:
            BufferUnavailableError: It cannot be read.
        """
        await self._detector.recall(self._repeats.recall)

    async def record(
        self, samples: Sequence[Sample] = (), marks: Mapping[str, int] | None = None
    ) -> None:
        """Commit samples, and with them live values that an earlier commit had no room for.

        Args:
            samples: Of any number of meters; none shows that the agent lives.
            marks: Named integers that are true once all of them are stored.

        Raises:
            BufferFullError, BufferUnavailableError: Nothing was accepted. Live values are kept in
                memory for the next call, within a bound; load profiles stay with their meters.
        """
        async with self._turn:
            self.tried_at = self._clock.monotonic()
            everything = [*self._waiting, *samples]
            self._waiting = []
            for sample in everything:
                self._detector.learn(sample)
            try:
                if self._may_hold and self._clock.quality() is not TimeQuality.UNSYNCHRONISED:
                    await self._release_held()
                cycle, tracks = self._cycle(everything, marks or {})
                await self._store(cycle, everything)
                self._clocks.commit(tracks)
            except EnvironmentFaultError:
                live = [sample.without_profile() for sample in everything if sample.is_live]
                self._waiting = live[-WAITING_MAX:]
                raise
            self.stored_at = self._clock.monotonic()
        self._on_stored()

    async def _store(self, cycle: Cycle, samples: Sequence[Sample] = ()) -> None:
        """Commit a cycle together with what its readings show."""
        cycle = replace(cycle, readings=self._repeats.fresh(cycle.readings, self._buffer.current))
        detection = self._detector.detect(cycle.readings, samples)
        events = (*cycle.events, *detection.events)
        whole = replace(
            cycle,
            marks={**cycle.marks, **detection.marks, **self._repeats.marks()},
            events=events,
            withheld=detection.withheld,
        )

        def committed() -> None:
            self._detector.commit(detection, events, cycle.made_at)
            self._repeats.commit(cycle.readings)

        await self._buffer.store(whole, committed)

    def _cycle(
        self, samples: Sequence[Sample], further_marks: Mapping[str, int]
    ) -> tuple[Cycle, Mapping[Nameplate, ClockTrack]]:
        # In this order: a clock that becomes right in between must not vouch for a time before.
        quality = self._clock.quality()
        now, monotonic = self._clock.wall(), self._clock.monotonic()
        synchronised = quality is TimeQuality.SYNCHRONISED
        marks = {name: value for sample in samples for name, value in sample.marks.items()}
        marks |= further_marks
        if synchronised:
            marks[SYNCED_MARK] = to_ms(now)
            marks[SYNCED_SINCE_BOOT_MARK] = round(monotonic * 1000)
            marks.update(self._changed(BOOT_MARK, boot_number(self._clock.boot)))
        readings: list[Reading] = []
        held: list[WaitingReadings] = []
        events: list[MeterEvent] = []
        tracks: dict[Nameplate, ClockTrack] = {}
        doubt, floor = gateway_doubt(self._buffer.marks, self._clock), self._floor()
        for sample in samples:
            if sample.taken is None:
                continue
            at = now - timedelta(seconds=max(monotonic - sample.taken, 0.0))
            moment = StampingTime(at, quality, doubt, floor, sample.taken, sample.profile_look)
            stamped = self._clocks.stamp(
                sample.device, sample.values, sample.period_s, sample.trust, moment
            )
            readings += stamped.readings
            if stamped.timeless:
                held.append(
                    WaitingReadings(self._clock.boot, round(sample.taken * 1000), stamped.timeless)
                )
            self._note_undated(stamped.undated, now)
            events += stamped.events
            tracks |= stamped.tracks
            marks |= stamped.marks
        self._may_hold = self._may_hold or bool(held)
        readings += (entry for sample in samples for entry in sample.entries)
        return Cycle(now, readings, marks, held, synchronised=synchronised, events=events), tracks

    def _floor(self) -> datetime:
        """An instant that has passed, whatever the clock says."""
        synced = self._buffer.marks.get(SYNCED_MARK)
        return _EARLIEST if synced is None else max(_EARLIEST, from_ms(synced))

    def _note_undated(self, values: Sequence[MeterValue], now: datetime) -> None:
        for value in values:
            if (key := (value.meter, value.obis)) not in self._undated:
                self._undated.add(key)
                which = f"{nameplate_of(value.meter)} {value.obis}, {value.quantity}"
                detail = f"The time of this reading is unknown: {which}, at {value.meter_time}."
                self._buffer.note(now, "value_undated", detail)

    def _changed(self, name: str, value: int) -> dict[str, int]:
        return {} if self._buffer.marks.get(name) == value else {name: value}

    async def _release_held(self) -> None:
        """The clock is known: what waited for it gets its time."""
        while rows := await self._buffer.waiting(HELD_ROWS):
            boots = await self._buffer.waiting_boots()
            readings = self._stamp(rows, boots)
            released = [row.identity for row in rows]
            await self._store(Cycle(self._clock.wall(), readings, release=released))
            _log.info("held_released", readings=len(readings))
        self._may_hold = False

    def _stamp(self, rows: Iterable[WaitingRow], boots: Mapping[str, int]) -> list[Reading]:
        booted = self._clock.wall() - timedelta(seconds=self._clock.monotonic())
        spans = self._spans(boots, booted)
        readings: list[Reading] = []
        for row in rows:
            if row.boot == self._clock.boot:
                at = booted + timedelta(milliseconds=row.taken_ms)
                readings += [
                    replace(reading, time_quality=TimeQuality.HOLDOVER)
                    for reading in unpack_waiting(row.data, at)
                ]
                continue
            floor, ceiling = spans[row.boot]
            earliest = floor + timedelta(milliseconds=row.taken_ms)
            latest = ceiling - timedelta(milliseconds=boots[row.boot] - row.taken_ms)
            # Bounds that contradict each other are both in doubt.
            earliest, latest = sorted((earliest, latest))
            span_ms = (latest - earliest) // timedelta(milliseconds=1)
            readings += [
                replace(reading, time_quality=TimeQuality.UNSYNCHRONISED, span_ms=span_ms)
                for reading in unpack_waiting(row.data, earliest)
            ]
        return readings

    def _spans(
        self, boots: Mapping[str, int], booted: datetime
    ) -> dict[str, tuple[datetime, datetime]]:
        """Between which instants each earlier boot lay: after what is known, before the next."""
        earlier = [boot for boot in boots if boot != self._clock.boot]
        synced = self._buffer.marks.get(SYNCED_MARK)
        floor = max(_EARLIEST, booted - OLDEST) if synced is None else from_ms(synced)
        floors, ceilings = {}, {}
        for boot in earlier:
            floors[boot] = floor
            floor += timedelta(milliseconds=boots[boot])
        for boot in reversed(earlier):
            ceilings[boot] = booted
            booted -= timedelta(milliseconds=boots[boot])
        return {boot: (floors[boot], ceilings[boot]) for boot in earlier}
