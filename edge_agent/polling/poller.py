"""Read every meter on its UTC boundaries, all at once; a dead one delays no other.

A cycle is one boundary: all meters due at it are read together, and what came back is stored in one
transaction. A meter that failed last time is not waited for, nor one that would make others miss
their next boundary; if it does answer, its values are stored in a transaction of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from edge_agent.buffer.buffer import Buffer
from edge_agent.cancellation import end
from edge_agent.clock import Clock
from edge_agent.meter_clock import is_present
from edge_agent.polling.claims import Admission, device_of
from edge_agent.polling.meter import Meter, describe, is_spared, read_mark
from edge_agent.polling.profile_clock import (
    ProfileNotTakenError,
    believed_until,
    mark_of,
    recent_look,
)
from edge_agent.polling.recorder import Recorder
from edge_agent.polling.refusal_log import RefusalLog, is_refusal
from edge_agent.polling.schedule import Timetable
from edge_agent.sample import Sample
from firmware_bridge.contract.errors import DeviceError, EnvironmentFaultError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import Reading, TimeQuality, from_ms, to_ms
from firmware_bridge.driver.interface import (
    MeterOfflineError,
    MeterStaleError,
    MeterValue,
    ReadOut,
)

_log = structlog.get_logger(__name__)

# A wall clock that is set while we sleep is noticed within this time.
LOOK_S = 2.0
PATIENCE_MIN_S, PATIENCE_MAX_S = 0.5, 600.0
# A load profile that is further behind is caught up on beside the cycles.
TOP_UP_ENTRIES = 20
SHARED_MAX = 200


class Poller:
    """Runs until it is cancelled.

    Args:
        meters: The meters; the list may change between cycles.
        recorder: Stores what they show.
        buffer: For marks, events, and the word that the disk is short.
        clock: For waiting and stamping.
        refusals: Where what could not be read is noted; None for a log that nobody hears of.

    Attributes:
        clock_steps: How often the wall clock was seen to jump.
    """

    def __init__(
        self,
        meters: Sequence[Meter],
        recorder: Recorder,
        buffer: Buffer,
        clock: Clock,
        refusals: RefusalLog | None = None,
    ) -> None:
        self._meters = meters
        self._recorder = recorder
        self._buffer = buffer
        self._clock = clock
        self._refusals = RefusalLog() if refusals is None else refusals
        self._late: set[asyncio.Task[None]] = set()
        self.clock_steps = 0

    async def run(self) -> None:
        """Read each meter once, then at each of its boundaries, for ever."""
        timetable = Timetable(self._clock.wall(), self._clock.monotonic())
        try:
            while True:
                now = self._clock.wall()
                periods_s = {meter.period_s for meter in self._meters}
                due, step = timetable.poll(now, self._clock.monotonic(), periods_s)
                if step:
                    self._note_step(step, now)
                meters = [s for s in self._meters if s.fresh or s.period_s in due]
                for meter in meters:
                    meter.fresh = False
                if meters:
                    patience_s = max(timetable.wait_s(now, PATIENCE_MAX_S), PATIENCE_MIN_S)
                    await self.cycle(meters, max(due.values(), default=now), patience_s)
                await self._clock.sleep(timetable.wait_s(self._clock.wall(), LOOK_S))
        finally:
            await end(*self._late)

    def _note_step(self, step: timedelta, now: datetime) -> None:
        self.clock_steps += 1
        seconds = step.total_seconds()
        _log.warning("clock_stepped", seconds=round(seconds, 3))
        self._buffer.note(now, "clock_stepped", f"The wall clock stepped by {seconds:+.3f} s.")

    async def cycle(
        self,
        meters: Iterable[Meter],
        boundary: datetime,
        patience_s: float = PATIENCE_MAX_S,
    ) -> None:
        """Read these meters now and store their values, in one transaction.

        Args:
            meters: Those that are due.
            boundary: At which they are.
            patience_s: Who takes longer is stored later, lest others miss their next boundary. [s]
        """
        chosen = [meter for meter in meters if self._wanted(meter)]
        silent = [meter for meter in chosen if not meter.answering]
        reads = [(one, self._begin(one, boundary)) for one in chosen if one.answering]
        try:
            if awaited := [task for _, task in reads]:
                await asyncio.wait(awaited, timeout=patience_s)
            done = [(meter, task) for meter, task in reads if task.done()]
            # Meters of one bus take turns: who kept silent last time keeps it from nobody.
            reads += [(meter, self._begin(meter, boundary)) for meter in silent]
            await self._store([sample for pair in done if (sample := self._outcome(*pair))])
        finally:
            for meter, task in reads:
                if not task.done():
                    self._leave(meter, task)

    def _begin(self, meter: Meter, boundary: datetime) -> asyncio.Task[Sample | None]:
        task = asyncio.create_task(self._read(meter, boundary))
        meter.under_way.add(task)
        task.add_done_callback(meter.under_way.discard)
        return task

    def _leave(self, meter: Meter, task: asyncio.Task[Sample | None]) -> None:
        late = asyncio.create_task(self._store_late(meter, task))
        self._late.add(late)
        late.add_done_callback(self._late.discard)

    async def _store_late(self, meter: Meter, task: asyncio.Task[Sample | None]) -> None:
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if sample := self._outcome(meter, task):
            await self._store([sample])

    def _outcome(self, meter: Meter, task: asyncio.Task[Sample | None]) -> Sample | None:
        """What a finished read gave. A fault of a driver must not end the agent."""
        if task.cancelled():
            return None
        if error := task.exception():
            self._fail(meter, error)
            return None
        return task.result()

    def _wanted(self, meter: Meter) -> bool:
        # What its own memory keeps can wait until the disk has room.
        spared = self._buffer.engine.short and is_spared(meter, self._buffer.marks)
        return not (meter.reading or spared)

    async def _store(self, samples: Sequence[Sample]) -> None:
        now_ms = to_ms(self._clock.wall())
        marks = {read_mark(sample.meter): now_ms for sample in samples}
        # Also where no meter answered: it shows that the agent lives, and ends a disk's alarm.
        try:
            await self._recorder.record(samples, marks)
        except EnvironmentFaultError as error:
            _log.error("cycle_not_stored", code=error.code, reason=error.message)

    async def _read(self, meter: Meter, boundary: datetime) -> Sample | None:
        meter.reading = True
        try:
            read_out = await self._present(meter)
            taken = self._clock.monotonic()
        except (DeviceError, TimeoutError) as error:
            self._fail(meter, error)
            return None
        finally:
            meter.reading = False
        meter.answering, meter.failure = True, None
        self._note_offline(meter, read_out.offline)
        self._note_refused(meter, read_out)
        self._note_absent(meter, read_out)
        self._note_repeated(meter, read_out)
        admission = meter.claims.admit(meter.name, read_out.meter, read_out.values)
        self._note_shared(meter, admission, read_out)
        if read_out.values and not admission.values:
            return None
        sample = Sample(
            meter.name,
            read_out.meter,
            admission.values,
            taken,
            meter.period_s,
            meter.trust,
            meter.capacity_w,
            marks=admission.marks,
            several=read_out.several,
        )
        if meter.claims.is_refused(meter.name, read_out.meter):
            return sample
        entries, covered_ms = await self._top_up(meter, boundary)
        progress = {} if covered_ms is None else {meter.profile_mark: covered_ms}
        look = recent_look(meter, read_out.meter, taken)
        marks = {**sample.marks, **progress}
        return replace(sample, entries=entries, marks=marks, profile_look=look)

    async def _present(self, meter: Meter) -> ReadOut:
        """A read-out without what somebody kept from before; waits for more than that.

        Raises:
            DeviceError: None came.
            TimeoutError: Nothing came in time.
        """
        stale: ReadOut | None = None
        try:
            async with asyncio.timeout(meter.timeout_s):
                while True:
                    read_out = await meter.driver.read()
                    values = self._of_now(read_out, meter)
                    if values or not read_out.values:
                        return replace(read_out, values=values)
                    stale = read_out
        except (DeviceError, TimeoutError) as error:
            if stale is None or isinstance(error, MeterOfflineError):
                raise
            message = f"The broker sent only old, retained values: {_describe_stale(stale)}."
            raise MeterStaleError(message, value=meter.name) from error

    def _of_now(self, read_out: ReadOut, meter: Meter) -> tuple[MeterValue, ...]:
        now, tolerance = self._clock.wall(), meter.trust.tolerance
        known = self._clock.quality() is not TimeQuality.UNSYNCHRONISED
        return tuple(
            value
            for value in read_out.values
            if not value.kept or (known and is_present(value.meter_time, now, tolerance))
        )

    def _note_offline(self, meter: Meter, offline: tuple[str, ...]) -> None:
        """Tell of devices behind one meter that go and come."""
        before, meter.offline = meter.offline, offline
        for name in sorted(set(offline) - set(before)):
            _log.warning("device_offline", meter=meter.name, device=name)
            self._note(meter, "device_offline", f"The broker reports {name} as offline.")
        for name in sorted(set(before) - set(offline)):
            self._note(meter, "device_online", f"{name} is online again.")

    async def _top_up(
        self, meter: Meter, boundary: datetime
    ) -> tuple[tuple[Reading, ...], int | None]:
        """The entries since the last cycle, where the load profile is current, and its mark."""
        stored = self._buffer.marks.get(meter.profile_mark)
        if not meter.current or stored is None or self._buffer.engine.short:
            return (), None
        period = timedelta(seconds=meter.profile_period_s)
        interval = Interval(from_ms(stored), max(boundary + period, from_ms(stored)))
        if interval.duration > TOP_UP_ENTRIES * period:
            self._fall_behind(meter)
            return (), None
        entries: list[Reading] = []
        covered_ms = None
        try:
            async with asyncio.timeout(meter.timeout_s):
                memory = await meter.driver.profile_memory()
                if memory is None:
                    return (), None
                until = believed_until(meter, memory, self._buffer.marks, self._clock)
                end = min(interval.end, memory.held.end, until)
                if end <= interval.start:
                    return (), None
                chunks = meter.driver.read_profile(Interval(interval.start, end))
                async with aclosing(chunks):  # type: ignore[type-var]
                    async for chunk in chunks:
                        entries += chunk.readings
                        covered_ms = mark_of(chunk.covers.end, until)
        except ProfileNotTakenError:
            self._fall_behind(meter)  # who catches up says why
        except (DeviceError, TimeoutError) as error:
            self._fail(meter, error)
            self._fall_behind(meter)
        return tuple(entries), covered_ms

    def _fall_behind(self, meter: Meter) -> None:
        meter.current = False
        meter.behind.set()

    def _fail(self, meter: Meter, error: BaseException) -> None:
        code, detail, raw = describe(error)
        if isinstance(error, TimeoutError):
            code, detail = "METER_TIMEOUT", f"The meter did not answer within {meter.timeout_s} s."
        meter.bad_frames += raw is not None
        if is_refusal(error):
            # Where a telegram was refused, its own reason says more than that nothing was read.
            cause = error.__cause__ if isinstance(error.__cause__, DeviceError) else error
            why, reason, _ = describe(cause)
            self._refusals.note(self._clock.wall(), meter.name, why, reason, raw)
        if meter.failure != code or raw is not None:
            _log.warning("read_failed", meter=meter.name, code=code, reason=detail)
            self._note(meter, code.lower(), detail, raw)
        meter.answering, meter.failure = False, code

    def _note_shared(self, meter: Meter, admission: Admission, read_out: ReadOut) -> None:
        """Say which devices are another meter's or topic's; a failure while that is so."""
        # Who did not speak this time is no news when he does again.
        silent = meter.shared - {device_of(value) for value in read_out.values}
        absent = sorted((showing for showing in silent if showing.sender), key=str)[:SHARED_MAX]
        reported, meter.shared = meter.shared, frozenset((*admission.shared, *absent))
        for showing in admission.shared:
            refusal = admission.refusal(showing)
            meter.failure = refusal.code
            self._refusals.note(
                self._clock.wall(),
                meter.name,
                refusal.code,
                str(refusal),
                None,
                sender=showing.sender,
            )
            if showing not in reported:
                _log.warning("meter_identity_shared", meter=meter.name, reason=str(refusal))
                self._note(meter, refusal.code.lower(), str(refusal))

    def _note_refused(self, meter: Meter, read_out: ReadOut) -> None:
        """Count what could not be decoded beside what was read; say why once while it lasts."""
        before, meter.refused = meter.refused, frozenset(item.code for item in read_out.refused)
        for item in read_out.refused:
            meter.bad_frames += item.count
            self._refusals.note(
                self._clock.wall(),
                meter.name,
                item.code,
                item.message,
                item.raw,
                item.count,
                sender=item.sender,
            )
            if item.code not in before:
                _log.warning(
                    "telegram_refused", meter=meter.name, code=item.code, reason=item.message
                )
                self._note(meter, item.code.lower(), item.message, item.raw)

    def _note_absent(self, meter: Meter, read_out: ReadOut) -> None:
        """Say which registers have no value, once for as long as they have none."""
        before = meter.absent
        meter.absent = frozenset((item.obis, item.absence) for item in read_out.absent)
        for item in read_out.absent:
            if (item.obis, item.absence) not in before:
                self._note(meter, "value_absent", f"{item.obis}: {item.absence}.", item.raw)

    def _note_repeated(self, meter: Meter, read_out: ReadOut) -> None:
        """Say what stood under the code of another value, once for as long as it does."""
        registers = frozenset(value.register for value in read_out.repeated)
        reported, meter.repeated = meter.repeated, registers
        if not registers - reported:
            return
        read = {value.register: value.quantity for value in read_out.values}
        for value in read_out.repeated:
            refused = f"{value.obis}: {value.quantity} is not stored"
            beside = read.get(value.register)
            detail = (
                f"{refused}."
                if beside is None
                else f"{refused}; the meter also shows {beside} under this code."
            )
            self._note(meter, "value_repeated", detail)

    def _note(self, meter: Meter, code: str, detail: str, raw: bytes | None = None) -> None:
        self._buffer.note(self._clock.wall(), code, f"{meter.name}: {detail}", raw)


def _describe_stale(read_out: ReadOut) -> str:
    value = read_out.values[0]
    at = value.meter_time
    return f"{value.obis} of {value.meter.serial} at {None if at is None else at.isoformat()}"
