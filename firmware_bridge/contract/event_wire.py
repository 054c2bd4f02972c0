"""Events as they stand in a batch's body: `[kind, row, before, replaced]`, see `body.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from firmware_bridge.contract import codec
from firmware_bridge.contract.errors import InvalidValueError, OversizeError
from firmware_bridge.contract.event import EventKind, MeterEvent, Nameplate, Shown
from firmware_bridge.contract.quantity import EXPONENT_MAX, EXPONENT_MIN, INT64_MAX, INT64_MIN
from firmware_bridge.contract.reading import (
    MANUFACTURER_MAX,
    SERIAL_MAX,
    Channel,
    from_ms,
    to_ms,
)

EVENTS_MAX = 1_000
_EVENT_FIELDS = 4
_SHOWN_FIELDS = 3
_NAMEPLATE_FIELDS = 2


def encode_events(
    events: Sequence[MeterEvent], rows: Mapping[tuple[Channel, int, int, int], int]
) -> list[object]:
    """Events as a body holds them.

    Args:
        events: What some of the body's readings show.
        rows: The row of each reading: (channel, at_ms, exponent, mantissa).

    Raises:
        OversizeError: More than a batch holds.
        InvalidValueError: An event names a reading that is not there.
    """
    if len(events) > EVENTS_MAX:
        message = f"A batch has at most {EVENTS_MAX} events, not {len(events)}."
        raise OversizeError(message, value=len(events))
    encoded: list[object] = []
    for event in events:
        after, before, replaced = event.after, event.before, event.replaced
        row = rows.get((event.channel, to_ms(after.at), after.exponent, after.mantissa))
        if row is None:
            message = f"The batch has no reading of {event.channel} at {after.at}."
            raise InvalidValueError(message, value=event)
        shown = None if before is None else [to_ms(before.at), before.mantissa, before.exponent]
        nameplate = None if replaced is None else [replaced.manufacturer, replaced.serial]
        encoded.append([int(event.kind), row, shown, nameplate])
    return encoded


def decode_events(
    value: object, count: int, row: Callable[[int], tuple[Channel, Shown]], at_max_ms: int
) -> Iterator[MeterEvent]:
    """The events of a body.

    Args:
        value: As the body holds them.
        count: Rows in the body.
        row: What one of them says.
        at_max_ms: The latest instant that a body may name. [ms since 1970 UTC]

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    for item in codec.sequence("events", value, EVENTS_MAX):
        kind, number, before, replaced = codec.fixed("an event", item, _EVENT_FIELDS)
        kind = EventKind(codec.integer("an event's kind", kind, 0, max(EventKind)))
        channel, after = row(codec.integer("an event's row", number, 0, count - 1))
        shown = codec.optional(before, lambda given: _decode_shown(given, at_max_ms))
        yield MeterEvent(kind, channel, after, shown, codec.optional(replaced, _decode_nameplate))


def _decode_shown(value: object, at_max_ms: int) -> Shown:
    at_ms, mantissa, exponent = codec.fixed("an event's reading before", value, _SHOWN_FIELDS)
    return Shown(
        from_ms(codec.integer("before.at_ms", at_ms, 0, at_max_ms)),
        codec.integer("before.mantissa", mantissa, INT64_MIN, INT64_MAX),
        codec.integer("before.exponent", exponent, EXPONENT_MIN, EXPONENT_MAX),
    )


def _decode_nameplate(value: object) -> Nameplate:
    manufacturer, serial = codec.fixed("an event's device before", value, _NAMEPLATE_FIELDS)
    return Nameplate(
        codec.text("replaced.manufacturer", manufacturer, MANUFACTURER_MAX),
        codec.text("replaced.serial", serial, SERIAL_MAX),
    )
