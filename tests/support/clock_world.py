"""A gateway whose clocks go wrong in every way, with the real poller, recorder and buffer on it.

True time is what the test knows. The monotonic clock counts it from each boot; the wall clock is
off by what the last step left, and the kernel vouches for it or does not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.buffer.batches import readings_of, unpack_waiting
from edge_agent.buffer.buffer import Buffer
from edge_agent.cancellation import end
from edge_agent.clock import SteadyClock
from edge_agent.polling.meter import Meter
from edge_agent.polling.poller import LOOK_S, Poller
from edge_agent.polling.recorder import Recorder, anchor_of
from firmware_bridge.contract.interval import floor_boundary, next_boundary
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import Kind, Reading, TimeQuality
from firmware_bridge.driver.interface import MeterIdentity, MeterValue, ReadOut
from tests.support.edge_clock import HandClock, ScriptedMeter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GATEWAY = "gw-1"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
TOLERANCE = timedelta(milliseconds=5)
ZERO = timedelta(0)


@dataclass
class Machine:
    """The clocks of a gateway.

    Args:
        true: What time it is.
        trusted: A person vouches for the wall clock, whatever it says.
    """

    true: datetime
    trusted: bool = False
    boots: int = 1
    booted: datetime = BEGINNING
    error: timedelta = ZERO
    disciplined: bool = False
    # Has the wall clock been right in this boot? Then no step is seen before the next boot.
    was_right: bool = False

    def __post_init__(self) -> None:
        self.booted = self.true - timedelta(seconds=20)

    @property
    def boot(self) -> str:
        return f"boot-{self.boots}"

    def wall(self) -> datetime:
        return self.true + self.error

    def monotonic(self) -> float:
        return (self.true - self.booted).total_seconds()

    def quality(self) -> TimeQuality:
        right = self.trusted or self.disciplined
        return TimeQuality.SYNCHRONISED if right else TimeQuality.UNSYNCHRONISED

    @property
    def seen_error(self) -> timedelta:
        """By how much the agent's own idea of the time is off."""
        return self.error if self.trusted or not self.was_right else ZERO

    def turn(self, seconds: float) -> None:
        self.true += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.turn(max(seconds, 0.001))
        await asyncio.sleep(0)

    def set(self, wall: datetime) -> None:
        """Somebody sets the clock, which ends its discipline; no kernel takes less than 1970."""
        self.error = max(wall, BEGINNING) - self.true
        self.disciplined = False

    def discipline(self) -> None:
        """The time servers answer."""
        self.error, self.disciplined, self.was_right = ZERO, True, True

    def lose(self) -> None:
        """The time servers are gone."""
        self.disciplined = False

    def reboot(self, off_s: float, wall: datetime | None) -> None:
        """The power goes, and comes again: with a clock chip, or none."""
        self.turn(off_s)
        self.boots, self.booted = self.boots + 1, self.true
        self.disciplined = self.was_right = False
        self.error = ZERO if wall is None else wall - self.true
        self.turn(20)


class RecordedMeter(ScriptedMeter):
    """A meter that shows how often it was read, and remembers when that truly was."""

    def __init__(self, machine: Machine, serial: str, *, own_time: bool) -> None:
        super().__init__(HandClock(), serial)
        self.machine = machine
        self.own_time = own_time
        self.truly: list[datetime] = []

    async def read(self) -> ReadOut:
        # A clock that a person vouches for is right by definition, and the meter's agrees with it.
        self.truly.append(self.machine.wall() if self.machine.trusted else self.machine.true)
        shown = Quantity(len(self.truly), 0, Unit.WATT_HOUR)
        at = self.truly[-1] if self.own_time else None
        value = MeterValue(self.meter, ACTIVE_IMPORT, Kind.REGISTER, shown, meter_time=at)
        return ReadOut(MeterIdentity("EAS", self.meter.serial), (value,))


@dataclass(frozen=True)
class Look:
    """One cycle as the poller ran it."""

    boundary: datetime
    seen: datetime
    fresh: bool


@dataclass
class Incident:
    """Something that happened to the clocks while the poller ran."""

    seen: datetime
    jump: timedelta
    asleep: bool = False


class WatchedPoller(Poller):
    """The poller, telling what it polls and when."""

    def watch(self, machine: Machine, logs: dict[str, list[Look | Incident]]) -> None:
        self._machine = machine
        self._logs = logs

    async def cycle(
        self, meters: Iterable[Meter], boundary: datetime, patience_s: float = 600.0
    ) -> None:
        meters = list(meters)
        for meter in meters:
            log = self._logs[meter.name]
            fresh = not any(isinstance(entry, Look) for entry in log)
            log.append(Look(boundary, self._machine.true + self._machine.seen_error, fresh))
        await super().cycle(meters, boundary, patience_s)


@dataclass
class Gateway:
    """An agent's reading half on such a machine.

    Args:
        folder: For the buffer.
        machine: Its clocks.
        periods_s: Of its meters. [s]
    """

    folder: Path
    machine: Machine
    periods_s: tuple[int, ...] = (60, 300)
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        last = len(self.periods_s) - 1
        self.meters = {
            str(number): RecordedMeter(self.machine, str(number), own_time=number == last)
            for number in range(len(self.periods_s))
        }

    async def run(self, plan: list[tuple[float, str, float]]) -> None:
        """Run one process; in it, incidents happen, each so many seconds after the one before."""
        buffer = await Buffer.open(self.folder / "buffer.db", GATEWAY, self.machine.wall())
        clock = SteadyClock(self.machine, anchor_of(buffer.marks, self.machine.boot))
        recorder = Recorder(buffer, clock, lambda: None)
        await recorder.recall()
        # What is known of the time in this boot is known to the next process too, once committed.
        self.machine.was_right = clock.quality() is not TimeQuality.UNSYNCHRONISED
        meters = [
            Meter(name, meter, period_s=period_s)
            for (name, meter), period_s in zip(self.meters.items(), self.periods_s, strict=True)
        ]
        logs: dict[str, list[Look | Incident]] = {name: [] for name in self.meters}
        poller = WatchedPoller(meters, recorder, buffer, clock)
        poller.watch(self.machine, logs)
        task = asyncio.create_task(poller.run())
        for wait_s, what, amount in plan:
            await self._until(self.machine.monotonic() + wait_s, task)
            self._befall(what, amount, logs)
        await end(task)
        self.counted["readings"] += sum(len(log) for log in logs.values())
        for meter in meters:
            check_rhythm(logs[meter.name], meter.period_s)
        await buffer.close(flush=False)

    async def _until(self, monotonic: float, task: asyncio.Task[None]) -> None:
        while self.machine.monotonic() < monotonic:
            if task.done():
                task.result()
            await asyncio.sleep(0)

    def _befall(self, what: str, amount: float, logs: dict[str, list[Look | Incident]]) -> None:
        machine, before = self.machine, self.machine.seen_error
        self.counted[what] += 1
        if what == "step":
            machine.set(machine.wall() + timedelta(seconds=amount))
        elif what == "1970":
            machine.set(BEGINNING + timedelta(seconds=amount))
        elif what == "discipline":
            machine.discipline()
        elif what == "lose":
            machine.lose()
        elif what == "suspend":
            machine.turn(amount)
        jump = machine.seen_error - before
        for log in logs.values():
            log.append(Incident(machine.true + machine.seen_error, jump, what == "suspend"))

    async def check(self) -> Counter[TimeQuality]:
        """Every read is there once, with its true time or the word that it is not known."""
        buffer = await Buffer.open(self.folder / "buffer.db", GATEWAY, self.machine.wall())
        kinds: Counter[TimeQuality] = Counter()
        there: Counter[tuple[str, int]] = Counter()
        async for batch in buffer.newest(1_000_000):
            assert not batch.events
            for reading in readings_of(batch):
                there[reading.channel.serial, reading.mantissa] += 1
                kinds[reading.time_quality] += 1
                self._check_time(reading)
        held = await buffer.waiting(1_000_000)
        for row in held:
            for reading in unpack_waiting(row.data, BEGINNING):
                there[reading.channel.serial, reading.mantissa] += 1
        counts = await buffer.counts()
        await buffer.close()
        assert counts.reconcile
        wanted = {
            (n, i + 1): 1 for n, meter in self.meters.items() for i in range(len(meter.truly))
        }
        assert dict(there) == wanted
        if self.machine.disciplined:
            assert not held
        return kinds

    def _check_time(self, reading: Reading) -> None:
        truly = self.meters[reading.channel.serial].truly[reading.mantissa - 1]
        if reading.time_quality is TimeQuality.UNSYNCHRONISED:
            span = timedelta(milliseconds=reading.span_ms)
            assert reading.at - TOLERANCE <= truly <= reading.at + span + TOLERANCE
        else:
            assert reading.span_ms == 0
            assert abs(reading.at - truly) <= TOLERANCE, (reading, truly)


def check_rhythm(log: list[Look | Incident], period_s: int) -> None:
    """No boundary twice, none skipped, each read when it comes."""
    period = timedelta(seconds=period_s)
    before: Look | None = None
    after_jump: datetime | None = None
    asleep, slack = False, ZERO
    for entry in log:
        if isinstance(entry, Incident):
            large = abs(entry.jump) >= period / 2
            after_jump = entry.seen if large else after_jump
            asleep, slack = asleep or entry.asleep, slack + abs(entry.jump) * (not large)
            continue
        if not entry.fresh and before is not None:
            # Several periods that are due at once after a stall are one cycle, named by the latest.
            boundary = floor_boundary(entry.boundary, period_s)
            assert boundary == entry.boundary or asleep
            late = entry.seen - boundary
            assert late >= -TOLERANCE
            assert late <= timedelta(seconds=LOOK_S) + slack or asleep, (entry, late)
            assert late < period, entry
            first = before.fresh or after_jump is not None
            base = after_jump or (before.seen if first else before.boundary)
            expected = next_boundary(base if first else floor_boundary(base, period_s), period_s)
            if asleep:
                assert boundary >= expected or after_jump is not None, (entry, expected)
            else:
                assert boundary == expected, (before, entry, expected)
        before, after_jump, asleep, slack = entry, None, False, ZERO
