"""What gateways noticed of registers and clocks, as findings; validation decides what to bill."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from central.service.ingest.rows import FUTURE, PAST
from central.service.ports.ingest_records import BatchKey, FindingCode, IngestFinding
from central.service.ports.meter_clocks import ClockLook
from firmware_bridge.contract.envelope import Batch
from firmware_bridge.contract.event import (
    ABOUT_CLOCKS,
    EventKind,
    MeterEvent,
    Nameplate,
    Shown,
    clock_sentence,
)
from firmware_bridge.contract.quantity import Quantity
from firmware_bridge.contract.reading import Channel, to_ms

_CODES: Final = {
    EventKind.ROLLOVER: FindingCode.EDGE_ROLLOVER,
    EventKind.EXCHANGE: FindingCode.EDGE_EXCHANGE,
    EventKind.RESET: FindingCode.EDGE_RESET,
    EventKind.ZERO_GLITCH: FindingCode.EDGE_ZERO_GLITCH,
    EventKind.BACKWARD: FindingCode.EDGE_BACKWARD,
    EventKind.CLOCK_WRONG: FindingCode.EDGE_CLOCK_WRONG,
    EventKind.CLOCK_RIGHT: FindingCode.EDGE_CLOCK_RIGHT,
    EventKind.LEAP: FindingCode.EDGE_LEAP,
}
_SAYS: Final = {
    EventKind.ROLLOVER: "started again at 0 after its last digit",
    EventKind.EXCHANGE: "replaced another meter",
    EventKind.RESET: "was reset",
    EventKind.ZERO_GLITCH: "showed 0 for a moment",
    EventKind.BACKWARD: "went backwards",
    EventKind.LEAP: "rose by more than the connection can carry",
}


def event_findings(key: BatchKey, batch: Batch) -> list[IngestFinding]:
    """A finding for each event that a batch carries.

    Args:
        key: The batch's identity.
        batch: Decoded.
    """
    return [_finding(key, event) for event in batch.events]


def clock_looks(key: BatchKey, batch: Batch, now: datetime) -> list[ClockLook]:
    """How the gateway saw its meters' clocks, as a batch says; validation judges by it.

    Args:
        key: The batch's identity.
        batch: Decoded.
        now: When it is stored. A look at a time at which no reading is taken says nothing of any.
    """
    return [
        ClockLook(
            key.gateway_id,
            event.channel.manufacturer,
            event.channel.serial,
            event.after.at,
            None if event.before is None else event.before.at,
            event.kind is EventKind.CLOCK_WRONG,
        )
        for event in batch.events
        if event.kind in ABOUT_CLOCKS and now - PAST <= event.after.at <= now + FUTURE
    ]


def _finding(key: BatchKey, event: MeterEvent) -> IngestFinding:
    code, channel = _CODES[event.kind], event.channel
    return IngestFinding(
        f"{code}:{channel}:{to_ms(event.after.at)}",
        code,
        _message(event),
        key.gateway_id,
        key.epoch,
        key.sequence,
        key.sequence,
    )


def _message(event: MeterEvent) -> str:
    if event.kind in ABOUT_CLOCKS:
        return clock_sentence(event)
    channel = event.channel
    nameplate = Nameplate(channel.manufacturer, channel.serial)
    parts = [f"{nameplate} {channel.obis} {_SAYS[event.kind]}:"]
    if event.replaced is not None:
        parts.append(f"{event.replaced} before,")
    if event.before is not None:
        parts.append(f"{_shown(event.before, channel)}, then")
    parts.append(f"{_shown(event.after, channel)}.")
    return " ".join(parts)


def _shown(shown: Shown, channel: Channel) -> str:
    quantity = Quantity(shown.mantissa, shown.exponent, channel.unit)
    return f"{quantity} at {shown.at.isoformat()}"
