"""What a register or its meter's clock did besides counting: typed events, never a usage."""

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
    """It went backwards, for an unknown reason."""
    CLOCK_WRONG = 5
    """The meter's own clock is too far from the gateway's, whose time is used from here on."""
    CLOCK_RIGHT = 6
    """The meter's own clock is right again, and its time is used from here on."""
    LEAP = 7
    """It rose by more than the connection can carry."""


ABOUT_CLOCKS = frozenset({EventKind.CLOCK_WRONG, EventKind.CLOCK_RIGHT})


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
class Nameplate:
    """A device as its plate names it; see `Channel`."""

    manufacturer: str
    serial: str

    def __str__(self) -> str:
        return f"{self.manufacturer}/{self.serial}"


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """Something that a register did between two readings, or its meter's clock.

    Args:
        kind: What.
        channel: Whose reading shows it.
        after: That reading.
        before: The last good one before it; of the device before, where that was exchanged. None
            if it is unknown. Of an event about a clock: the same value at the meter's own time
            of it; None where that time is outside what a message allows.
        replaced: The device before, of an exchange; else None.
    """

    kind: EventKind
    channel: Channel
    after: Shown
    before: Shown | None = None
    replaced: Nameplate | None = None


def clock_sentence(event: MeterEvent) -> str:
    """What an event about a clock says, for people.

    Args:
        event: One of `ABOUT_CLOCKS`.
    """
    nameplate = Nameplate(event.channel.manufacturer, event.channel.serial)
    own, at = event.before, event.after.at.isoformat()
    shown = "a time that is not valid" if own is None else own.at.isoformat()
    if event.kind is EventKind.CLOCK_WRONG:
        wrong = f"The clock of {nameplate} is wrong: it showed {shown} at {at}."
        return f"{wrong} The gateway's time is used."
    return f"The clock of {nameplate} is right again: it showed {shown} at {at}."
