"""Detects what registers did in the readings that are about to be sealed, and reports it.

A register's last reading comes from the buffer when the agent starts, so that an event between the
last reading before a stop and the first one after it is noticed too. Events are sealed with the
readings, in one transaction, and so travel exactly as often as they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from edge_agent.buffer.batches import readings_of
from edge_agent.buffer.buffer import Buffer
from edge_agent.errors import BufferDamagedError
from edge_agent.register_events.device_exchange import ExchangeDetector, nameplate_of
from edge_agent.register_events.limit_marks import limits_in, marks_of
from edge_agent.register_events.state_machine import (
    Judgement,
    RegisterLimits,
    RegisterWatch,
    counts_up,
)
from edge_agent.sample import Sample
from firmware_bridge.contract.event import (
    ABOUT_CLOCKS,
    MeterEvent,
    Nameplate,
    Shown,
    clock_sentence,
)
from firmware_bridge.contract.quantity import Quantity
from firmware_bridge.contract.reading import Channel, Reading

_log = structlog.get_logger(__name__)

RECALLED: Final = 10_000
_SAYS: Final = {
    "rollover": "started again at 0 after its last digit",
    "exchange": "belongs to another device",
    "reset": "was reset",
    "zero_glitch": "showed 0 for a moment",
    "backward": "went backwards",
    "leap": "rose by more than the connection can carry",
}


@dataclass(frozen=True, slots=True)
class Detection:
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


class EventDetector:
    """Detects register events for one agent.

    Args:
        buffer: Where events are noted, and where the last readings are recalled from.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._watch = RegisterWatch()
        self._exchanges = ExchangeDetector(buffer.marks)
        self._limit_marks: dict[str, int] = {}
        for nameplate, obis, limits in limits_in(buffer.marks):
            self._watch.learn(nameplate, obis, limits)

    async def recall(self, also: Callable[[Sequence[Reading]], None]) -> None:
        """Learn from the buffer what registers showed last.

        Args:
            also: Called with the readings of each batch, the newest first.

        Raises:
            BufferUnavailableError: It cannot be read.
        """
        try:
            async for batch in self._buffer.newest(RECALLED):
                registers = [e for e in batch.events if e.kind not in ABOUT_CLOCKS]
                readings = readings_of(batch)
                self._watch.recall(readings, registers)
                also(readings)
        except BufferDamagedError as error:
            # The next commit sets the file aside; an event may go unnoticed, no reading does.
            _log.error("registers_not_recalled", reason=str(error))

    def learn(self, sample: Sample) -> None:
        """Remember what a read-out says of its registers' limits."""
        for value in sample.values:
            if value.modulus is not None or sample.capacity_w is not None:
                nameplate = nameplate_of(value.meter)
                limits = RegisterLimits(value.modulus, sample.capacity_w)
                self._watch.learn(nameplate, value.obis, limits)
                self._limit_marks |= marks_of(nameplate, value.obis, limits)

    def detect(self, readings: Sequence[Reading], samples: Sequence[Sample] = ()) -> Detection:
        """Detect what readings show.

        Args:
            readings: About to be sealed, in order.
            samples: Where they come from; those that were read live say who hangs where.
        """
        live = [sample for sample in samples if sample.is_live]
        sealed = {_nameplate(r.channel) for r in readings if counts_up(r.channel)} if live else ()
        places = [
            self._exchanges.judge(s.meter, s.device, s.values, sealed, several=s.several)
            for s in live
        ]
        replaced = {new: old for found in places for new, old in found.replaced.items()}
        marks = {name: value for found in places for name, value in found.marks.items()}
        stored = self._buffer.marks
        marks |= {n: value for n, value in self._limit_marks.items() if stored.get(n) != value}
        judgement = self._watch.judge(readings, replaced)
        return Detection(judgement.events, judgement.withheld, marks, judgement)

    def commit(self, detection: Detection, events: Sequence[MeterEvent], now: datetime) -> None:
        """Its readings are committed: remember them, log and note the events.

        Args:
            detection: Theirs.
            events: Sealed with them; those about clocks too.
            now: By the gateway's clock.
        """
        self._watch.commit(detection.judgement)
        self._exchanges.commit(detection.marks)
        for event in events:
            kind, detail = event.kind.name.lower(), describe(event)
            _log.warning("meter_event", kind=kind, detail=detail)
            self._buffer.note(now, f"meter_{kind}", detail)


def describe(event: MeterEvent) -> str:
    """An event as one sentence."""
    if event.kind in ABOUT_CLOCKS:
        return clock_sentence(event)
    channel = event.channel
    parts = [f"{_nameplate(channel)} {channel.obis} {_SAYS[event.kind.name.lower()]}:"]
    if event.replaced is not None:
        parts.append(f"{event.replaced} was installed before,")
    if event.before is not None:
        parts.append(f"{_value(event.before, channel)} at {event.before.at.isoformat()}, then")
    parts.append(f"{_value(event.after, channel)} at {event.after.at.isoformat()}.")
    return " ".join(parts)


def _nameplate(channel: Channel) -> Nameplate:
    return Nameplate(channel.manufacturer, channel.serial)


def _value(shown: Shown, channel: Channel) -> str:
    return str(Quantity(shown.mantissa, shown.exponent, channel.unit))
