"""The body of a version 1 batch: a msgpack map whose rows stand as compressed columns.

    prev_hash   32 bytes, the hash of the batch before
    made_at     ms since 1970 UTC
    meters      [[manufacturer, serial, [[kind, period_s, source, obis, units], ...]], ...]
                obis: six bytes a channel, joined; units: one wire number a channel
    cols        zstd over msgpack [channel, at_ms, exponent, mantissa, flags, span_ms]
    void        only in a stand-in: {hash, reason}
    events      since 1.1, only where there are any: [[kind, row, before, replaced], ...]
                kinds 5 and 6, of meters' clocks, since 1.2
                before: [at_ms, mantissa, exponent] or nil; replaced: [manufacturer, serial] or nil
    sig         reserved for a signature over the body without it

Channels are numbered in the order in which they stand in `meters`. Rows are sorted by channel and
time; each column holds the difference to the row before, which zstd then packs to next to nothing
where time steps and consumption are regular. Differences of mantissas are taken modulo 2**64, so
that each fits 64 bits as the values do. A `span_ms` column that would hold only zeros is sent
empty. An event names the row of the reading that shows it, counted from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby, pairwise

import zstandard

from firmware_bridge.contract import codec
from firmware_bridge.contract.errors import (
    InvalidValueError,
    MalformedError,
    OversizeError,
    SchemaError,
)
from firmware_bridge.contract.event import MeterEvent, Shown
from firmware_bridge.contract.event_wire import decode_events, encode_events
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import (
    EXPONENT_MAX,
    EXPONENT_MIN,
    INT64_MAX,
    INT64_MIN,
    Unit,
)
from firmware_bridge.contract.reading import (
    AT_MAX_MS,
    MANUFACTURER_MAX,
    PERIOD_MAX_S,
    SERIAL_MAX,
    Channel,
    Kind,
    Quality,
    Reading,
    Source,
    TimeQuality,
    from_ms,
    pack_flags,
    to_ms,
)

READINGS_MAX = 1_000
COLUMNS_MAX_BYTES = 64 * 1024
SPAN_MAX_MS = 100 * 366 * 86_400_000
REASON_MAX = 200

_REQUIRED = frozenset({"prev_hash", "made_at", "meters", "cols"})
_OPTIONAL = frozenset({"void", "events", "sig"})
_OBIS_BYTES = 6
_METER_FIELDS = 3
_GROUP_FIELDS = 5
_COLUMN_COUNT = 6
_MANTISSA = 3
_FLAGS = frozenset(
    pack_flags(quality, time_quality) for quality in Quality for time_quality in TimeQuality
)
_COMPRESSION_LEVEL = 9
_CHANNEL_LISTS = 4_096


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows as columns of equal length.

    Args:
        channel: Index into the batch's channels.
        at_ms: Instant, or start of the interval. [ms since 1970 UTC]
        exponent: Decimal exponent of the value.
        mantissa: Integer digits of the value.
        flags: Quality and time quality, see `reading.unpack_flags`.
        span_ms: Uncertainty of `at_ms`; empty where it is 0 in every row. [ms]
    """

    channel: list[int]
    at_ms: list[int]
    exponent: list[int]
    mantissa: list[int]
    flags: list[int]
    span_ms: list[int]

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(frozen=True, slots=True)
class Void:
    """Why a batch has no readings.

    Args:
        replaces: The hash of the batch whose bytes were damaged.
        reason: What was found.
    """

    replaces: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body; the fields are those of `envelope.Batch`."""

    prev_hash: bytes
    made_at_ms: int
    channels: tuple[Channel, ...]
    columns: Columns
    void: Void | None
    events: tuple[MeterEvent, ...] = ()


def encode_readings(
    prev_hash: bytes,
    made_at_ms: int,
    readings: Sequence[Reading],
    events: Sequence[MeterEvent] = (),
) -> bytes:
    """Encode the body that carries readings.

    Args:
        prev_hash: Of the batch before.
        made_at_ms: Now, by the gateway's clock. [ms since 1970 UTC]
        readings: In any order.
        events: What some of these readings show.

    Raises:
        OversizeError: No readings, or more than 1,000; more events than that.
        InvalidValueError: An event names a reading that is not among them.
    """
    if not 1 <= len(readings) <= READINGS_MAX:
        message = f"A batch has 1 to {READINGS_MAX} readings, not {len(readings)}."
        raise OversizeError(message, value=len(readings))
    channels = sorted({reading.channel for reading in readings}, key=_channel_order)
    index = {channel: number for number, channel in enumerate(channels)}
    rows = sorted(
        (index[r.channel], to_ms(r.at), r.exponent, r.mantissa, r.flags, r.span_ms)
        for r in readings
    )
    columns = [_differences(column) for column in zip(*rows, strict=True)]
    columns[_MANTISSA] = _wrapped(columns[_MANTISSA])
    if not any(columns[-1]):
        columns[-1] = []
    extra: dict[str, object] = {}
    if events:
        places = {(channels[row[0]], *row[1:4]): number for number, row in enumerate(rows)}
        extra["events"] = encode_events(events, places)
    return _encode(prev_hash, made_at_ms, _encode_meters(channels), columns, **extra)


def encode_void(prev_hash: bytes, made_at_ms: int, void: Void) -> bytes:
    """Encode the body of a stand-in, which carries no readings."""
    stand_in = {"hash": void.replaces, "reason": void.reason[:REASON_MAX]}
    return _encode(prev_hash, made_at_ms, [], [[] for _ in range(_COLUMN_COUNT)], void=stand_in)


def _encode(
    prev_hash: bytes,
    made_at_ms: int,
    meters: list[object],
    columns: list[list[int]],
    **extra: object,
) -> bytes:
    compressor = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL, write_content_size=True)
    packed = compressor.compress(codec.pack(columns))
    return codec.pack(
        {"prev_hash": prev_hash, "made_at": made_at_ms, "meters": meters, "cols": packed, **extra}
    )


def _channel_order(channel: Channel) -> tuple[object, ...]:
    meter = (channel.manufacturer, channel.serial)
    return (*meter, channel.kind, channel.period_s, channel.source, channel.obis, channel.unit)


def _encode_meters(channels: list[Channel]) -> list[object]:
    meters: list[object] = []
    for meter, of_meter in groupby(channels, key=lambda c: (c.manufacturer, c.serial)):
        groups = []
        for how, of_group in groupby(of_meter, key=lambda c: (c.kind, c.period_s, c.source)):
            members = list(of_group)
            obis = b"".join(channel.obis.code for channel in members)
            units = bytes(channel.unit.wire_code for channel in members)
            groups.append([*map(int, how), obis, units])
        meters.append([*meter, groups])
    return meters


def _differences(column: Sequence[int]) -> list[int]:
    return [column[0], *(after - before for before, after in pairwise(column))]


def _wrapped(values: list[int]) -> list[int]:
    if min(values, default=0) >= INT64_MIN and max(values, default=0) <= INT64_MAX:
        return values
    return [(value - INT64_MIN) % 2**64 + INT64_MIN for value in values]


def decode_body(data: bytes) -> Body:
    """Decode and check a version 1 body.

    Raises:
        MessageError: One of the decoder's refusals, by name.
    """
    fields = codec.mapping("The body", codec.unpack(data), _REQUIRED, _OPTIONAL)
    void = codec.optional(fields.get("void"), _decode_void)
    codec.optional(fields.get("sig"), lambda value: codec.octets("sig", value))
    channels = _decode_meters(fields["meters"])
    columns = _decode_columns(codec.octets("cols", fields["cols"]), len(channels))
    if (void is None) == (len(columns) == 0):
        message = "A batch has either readings or the mark that it is void."
        raise SchemaError(message, value=len(columns))
    return Body(
        codec.octets("prev_hash", fields["prev_hash"], 32),
        codec.integer("made_at", fields["made_at"], 0, AT_MAX_MS),
        channels,
        columns,
        void,
        _decode_events(fields.get("events", []), channels, columns),
    )


def _decode_events(
    value: object, channels: tuple[Channel, ...], columns: Columns
) -> tuple[MeterEvent, ...]:
    def row(number: int) -> tuple[Channel, Shown]:
        at, mantissa = from_ms(columns.at_ms[number]), columns.mantissa[number]
        return channels[columns.channel[number]], Shown(at, mantissa, columns.exponent[number])

    return tuple(decode_events(value, len(columns), row, AT_MAX_MS))


def _decode_void(value: object) -> Void:
    fields = codec.mapping("void", value, frozenset({"hash", "reason"}), frozenset())
    reason = codec.text("void.reason", fields["reason"], REASON_MAX)
    return Void(codec.octets("void.hash", fields["hash"], 32), reason)


def _decode_meters(value: object) -> tuple[Channel, ...]:
    # A gateway names the same channels in batch after batch, and reading them takes half the time.
    try:
        packed = codec.pack(value)
    except ValueError:
        codec.refuse("meters", value, "a list of meters")  # nested deeper than can be packed
    return _channels_of(packed)


@lru_cache(maxsize=_CHANNEL_LISTS)
def _channels_of(packed: bytes) -> tuple[Channel, ...]:
    value = codec.unpack(packed)
    channels: list[Channel] = []
    for meter in codec.sequence("meters", value, READINGS_MAX):
        manufacturer, serial, groups = codec.fixed("a meter", meter, _METER_FIELDS)
        codec.text("manufacturer", manufacturer, MANUFACTURER_MAX)
        codec.text("serial", serial, SERIAL_MAX)
        for group in codec.sequence("a meter's channels", groups, READINGS_MAX):
            channels.extend(_decode_group(manufacturer, serial, group))
    if len(channels) > READINGS_MAX or len(set(channels)) != len(channels):
        message = f"The batch has a channel twice, or more than {READINGS_MAX} of them."
        raise SchemaError(message, value=len(channels))
    return tuple(channels)


def _decode_group(manufacturer: str, serial: str, group: object) -> list[Channel]:
    kind, period_s, source, obis, units = codec.fixed("a channel group", group, _GROUP_FIELDS)
    codec.integer("kind", kind, 0, max(Kind))
    codec.integer("period_s", period_s, 0, PERIOD_MAX_S)
    codec.integer("source", source, 0, max(Source))
    codec.octets("units", units)
    codec.octets("obis", obis, _OBIS_BYTES * len(units))
    try:
        return [
            Channel(
                manufacturer,
                serial,
                Obis(obis[_OBIS_BYTES * i : _OBIS_BYTES * (i + 1)]),
                Kind(kind),
                period_s,
                Source(source),
                Unit.from_wire(unit),
            )
            for i, unit in enumerate(units)
        ]
    except InvalidValueError as error:
        message = f"A channel is not valid: {error.message}"
        raise SchemaError(message, value=error.value) from None


def _decode_columns(packed: bytes, channel_count: int) -> Columns:
    columns = codec.fixed("cols", codec.unpack(_decompress(packed)), _COLUMN_COUNT)
    channel, at_ms, exponent, mantissa, flags, span_ms = (
        _sums(name, column) for name, column in zip(Columns.__slots__, columns, strict=True)
    )
    mantissa = _wrapped(mantissa)
    if len({len(channel), len(at_ms), len(exponent), len(mantissa), len(flags)}) != 1:
        message = "The columns differ in length."
        raise SchemaError(message, value=[len(channel), len(at_ms), len(mantissa)])
    if span_ms and len(span_ms) != len(channel):
        message = "The span_ms column is neither empty nor as long as the others."
        raise SchemaError(message, value=len(span_ms))
    _bound("channel", channel, 0, channel_count - 1)
    _bound("at_ms", at_ms, 0, AT_MAX_MS)
    _bound("exponent", exponent, EXPONENT_MIN, EXPONENT_MAX)
    _bound("span_ms", span_ms, 0, SPAN_MAX_MS)
    if unknown := set(flags) - _FLAGS:
        message = f"A row has the unassigned flags {min(unknown)}."
        raise SchemaError(message, value=sorted(unknown))
    return Columns(channel, at_ms, exponent, mantissa, flags, span_ms)


def _decompress(packed: bytes) -> bytes:
    try:
        declared = zstandard.frame_content_size(packed)
        if not 0 <= declared <= COLUMNS_MAX_BYTES:
            message = f"The columns have {declared} bytes; the limit is {COLUMNS_MAX_BYTES}."
            raise OversizeError(message, value=declared)
        decompressor = zstandard.ZstdDecompressor()
        return decompressor.decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        message = f"The columns are not a valid zstd frame ({error})."
        raise MalformedError(message) from None


def _sums(name: str, column: object) -> list[int]:
    values = codec.sequence(name, column, READINGS_MAX)
    if not set(map(type, values)) <= {int}:
        codec.refuse(name, next(v for v in values if type(v) is not int), "an integer")
    _bound(name, values, INT64_MIN, INT64_MAX)
    return list(accumulate(values))


def _bound(name: str, values: list[int], low: int, high: int) -> None:
    if values and not (low <= min(values) and max(values) <= high):
        worst = next(value for value in values if not low <= value <= high)
        message = f"{name} has the value {worst}, outside {low} .. {high}."
        raise SchemaError(message, value=worst)
