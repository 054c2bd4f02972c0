"""What a hostile gateway sends, made field by field from good messages.

Each text of each kind of message is replaced by each kind of bad text, each whole number by numbers
beyond the columns that would keep it, and each of either by something of another type. Keys are
replaced too. The hash of a batch holds, as that of an enrolled gateway's would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgpack
import zstandard

from firmware_bridge.contract.body import Void
from firmware_bridge.contract.envelope import (
    HEADER_BYTES,
    MAGIC,
    NO_HASH,
    Link,
    digest,
    seal,
    seal_void,
)
from firmware_bridge.contract.event import EventKind, MeterEvent, Nameplate, Shown
from firmware_bridge.contract.messages import (
    EpochState,
    GatewayState,
    Hello,
    Status,
    encode_hello,
    encode_status,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from firmware_bridge.contract.reports import (
    ConfigurationReport,
    ConfigurationState,
    RefusalReport,
    UpdateReport,
    UpdateState,
)

EPOCH = UUID(int=0xBAD)
START = datetime(2026, 11, 1, tzinfo=UTC)
BAD_TEXTS = {
    "NUL": "a\0b",
    "a high surrogate": "a\ud800b",
    "a low surrogate": "\udfff",
    "a line end": "a\nb",
    "an escape": "\x1b[2J",
    "DEL": "a\x7f",
    "a C1 control": "a\x85b",
}
OTHER_TYPES: dict[str, object] = {
    "a list": [],
    "a map": {},
    "a map of itself": {"v": 1},
    "true": True,
    "a float": 1.5,
}
NUMBERS = {
    "2**15": 2**15,
    "2**31": 2**31,
    "2**32": 2**32,
    "2**63 - 1": 2**63 - 1,
    "2**63": 2**63,
    "2**64 - 1": 2**64 - 1,
    "-1": -1,
    "-2**31 - 1": -(2**31) - 1,
    "-2**63": -(2**63),
}
JSON_NUMBERS = {"10**30": 10**30, "-2**63 - 1": -(2**63) - 1, "10**400": 10**400}
_HELLO_HEAD = 4

Path = tuple[Any, ...]


def good_status() -> Status:
    """A status in which every field is set."""
    config = ConfigurationReport(ConfigurationState.GOOD, 3, 4, "NOT_TOML")
    updates = (UpdateReport("agent", "1.4", UpdateState.REFUSED, "TOO_OLD"),)
    refused = (RefusalReport("house", "CHECKSUM", "Its checksum is wrong.", START, 3, b"\x68\x01"),)
    return Status(GatewayState.ONLINE, "edge/1", START, 7, config, updates, refused)


def good_hello() -> Hello:
    """A hello in which every field is set."""
    before = EpochState(UUID(int=1), 3, 4, b"\4" * 32, 2, b"\2" * 32, UUID(int=2), 9)
    now = EpochState(EPOCH, 1, 2, b"\3" * 32, 1, b"\1" * 32, UUID(int=1), 4)
    return Hello(b"0123456789abcdef", START, "edge/1", (before, now))


def channel(serial: str = "HOSTILE") -> Channel:
    return Channel("BAD", serial, ACTIVE_IMPORT, Kind.REGISTER, 900, Source.PROFILE, Unit.WATT_HOUR)


def good_batch(gateway: str, sequence: int) -> bytes:
    """A batch in which every field is set."""
    readings = [
        Reading(channel(), START + timedelta(minutes=15 * i), 5 + i, -1, span_ms=i)
        for i in range(3)
    ]
    before = Shown(START - timedelta(minutes=15), 4, -1)
    event = MeterEvent(
        EventKind.EXCHANGE, channel(), Shown(START, 5, -1), before, Nameplate("BAD", "OLD")
    )
    link = Link(gateway, EPOCH, sequence, NO_HASH)
    return seal(link, START, readings, [event]).payload


def good_void(gateway: str, sequence: int) -> bytes:
    """The stand-in for a batch."""
    link = Link(gateway, EPOCH, sequence, NO_HASH)
    return seal_void(link, START, Void(b"\7" * 32, "lost")).payload


def reseal(gateway: str, sequence: int, body: bytes) -> bytes:
    """A body under a header whose hash holds."""
    sha256 = digest(gateway, 1, EPOCH, sequence, body)
    return MAGIC + b"\1" + EPOCH.bytes + sequence.to_bytes(8, "big") + sha256 + body


def bad_statuses(*, texts: bool = True, numbers: bool = True) -> dict[str, bytes]:
    """Statuses by what is wrong with them."""
    fields = json.loads(encode_status(good_status()))
    more = NUMBERS | JSON_NUMBERS
    return {
        f"status {name}": json.dumps(spoilt).encode()
        for name, spoilt in _spoilt(fields, more, texts=texts, numbers=numbers)
    } | ({"status is NaN": b'{"v":NaN,"state":"online","agent":"x"}'} if numbers else {})


def bad_hellos(*, texts: bool = True, numbers: bool = True) -> dict[str, bytes]:
    """Hellos by what is wrong with them."""
    whole = encode_hello(good_hello())
    fields = msgpack.unpackb(whole[_HELLO_HEAD:])
    return {
        f"hello {name}": whole[:_HELLO_HEAD] + _pack(spoilt)
        for name, spoilt in _packable(fields, texts=texts, numbers=numbers)
    }


def bad_batches(
    gateway: str, sequence: int = 1, *, texts: bool = True, numbers: bool = True
) -> dict[str, bytes]:
    """Batches by what is wrong with them, under the sequences from one on."""
    found: dict[str, bytes] = {}
    for kind, good in (("batch", good_batch), ("void", good_void)):
        fields = msgpack.unpackb(good(gateway, sequence)[HEADER_BYTES:])
        fields["cols"] = msgpack.unpackb(zstandard.decompress(fields["cols"]))
        for name, spoilt in _packable(fields, texts=texts, numbers=numbers):
            columns = spoilt.get("cols")
            if columns is not None:
                spoilt["cols"] = zstandard.compress(_pack(columns))
            found[f"{kind} {name}"] = reseal(gateway, sequence + len(found), _pack(spoilt))
    return found


def _spoilt(
    fields: dict[Any, Any], numbers_: Mapping[str, int], *, texts: bool, numbers: bool
) -> Iterator[tuple[str, dict[Any, Any]]]:
    for path, value in _leaves(fields):
        where = ".".join(map(str, path))
        wrong: dict[str, object] = {}
        if isinstance(value, str) and texts:
            wrong = {**BAD_TEXTS, "far too long": "x" * 5_000}
        if type(value) is int and numbers:
            wrong = {**numbers_, **OTHER_TYPES, "text": "7"}
        if isinstance(value, str) and numbers:
            wrong |= {**OTHER_TYPES, "a number": 7}
        for what, bad in wrong.items():
            yield f"{where} is {what}", _changed(fields, path, bad)
    if texts:
        for what, bad in BAD_TEXTS.items():
            yield f"has a key of {what}", {**fields, bad: 1}


def _packable(
    fields: dict[Any, Any], *, texts: bool, numbers: bool
) -> Iterator[tuple[str, dict[Any, Any]]]:
    yield from _spoilt(fields, NUMBERS, texts=texts, numbers=numbers)
    if numbers:
        yield "has keys of two types", {**fields, "x": 1, b"x": 1}


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401 - any message
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, (*path, key))
    elif isinstance(value, list):
        for position, below in enumerate(value):
            yield from _leaves(below, (*path, position))
    else:
        yield path, value


def _changed(value: Any, path: Path, wanted: object) -> Any:  # noqa: ANN401 - any message
    if not path:
        return wanted
    first, *rest = path
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[first] = _changed(copy[first], tuple(rest), wanted)
    return copy


def _pack(value: object) -> bytes:
    return bytes(msgpack.packb(value, use_bin_type=True, unicode_errors="surrogatepass"))
