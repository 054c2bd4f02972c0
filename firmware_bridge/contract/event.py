"""What a register did besides counting up: typed events, never a usage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from firmware_bridge.contract.reading import Channel


class EventKind(IntEnum):
    """What happened between two readings. Append-only: the numbers are on the wire."""

    ROLLOVER = 0
    """It started again at 0 after its last digit; the capacity of the connection allows it."""
    EXCHANGE = 1
    """Another device hangs at its place."""
    RESET = 2
    """It fell to 0 and counts on from there."""
    ZERO_GLITCH = 3
    """It showed 0 for a moment, and then was where it had been."""
    BACKWARD = 4
    """It went backwards, and nobody knows why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a register showed at an instant.

    Args:
        at: Aware.
        mantissa: The value's integer digits. [the channel's unit x 10 ** exponent]
        exponent: The value's decimal exponent.
    """

    at: datetime
    mantissa: int
    exponent: int


@dataclass(frozen=True, slots=True)
class Plate:
    """A device as its plate names it; see `Channel`."""

    manufacturer: str
    serial: str

    def __str__(self) -> str:
        return f"{self.manufacturer}/{self.serial}"


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """Something that a register did between two readings.

    Args:
        kind: What.
        channel: Whose reading shows it.
        after: That reading.
        before: The last good one before it; of the device before, where that was exchanged. None
            where nobody knows it.
        replaced: The device before, of an exchange; else None.
    """

    kind: EventKind
    channel: Channel
    after: Shown
    before: Shown | None = None
    replaced: Plate | None = None
