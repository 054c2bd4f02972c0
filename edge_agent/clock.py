"""Time at the gateway: the wall clock, its quality, and its steps."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from firmware_bridge.contract.reading import TimeQuality
from firmware_bridge.kernel_clock import kernel_is_synchronised

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STEP_S = 0.5
# The kernel slews by at most 500 ppm; anything faster is a step.
SLEW = 0.001


class Clock(Protocol):
    """The clock of the agent: wall time, monotonic time and their quality."""

    @property
    def boot(self) -> str:
        """Names this boot of the gateway."""
        ...

    def wall(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Time since this boot, sleep included, in seconds."""
        ...

    def quality(self) -> TimeQuality:
        """How far `wall` can be believed: synchronised, holdover or unsynchronised."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, by the monotonic clock, in seconds."""
        ...


class ClockSource(StrEnum):
    """What decides whether the clock is right: the kernel, or a person (demo, tests)."""

    KERNEL = "kernel"
    TRUSTED = "trusted"


class SystemClock:
    """The clock of this machine.

    Args:
        source: KERNEL asks adjtimex; TRUSTED always says synchronised.
        was_synchronised: Whether the clock is known to have been right in this boot already.
    """

    def __init__(self, source: ClockSource, *, was_synchronised: bool = False) -> None:
        self._source = source
        self._was_synchronised = was_synchronised
        self.boot = BOOT_ID.read_text().strip()

    def wall(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Time since this boot, sleep included, in seconds."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def quality(self) -> TimeQuality:
        """SYNCHRONISED by the source's word, HOLDOVER after it was once, else UNSYNCHRONISED."""
        if self._source is ClockSource.TRUSTED or kernel_is_synchronised():
            self._was_synchronised = True
            return TimeQuality.SYNCHRONISED
        return TimeQuality.HOLDOVER if self._was_synchronised else TimeQuality.UNSYNCHRONISED

    async def sleep(self, seconds: float) -> None:
        """Wait, by the monotonic clock, in seconds."""
        await asyncio.sleep(max(seconds, 0.0))


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment at which the wall clock was known to be right.

    Args:
        wall: Then. Aware.
        monotonic: Then. [s]
    """

    wall: datetime
    monotonic: float


class SteadyClock:
    """A clock that ignores being set while it is not synchronised.

    Once it was right, its wall time goes on by the monotonic clock for as long as nobody vouches
    for the wall clock: whoever steps that meanwhile, to 1970 or by an hour, changes no reading.

    Args:
        raw: The machine's.
        anchor: When it was right in this boot, if that is known from before.
    """

    def __init__(self, raw: Clock, anchor: Anchor | None = None) -> None:
        self._raw = raw
        self._anchor = anchor

    @property
    def boot(self) -> str:
        """Names this boot of the gateway."""
        return self._raw.boot

    def wall(self) -> datetime:
        """The wall clock where it is right, else where it would be now. Aware, UTC."""
        known = self.quality() is not TimeQuality.UNSYNCHRONISED
        anchor = self._anchor
        if not known or anchor is None:
            return self._raw.wall()
        return anchor.wall + timedelta(seconds=self._raw.monotonic() - anchor.monotonic)

    def monotonic(self) -> float:
        """Time since this boot, sleep included, in seconds."""
        return self._raw.monotonic()

    def quality(self) -> TimeQuality:
        """As the machine's clock says, and HOLDOVER once it was right in this boot."""
        quality = self._raw.quality()
        if quality is TimeQuality.SYNCHRONISED:
            anchor = Anchor(self._raw.wall(), self._raw.monotonic())
            # Setting a clock ends its discipline; what was read in between proves nothing.
            if self._raw.quality() is TimeQuality.SYNCHRONISED:
                self._anchor = anchor
        elif self._anchor is not None:
            return TimeQuality.HOLDOVER
        return quality

    async def sleep(self, seconds: float) -> None:
        """Wait, by the monotonic clock, in seconds."""
        await self._raw.sleep(seconds)


class StepWatch:
    """Notices a wall clock that jumps, by comparing it with the monotonic one.

    Args:
        wall: The wall clock now.
        monotonic: The monotonic clock now. [s]
    """

    def __init__(self, wall: datetime, monotonic: float) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def observe(self, wall: datetime, monotonic: float) -> timedelta | None:
        """The jump since the last look, if there was one; forward is positive."""
        elapsed = monotonic - self._monotonic
        jump = wall - self._wall - timedelta(seconds=elapsed)
        self._wall, self._monotonic = wall, monotonic
        if abs(jump.total_seconds()) > STEP_S + SLEW * elapsed:
            return jump
        return None
