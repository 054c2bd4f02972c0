"""Watches what is sealed for what registers did, and tells of it: to the centre, to the log, here.

What it knows of a register's last reading comes from the buffer when the agent starts, so that an
event between the last reading before a stop and the first one after it is noticed too. What it says
is sealed with the readings, in one transaction, and so travels exactly as often as they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from edge_agent.buffer.buffer import Buffer
from edge_agent.errors import BufferDamagedError
from edge_agent.register_events.device_exchange import Plates, plate_of
from edge_agent.register_events.state_machine import Judgement, Limits, RegisterWatch, counts_up
from firmware_bridge.contract.event import ABOUT_CLOCKS, MeterEvent, Plate, Shown, clock_sentence
from firmware_bridge.contract.quantity import Quantity
from firmware_bridge.contract.reading import Channel, Reading
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

_log = structlog.get_logger(__name__)

RECALLED: Final = 10_000
_SAYS: Final = {
    "rollover": "started again at 0 after its last digit",
    "exchange": "belongs to another device",
    "reset": "was reset",
    "zero_glitch": "showed 0 for a moment",
    "backward": "went backwards",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A live read-out as far as a witness needs it.

    Args:
        station: The configured meter.
        meter: The device that answered.
        values: What it and the devices behind it showed.
        capacity_w: What the connection can carry; None where that is not known.
    """

    station: str
    meter: MeterIdentity
    values: Sequence[MeterValue]
    capacity_w: int | None = None


@dataclass(frozen=True, slots=True)
class Testimony:
    """What readings that are about to be sealed show; it counts once they are committed.

    Args:
        events: To be sealed with them.
        withheld: How many more there were.
        marks: To be written with them.
        judgement: What to remember of them.
    """

    events: Sequence[MeterEvent]
    withheld: int
    marks: Mapping[str, int]
    judgement: Judgement


class Witness:
    """One agent's.

    Args:
        buffer: Where it tells of events, and where it recalls the last readings from.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._watch = RegisterWatch()
        self._plates = Plates(buffer.marks)

    async def recall(self) -> None:
        """Learn from the buffer what registers showed last.

        Raises:
            BufferUnavailableError: It cannot be read.
        """
        try:
            async for contents in self._buffer.newest(RECALLED):
                registers = [e for e in contents.events if e.kind not in ABOUT_CLOCKS]
                self._watch.recall(contents.readings, registers)
        except BufferDamagedError as error:
            # The next commit sets the file aside; an event may go unnoticed, no reading does.
            _log.error("registers_not_recalled", reason=str(error))

    def learn(self, sighting: Sighting) -> None:
        """What this read-out says of its registers' limits."""
        for value in sighting.values:
            if value.modulus is not None or sighting.capacity_w is not None:
                limits = Limits(value.modulus, sighting.capacity_w)
                self._watch.learn(plate_of(value.meter), value.obis, limits)

    def judge(self, readings: Sequence[Reading], sightings: Sequence[Sighting] = ()) -> Testimony:
        """Say what readings show.

        Args:
            readings: About to be sealed, in order.
            sightings: The read-outs that they come from, as far as they are live.
        """
        sealed = {_plate(r.channel) for r in readings if counts_up(r.channel)} if sightings else ()
        places = [self._plates.judge(s.station, s.meter, s.values, sealed) for s in sightings]
        replaced = {new: old for found in places for new, old in found.replaced.items()}
        marks = {name: value for found in places for name, value in found.marks.items()}
        judgement = self._watch.judge(readings, replaced)
        return Testimony(judgement.events, judgement.withheld, marks, judgement)

    def adopt(self, testimony: Testimony, events: Sequence[MeterEvent], now: datetime) -> None:
        """Its readings are committed: remember them, and tell people.

        Args:
            testimony: Theirs.
            events: Sealed with them; those about clocks too.
            now: By the gateway's clock.
        """
        self._watch.adopt(testimony.judgement)
        self._plates.adopt(testimony.marks)
        for event in events:
            kind, detail = event.kind.name.lower(), describe(event)
            _log.warning("meter_event", kind=kind, detail=detail)
            self._buffer.note(now, f"meter_{kind}", detail)


def describe(event: MeterEvent) -> str:
    """An event as one sentence."""
    if event.kind in ABOUT_CLOCKS:
        return clock_sentence(event)
    channel = event.channel
    parts = [f"{_plate(channel)} {channel.obis} {_SAYS[event.kind.name.lower()]}:"]
    if event.replaced is not None:
        parts.append(f"{event.replaced} hung there before,")
    if event.before is not None:
        parts.append(f"{_value(event.before, channel)} at {event.before.at.isoformat()}, then")
    parts.append(f"{_value(event.after, channel)} at {event.after.at.isoformat()}.")
    return " ".join(parts)


def _plate(channel: Channel) -> Plate:
    return Plate(channel.manufacturer, channel.serial)


def _value(shown: Shown, channel: Channel) -> str:
    return str(Quantity(shown.mantissa, shown.exponent, channel.unit))
