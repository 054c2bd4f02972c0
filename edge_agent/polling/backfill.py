"""Read missed entries from a meter's load profile, and seal them in full batches.

How far it got is a mark that is committed in the same transaction as the entries before it, so a
kill at any moment neither loses an entry nor seals one twice. A meter whose clock is wrong keeps
its entries until that is right (`profile_clock`), so that the mark stays where they were last good.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

import structlog

from edge_agent.buffer.buffer import Buffer
from edge_agent.clock import Clock
from edge_agent.polling.claims import MeterIdentitySharedError
from edge_agent.polling.meter import Meter, describe
from edge_agent.polling.profile_clock import believed_until, mark_of
from edge_agent.polling.recorder import Recorder
from edge_agent.register_events.device_exchange import nameplate_of
from edge_agent.sample import Sample
from firmware_bridge.contract.body import READINGS_MAX
from firmware_bridge.contract.errors import DeviceError, EnvironmentFaultError
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import Reading, from_ms, to_ms
from firmware_bridge.driver.interface import MeterIdentity, ProfileMemory

_log = structlog.get_logger(__name__)

RETRY_S = 5.0
RETRY_MAX_S = 300.0
SHORT_S = 30.0


class Backfill:
    """The back-fill of one meter. Runs until it is cancelled.

    Args:
        meter: The meter.
        recorder: Stores its entries.
        buffer: For marks, events, and the word that the disk is short.
        clock: For waiting.
    """

    def __init__(self, meter: Meter, recorder: Recorder, buffer: Buffer, clock: Clock) -> None:
        self._meter = meter
        self._recorder = recorder
        self._buffer = buffer
        self._clock = clock
        self._lost = False

    async def run(self) -> None:
        """Catch up now, and again whenever the cycles fall behind."""
        delay_s = RETRY_S
        failure = None
        while True:
            try:
                self._meter.profile_readable = await self.catch_up()
                if not self._meter.profile_readable:
                    return
            except (DeviceError, EnvironmentFaultError) as error:
                if isinstance(error, DeviceError):
                    self._meter.profile_readable = False
                code, detail, raw = describe(error)
                if code != failure:
                    _log.warning("backfill_waits", meter=self._meter.name, reason=detail)
                    self._note(code.lower(), detail, raw)
                failure = code
                await self._clock.sleep(delay_s)
                delay_s = min(delay_s * 2, RETRY_MAX_S)
                continue
            delay_s, failure = RETRY_S, None
            await self._meter.behind.wait()
            self._meter.behind.clear()

    async def catch_up(self) -> bool:
        """Store every entry that the meter holds and the buffer does not.

        Returns:
            False where the meter keeps no load profile.

        Raises:
            DeviceError: It does not answer; what it had given is stored.
            ProfileNotTakenError: Its clock is wrong, or nobody can tell.
            EnvironmentFaultError: The buffer takes nothing; progress stands where it is.
        """
        while True:
            memory = await self._meter.driver.profile_memory()
            if memory is None:
                return False
            if self._meter.claims.is_refused(self._meter.name, memory.meter):
                message = f"The entries of {nameplate_of(memory.meter)} belong to another meter."
                raise MeterIdentitySharedError(message)
            until = believed_until(self._meter, memory, self._buffer.marks, self._clock)
            self._heal(memory, until)
            start = self._start(memory)
            if start > memory.newest or not memory.held.duration:
                if self._stored() is None:
                    await self._store(memory.meter, (), mark_of(start, until))
                self._meter.profile_period_s = memory.period_s
                self._meter.current = True
                return True
            end = min(memory.held.end, until)
            await self._read(memory.meter, Interval(start, end), until)

    def _stored(self) -> int | None:
        """How far it is stored, in ms since 1970 UTC; None where nothing is known of that."""
        stored = self._buffer.marks.get(self._meter.profile_mark)
        return None if self._lost else stored

    def _heal(self, memory: ProfileMemory, until: datetime) -> None:
        """Begin anew where the mark names an instant that the meter and the gateway have not seen.

        A meter whose clock was ahead may have moved it there; what it gave twice the centre knows.
        """
        stored = self._stored()
        if stored is not None and stored > to_ms(max(until, memory.held.end)):
            self._lost = True
            detail = f"Its load profile stood stored to {from_ms(stored)}; it is read anew."
            self._note("profile_mark_healed", detail)

    def _start(self, memory: ProfileMemory) -> datetime:
        stored = self._stored()
        wanted = from_ms(stored) if stored is not None else self._meter.backfill_from
        if wanted is None or wanted >= memory.held.start:
            return wanted or memory.held.start
        if stored is not None and memory.held.duration:
            gap = f"Entries from {wanted} to {memory.held.start} are not in its memory any more."
            self._note("profile_gap", gap)
        return memory.held.start

    async def _read(self, device: MeterIdentity, interval: Interval, until: datetime) -> None:
        began = self._clock.monotonic()
        waiting: list[Reading] = []
        covered = interval.start
        count = 0
        try:
            chunks = self._meter.driver.read_profile(interval)
            async with aclosing(chunks):  # type: ignore[type-var]
                async for chunk in chunks:
                    waiting += chunk.readings
                    count += len(chunk.readings)
                    covered = chunk.covers.end
                    while len(waiting) > READINGS_MAX:
                        waiting = await self._store_full(device, waiting, until)
                    await self._while_short()
        finally:
            await self._store(device, waiting, mark_of(covered, until))
        seconds = self._clock.monotonic() - began
        _log.info("backfilled", meter=self._meter.name, readings=count, seconds=round(seconds, 2))

    async def _store_full(
        self, device: MeterIdentity, waiting: list[Reading], until: datetime
    ) -> list[Reading]:
        """Store a full batch, cut between instants; return the rest."""
        cut = READINGS_MAX
        while cut > 1 and waiting[cut - 1].at == waiting[cut].at:
            cut -= 1
        await self._store(device, waiting[:cut], mark_of(waiting[cut].at, until))
        return waiting[cut:]

    async def _store(
        self, device: MeterIdentity, entries: Sequence[Reading], covered_ms: int
    ) -> None:
        if not entries and self._stored() == covered_ms:
            return
        marks = {self._meter.profile_mark: covered_ms}
        sample = Sample(self._meter.name, device, entries=tuple(entries), marks=marks)
        await self._recorder.record([sample])
        self._lost = False

    async def _while_short(self) -> None:
        while self._buffer.engine.short:
            await self._clock.sleep(SHORT_S)

    def _note(self, code: str, detail: str, raw: bytes | None = None) -> None:
        self._buffer.note(self._clock.wall(), code, f"{self._meter.name}: {detail}", raw)
