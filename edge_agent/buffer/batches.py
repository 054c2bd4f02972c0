"""Readings into sealed batches and back, and the compact form in which they are held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from firmware_bridge.contract import codec
from firmware_bridge.contract.body import READINGS_MAX
from firmware_bridge.contract.envelope import Batch, Link, Sealed, seal
from firmware_bridge.contract.errors import OversizeError
from firmware_bridge.contract.event import MeterEvent
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import (
    Channel,
    Kind,
    Reading,
    Source,
    from_ms,
    unpack_flags,
)


def seal_all(
    link: Link, made_at: datetime, readings: Sequence[Reading], events: Sequence[MeterEvent] = ()
) -> Iterator[Sealed]:
    """Seal readings into as few batches as their bounds allow (1,000 readings, 64 KiB).

    Args:
        link: Where the first batch stands.
        made_at: Now, by the gateway's clock. Aware.
        readings: Any number, in the order in which they are to be sent.
        events: What some of them show; each goes with the reading that shows it.
    """
    for start in range(0, len(readings), READINGS_MAX):
        part = readings[start : start + READINGS_MAX]
        for sealed in _seal_part(link, made_at, part, _shown_by(part, events)):
            link = link.after(sealed)
            yield sealed


def _seal_part(
    link: Link, made_at: datetime, readings: Sequence[Reading], events: Sequence[MeterEvent]
) -> Iterator[Sealed]:
    try:
        yield seal(link, made_at, readings, events)
    except OversizeError:
        if len(readings) == 1:
            raise
        half = len(readings) // 2
        for part in (readings[:half], readings[half:]):
            for sealed in _seal_part(link, made_at, part, _shown_by(part, events)):
                link = link.after(sealed)
                yield sealed


def _shown_by(readings: Sequence[Reading], events: Sequence[MeterEvent]) -> Sequence[MeterEvent]:
    """The events that some of these readings show."""
    if not events:
        return ()
    shown = {(r.channel, r.at, r.mantissa, r.exponent) for r in readings}
    return [e for e in events if _shown_reading(e) in shown]


def _shown_reading(event: MeterEvent) -> tuple[Channel, datetime, int, int]:
    after = event.after
    return (event.channel, after.at, after.mantissa, after.exponent)


def readings_of(batch: Batch) -> list[Reading]:
    """The readings that a batch was sealed from, by channel and time."""
    columns = batch.columns
    spans = columns.span_ms or [0] * len(columns)
    rows = zip(
        columns.channel,
        columns.at_ms,
        columns.exponent,
        columns.mantissa,
        columns.flags,
        spans,
        strict=True,
    )
    return [
        Reading(
            batch.channels[channel], from_ms(at_ms), mantissa, exponent, *unpack_flags(flags), span
        )
        for channel, at_ms, exponent, mantissa, flags, span in rows
    ]


def pack_waiting(readings: Sequence[Reading]) -> bytes:
    """Readings whose time is not known yet, without it."""
    return codec.pack(
        [
            [
                reading.channel.manufacturer,
                reading.channel.serial,
                reading.channel.obis.code,
                int(reading.channel.kind),
                reading.channel.period_s,
                int(reading.channel.source),
                reading.channel.unit.wire_code,
                reading.mantissa,
                reading.exponent,
                reading.flags,
            ]
            for reading in readings
        ]
    )


def unpack_waiting(data: bytes, at: datetime) -> list[Reading]:
    """Waiting readings, at an instant that is known now.

    Raises:
        MessageError: The bytes are not what `pack_waiting` makes.
        InvalidValueError: A field is out of range.
    """
    return [_unpack_one(row, at) for row in codec.sequence("held", codec.unpack(data), 1 << 20)]


def _unpack_one(row: Sequence[object], at: datetime) -> Reading:
    manufacturer, serial, obis, kind, period_s, source, unit, mantissa, exponent, flags = row
    channel = Channel(
        codec.text("manufacturer", manufacturer, 16),
        codec.text("serial", serial, 32),
        Obis(codec.octets("obis", obis, 6)),
        Kind(codec.integer("kind", kind, 0, 1)),
        codec.integer("period_s", period_s, 0, 1 << 31),
        Source(codec.integer("source", source, 0, 1)),
        Unit.from_wire(codec.integer("unit", unit, 0, 255)),
    )
    quality, _ = unpack_flags(codec.integer("flags", flags, 0, 255))
    reading = Reading(
        channel,
        at,
        codec.integer("mantissa", mantissa, -(2**63), 2**63 - 1),
        codec.integer("exponent", exponent, -30, 30),
    )
    return replace(reading, quality=quality)
