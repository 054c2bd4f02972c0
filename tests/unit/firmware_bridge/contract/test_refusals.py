"""Each kind of bad message is refused under its own name."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgpack
import pytest
import zstandard

from firmware_bridge.contract import errors, messages, obis
from firmware_bridge.contract.envelope import (
    BATCH_MAX_BYTES,
    HEADER_BYTES,
    MAGIC,
    NO_HASH,
    Link,
    digest,
    open_batch,
    seal,
)
from firmware_bridge.contract.event import EventKind
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source

GATEWAY = "roof-7"
EPOCH = UUID(int=7)
NOW = datetime(2026, 10, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "17", obis.ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
METERS = [["EAS", "17", [[0, 900, 0, CHANNEL.obis.code, bytes([1])]]]]


def framed(body: bytes, version: int = 1) -> bytes:
    """A body under a header whose hash holds, as a hostile but enrolled gateway could send it."""
    sha256 = digest(GATEWAY, version, EPOCH, 1, body)
    return MAGIC + bytes([version]) + EPOCH.bytes + (1).to_bytes(8, "big") + sha256 + body


def columns(**changed: object) -> bytes:
    fields: dict[str, object] = {
        "channel": [0],
        "at_ms": [1_790_000_000_000],
        "exponent": [0],
        "mantissa": [5],
        "flags": [0],
        "span_ms": [],
    }
    return bytes(zstandard.compress(msgpack.packb(list((fields | changed).values()))))


def body(**changed: object) -> bytes:
    fields = {"prev_hash": NO_HASH, "made_at": 0, "meters": METERS, "cols": columns()}
    return bytes(msgpack.packb(fields | changed))


def twice() -> bytes:
    key = msgpack.packb("made_at") + msgpack.packb(0)
    whole = body()
    return bytes([whole[0] + 1]) + whole[1:] + bytes(key)


def deep() -> bytes:
    return b"\x91" * 60_000 + b"\x00"


BAD: dict[str, tuple[type[errors.MessageError], bytes]] = {
    "empty": (errors.TruncatedError, b""),
    "half a magic": (errors.TruncatedError, MAGIC[:2]),
    "half a header": (errors.TruncatedError, framed(body())[: HEADER_BYTES - 1]),
    "half a body": (errors.HashMismatchError, framed(body())[:-1]),
    "one byte more": (errors.HashMismatchError, framed(body()) + b"\0"),
    "another protocol": (errors.BadMagicError, b"GET / HTTP/1.1"),
    "over 64 KiB": (errors.OversizeError, framed(b"\0" * BATCH_MAX_BYTES)),
    "a later version": (errors.UnknownVersionError, framed(body(), version=9)),
    "no msgpack": (errors.MalformedError, framed(b"\xc1")),
    "half a msgpack": (errors.MalformedError, framed(body()[:-3])),
    "bytes left over": (errors.MalformedError, framed(body() + b"\0")),
    "an extension type": (errors.MalformedError, framed(body(sig=msgpack.ExtType(4, b"x")))),
    "a timestamp": (errors.SchemaError, framed(body(made_at=msgpack.Timestamp(1)))),
    "no zstd": (errors.MalformedError, framed(body(cols=b"plain"))),
    "zstd cut short": (errors.MalformedError, framed(body(cols=columns()[:-2]))),
    "zstd with a tail": (errors.MalformedError, framed(body(cols=columns() + b"tail"))),
    "a zstd bomb": (errors.OversizeError, framed(body(cols=zstandard.compress(bytes(10**8))))),
    "a key twice": (errors.DuplicateKeyError, framed(twice())),
    "a key that is a number": (errors.MalformedError, framed(msgpack.packb({1: 2}))),
    "a NaN": (errors.NotANumberError, framed(body(cols=columns(mantissa=[float("nan")])))),
    "an infinity": (errors.NotANumberError, framed(body(made_at=float("inf")))),
    "a float": (errors.SchemaError, framed(body(cols=columns(mantissa=[1.5])))),
    "a boolean": (errors.SchemaError, framed(body(cols=columns(mantissa=[True])))),
    "sixty thousand levels": (errors.NestingError, framed(deep())),
    "a list in a column": (errors.NestingError, framed(body(cols=columns(mantissa=[[1]])))),
    "a map for a number": (errors.NestingError, framed(body(made_at={"a": 1}))),
    "a missing field": (errors.SchemaError, framed(msgpack.packb({"made_at": 0}))),
    "an unknown field": (errors.SchemaError, framed(body(extra=1))),
    "a list for a map": (errors.SchemaError, framed(msgpack.packb([1]))),
    "a short hash": (errors.SchemaError, framed(body(prev_hash=b"x"))),
    "columns of two lengths": (errors.SchemaError, framed(body(cols=columns(flags=[0, 0])))),
    "five columns": (
        errors.SchemaError,
        framed(body(cols=zstandard.compress(msgpack.packb([[]] * 5)))),
    ),
    "no rows": (
        errors.SchemaError,
        framed(
            body(meters=[], cols=columns(channel=[], at_ms=[], exponent=[], mantissa=[], flags=[]))
        ),
    ),
    "a channel that is not there": (errors.SchemaError, framed(body(cols=columns(channel=[1])))),
    "a negative channel": (errors.SchemaError, framed(body(cols=columns(channel=[-1])))),
    "a time before 1970": (errors.SchemaError, framed(body(cols=columns(at_ms=[-1])))),
    "a time after 9999": (errors.SchemaError, framed(body(cols=columns(at_ms=[10**15])))),
    "a value over 64 bits": (errors.SchemaError, framed(body(cols=columns(mantissa=[2**63])))),
    "an exponent of 99": (errors.SchemaError, framed(body(cols=columns(exponent=[99])))),
    "unassigned flags": (errors.SchemaError, framed(body(cols=columns(flags=[0x0F])))),
    "a span of one row in two": (errors.SchemaError, framed(body(cols=columns(span_ms=[0, 0])))),
    "1,001 rows": (
        errors.SchemaError,
        framed(
            body(
                cols=columns(
                    **dict.fromkeys(
                        ["channel", "at_ms", "exponent", "mantissa", "flags"], [0] * 1001
                    )
                )
            )
        ),
    ),
    "an unassigned unit": (
        errors.SchemaError,
        framed(body(meters=[["EAS", "17", [[0, 900, 0, CHANNEL.obis.code, bytes([99])]]]])),
    ),
    "half an OBIS code": (
        errors.SchemaError,
        framed(body(meters=[["EAS", "17", [[0, 900, 0, b"\1\0\1", bytes([1])]]]])),
    ),
    "an event of a row that is not there": (
        errors.SchemaError,
        framed(body(events=[[0, 1, None, None]])),
    ),
    "an event of an unassigned kind": (
        errors.SchemaError,
        framed(body(events=[[len(EventKind), 0, None, None]])),
    ),
    "an event of five fields": (
        errors.SchemaError,
        framed(body(events=[[0, 0, None, None, None]])),
    ),
    "an event after a time before 1970": (
        errors.SchemaError,
        framed(body(events=[[0, 0, [-1, 0, 0], None]])),
    ),
    "an event that is a number": (errors.SchemaError, framed(body(events=[1]))),
    "1,001 events": (errors.SchemaError, framed(body(events=[[0, 0, None, None]] * 1001))),
    "a channel twice": (errors.SchemaError, framed(body(meters=METERS * 2))),
    "an empty serial": (
        errors.SchemaError,
        framed(body(meters=[["EAS", "", [[0, 900, 0, CHANNEL.obis.code, bytes([1])]]]])),
    ),
}


@pytest.mark.parametrize(("error", "payload"), BAD.values(), ids=BAD.keys())
def test_bad_batch_is_refused_by_name(error: type[errors.MessageError], payload: bytes) -> None:
    with pytest.raises(errors.MessageError) as refusal:
        open_batch(GATEWAY, payload)
    assert type(refusal.value) is error


def test_batch_under_another_gateways_topic_is_refused() -> None:
    sealed = seal(Link.first(GATEWAY, EPOCH), NOW, [Reading(CHANNEL, NOW, 1, 0)])
    with pytest.raises(errors.HashMismatchError):
        open_batch("roof-8", sealed.payload)


def test_sequence_zero_is_refused() -> None:
    whole = body()
    sha256 = digest(GATEWAY, 1, EPOCH, 0, whole)
    with pytest.raises(errors.SchemaError, match="sequence 0"):
        open_batch(GATEWAY, MAGIC + b"\1" + EPOCH.bytes + bytes(8) + sha256 + whole)


@pytest.mark.parametrize("count", [0, 1001])
def test_batch_holds_1_to_1000_readings(count: int) -> None:
    readings = [Reading(CHANNEL, NOW, value, 0) for value in range(count)]
    with pytest.raises(errors.OversizeError, match="1 to 1000 readings"):
        seal(Link.first(GATEWAY, EPOCH), NOW, readings)


ACK: dict[str, object] = {
    "v": 1,
    "kind": "ack",
    "epoch": EPOCH.bytes,
    "cum": 4,
    "cum_hash": NO_HASH,
}
HELLO: dict[str, object] = {"nonce": bytes(16), "sent_at": 0, "agent": "a", "epochs": []}
STATE: dict[str, object] = {
    "epoch": EPOCH.bytes,
    "first": 1,
    "last": 0,
    "last_hash": NO_HASH,
    "cum": 0,
    "cum_hash": NO_HASH,
    "previous": None,
    "previous_last": 0,
}


def hello(**changed: object) -> bytes:
    return messages.HELLO_MAGIC + b"\1" + bytes(msgpack.packb(HELLO | changed))


@pytest.mark.parametrize(
    ("decode", "payload", "error"),
    [
        (messages.decode_down, b"", errors.MalformedError),
        (messages.decode_down, bytes(70_000), errors.OversizeError),
        (messages.decode_down, msgpack.packb([]), errors.SchemaError),
        (messages.decode_down, msgpack.packb(ACK | {"v": 2}), errors.UnknownVersionError),
        (messages.decode_down, msgpack.packb(ACK | {"kind": "nack"}), errors.SchemaError),
        (messages.decode_down, msgpack.packb(ACK | {"cum": -1}), errors.SchemaError),
        (messages.decode_down, msgpack.packb(ACK | {"cum": float("nan")}), errors.NotANumberError),
        (messages.decode_down, msgpack.packb(ACK | {"new_epoch": 1}), errors.SchemaError),
        (messages.decode_down, msgpack.packb(ACK | {"quarantined": [0]}), errors.SchemaError),
        (messages.decode_down, msgpack.packb(ACK | {"nonce": b"short"}), errors.SchemaError),
        (messages.decode_down, msgpack.packb({"v": 1, "kind": "start"}), errors.SchemaError),
        (messages.decode_hello, b"MLB", errors.BadMagicError),
        (messages.decode_hello, b"MLH\x02", errors.UnknownVersionError),
        (messages.decode_hello, b"MLH\x01", errors.MalformedError),
        (messages.decode_hello, hello(), errors.SchemaError),
        (messages.decode_hello, hello(epochs=[STATE | {"first": "x"}]), errors.SchemaError),
        (messages.decode_hello, hello(epochs=[[STATE]]), errors.SchemaError),
        (messages.decode_status, b"{", errors.MalformedError),
        (messages.decode_status, b'{"v":1}', errors.SchemaError),
        (messages.decode_status, b'{"v":1,"state":"away","agent":""}', errors.SchemaError),
        (
            messages.decode_status,
            b'{"v":2,"state":"online","agent":""}',
            errors.UnknownVersionError,
        ),
        (
            messages.decode_status,
            b'{"v":1,"state":"online","agent":"","since":"2026-01-01T00:00:00"}',
            errors.SchemaError,
        ),
    ],
)
def test_bad_message_is_refused_by_name(
    decode: Callable[[bytes], object], payload: bytes, error: type[errors.MessageError]
) -> None:
    with pytest.raises(errors.MessageError) as refusal:
        decode(payload)
    assert type(refusal.value) is error


def test_hello_of_one_epoch_is_read() -> None:
    assert messages.decode_hello(hello(epochs=[STATE])).epochs[0].epoch == EPOCH
