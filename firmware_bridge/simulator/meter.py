"""A virtual meter: counters, a clock, a load-profile memory, and the faults that real meters have.

All it shows follows from the load and the instant, so nothing runs between two questions, and two
gateways that ask for the same history get the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.interval import floor_boundary
from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    ACTIVE_POWER_EXPORT,
    ACTIVE_POWER_IMPORT,
    FREQUENCY,
    VOLTAGE_L1,
    VOLTAGE_L2,
    VOLTAGE_L3,
    Obis,
)
from firmware_bridge.modbus.frames import ScaledInteger
from firmware_bridge.simulator.replay import Counter

CAPACITY = 6048
PERIOD_S = 900
DIGITS = 15
ACTIVE_POWER = Obis.parse("1-0:16.7.0*255")

Clock = Callable[[], datetime]

_NOMINAL = {
    VOLTAGE_L1: ScaledInteger(230, 0),
    VOLTAGE_L2: ScaledInteger(230, 0),
    VOLTAGE_L3: ScaledInteger(230, 0),
    FREQUENCY: ScaledInteger(50, 0),
}


class VirtualMeterError(ConfigurationError):
    """A virtual meter cannot be built or changed that way."""

    code = "VIRTUAL_METER"


def wall_clock() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class ManualClock:
    """A clock that a test or a demo sets.

    Args:
        now: What it shows.
    """

    now: datetime

    def __call__(self) -> datetime:
        """What it shows."""
        return self.now

    def advance(self, step: timedelta) -> None:
        """Move it."""
        self.now += step


@dataclass(frozen=True, slots=True)
class _Installation:
    """The meter from an exchange or reset on: what it adds to the load's own count."""

    since: datetime
    serial: str
    base_wh: Mapping[Obis, int]


@dataclass(slots=True)
class Faults:
    """What is wrong with the device at the moment; a test switches these.

    Args:
        silent: It takes requests and never answers.
        glitch_zero: All counters read 0 while this holds.
        tamper: Changes the bytes of each answer; None sends them as they are.
    """

    silent: bool = False
    glitch_zero: bool = False
    tamper: Callable[[bytes], bytes] | None = None


@dataclass(slots=True)
class VirtualMeter:
    """A meter that replays loads.

    Args:
        serial: The number on its plate.
        counters: The energy behind ACTIVE_IMPORT and ACTIVE_EXPORT.
        offset_wh: What the registers showed when the loads began. [Wh]
        installed_at: Its memory holds nothing older; None: since the first counter's start.
        clock: The meter's own clock.
        period_s: Distance of load-profile entries. [s]
        capacity: Entries that the memory holds.
        digits: Registers roll over after this many digits of Wh.
        faults: What is wrong with it.
    """

    serial: str
    counters: Mapping[Obis, Counter]
    offset_wh: Mapping[Obis, int] = field(default_factory=dict)
    installed_at: datetime | None = None
    clock: Clock = wall_clock
    period_s: int = PERIOD_S
    capacity: int = CAPACITY
    digits: int = DIGITS
    faults: Faults = field(default_factory=Faults)
    _installations: list[_Installation] = field(init=False)

    def __post_init__(self) -> None:
        if not self.counters or not 0 < self.period_s <= 0xFFFF or self.capacity < 1:  # noqa: PLR2004 - a 16-bit register shows the period
            message = "A virtual meter needs a register, a period of 1 .. 65535 s and a memory."
            raise VirtualMeterError(message)
        since = self.installed_at or min(counter.start for counter in self.counters.values())
        self._installations = [_Installation(since, self.serial, dict(self.offset_wh))]

    def register_wh(self, obis: Obis, at: datetime) -> int:
        """What a counter showed at an instant, in Wh; 0 for one that this meter does not have."""
        counter = self.counters.get(obis)
        if counter is None:
            return 0
        counted = counter.energy_wh(at) + self._installation(at).base_wh.get(obis, 0)
        return int(counted % 10**self.digits)

    def serial_at(self, at: datetime) -> str:
        """The plate of the device that hung there at an instant."""
        return self._installation(at).serial

    def show(self, obis: Obis, at: datetime) -> ScaledInteger:
        """What the device shows for an OBIS code, in its unit; 0 where it counts no such thing."""
        if obis in _NOMINAL:
            return _NOMINAL[obis]
        if obis == ACTIVE_POWER:
            return ScaledInteger(self._power(ACTIVE_IMPORT, at) - self._power(ACTIVE_EXPORT, at), 0)
        if obis == ACTIVE_POWER_IMPORT:
            return ScaledInteger(self._power(ACTIVE_IMPORT, at), 0)
        if obis == ACTIVE_POWER_EXPORT:
            return ScaledInteger(self._power(ACTIVE_EXPORT, at), 0)
        if self.faults.glitch_zero:
            return ScaledInteger(0, 0)
        return ScaledInteger(self.register_wh(obis, at), 0)

    def _power(self, obis: Obis, at: datetime) -> int:
        counter = self.counters.get(obis)
        return 0 if counter is None else counter.power_w(at)

    def exchange(self, serial: str, register_wh: int = 0) -> None:
        """Hang another device there now; its memory is empty.

        Args:
            serial: The new device's plate.
            register_wh: What its counters show at this moment. [Wh]
        """
        self._begin(serial, register_wh)

    def reset(self) -> None:
        """Set the counters to 0 now, as a service technician or a brown-out does."""
        self._begin(self.serial_at(self.clock()), 0)

    def _begin(self, serial: str, register_wh: int) -> None:
        now = self.clock()
        if now < self._installations[-1].since:
            message = "The meter's clock is earlier than its last exchange or reset."
            raise VirtualMeterError(message, value=now)
        base = {
            obis: register_wh - counter.energy_wh(now) for obis, counter in self.counters.items()
        }
        self._installations.append(_Installation(now, serial, base))

    def _installation(self, at: datetime) -> _Installation:
        return next(
            (
                installation
                for installation in reversed(self._installations)
                if installation.since <= at
            ),
            self._installations[0],
        )

    def newest_entry(self, now: datetime) -> int:
        """The number of the newest boundary that the memory can hold."""
        return _number(floor_boundary(now, self.period_s), self.period_s)

    def oldest_entry(self, now: datetime) -> int:
        """The number of the oldest boundary held; above the newest where nothing is held yet."""
        serial = self.serial_at(now)
        since = next(
            installation.since
            for installation in self._installations
            if installation.serial == serial
        )
        first = -((_EPOCH - since) // timedelta(seconds=self.period_s))
        return max(first, self.newest_entry(now) - self.capacity + 1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _number(boundary: datetime, period_s: int) -> int:
    return (boundary - _EPOCH) // timedelta(seconds=period_s)
