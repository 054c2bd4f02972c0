"""SML files as a meter sends them. Source: SML 1.04, 5, 6 and 8."""
# ruff: noqa: PLR2004 - tags and sizes of the standard

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware_bridge.codec.crc import x25

ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
OMITTED = b"\x01"
_OPEN, _LIST, _CLOSE = 0x0101, 0x0701, 0x0201

Crc = Callable[[bytes], int]


def octets(value: bytes) -> bytes:
    """An octet string with its type-length field."""
    return _head(0x0, len(value)) + value


def integer(value: int, size: int) -> bytes:
    """A signed number of `size` bytes."""
    return _head(0x5, size) + value.to_bytes(size, "big", signed=True)


def unsigned(value: int, size: int) -> bytes:
    """An unsigned number of `size` bytes."""
    return _head(0x6, size) + value.to_bytes(size, "big")


def listing(*members: bytes) -> bytes:
    """A list of encoded members."""
    return _bytes_of(0x7, len(members), 1 if len(members) < 0x10 else 2) + b"".join(members)


def _head(kind: int, size: int) -> bytes:
    length = next(count for count in (1, 2, 3) if size + count < 1 << 4 * count)
    return _bytes_of(kind, size + length, length)


def _bytes_of(kind: int, number: int, count: int) -> bytes:
    """A type nibble and a number in `count` nibbles, all bytes but the last marked as continued."""
    nibbles = [number >> 4 * place & 0x0F for place in reversed(range(count))]
    raw = [nibble | (0x80 if place < count - 1 else 0) for place, nibble in enumerate(nibbles)]
    return bytes([raw[0] | kind << 4, *raw[1:]])


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a list, each part encoded already.

    Args:
        name: OBIS code, six bytes.
        value: The encoded value.
        unit: Number of the DLMS unit table; None leaves it out.
        scaler: Power of ten; None leaves it out.
        status: The encoded status word.
        time: The encoded time.
    """

    name: bytes
    value: bytes
    unit: int | None = None
    scaler: int | None = None
    status: bytes = OMITTED
    time: bytes = OMITTED

    def encode(self) -> bytes:
        """The entry as a list of seven."""
        unit = OMITTED if self.unit is None else unsigned(self.unit, 1)
        scaler = OMITTED if self.scaler is None else integer(self.scaler, 1)
        return listing(octets(self.name), self.status, self.time, unit, scaler, self.value, OMITTED)


def message(number: int, tag: int, body: bytes, crc: Crc = x25) -> bytes:
    """A message with its checksum."""
    head = octets(number.to_bytes(4, "big")) + unsigned(0, 1) + unsigned(0, 1)
    covered = b"\x76" + head + listing(unsigned(tag, 2), body)
    return covered + b"\x63" + crc(covered).to_bytes(2, "little") + b"\x00"


def list_file(
    server: bytes, entries: Sequence[Entry], *, time: bytes = OMITTED, crc: Crc = x25
) -> bytes:
    """A whole file: open response, list response, close response.

    Args:
        server: Server id.
        entries: The values.
        time: The meter's encoded time.
        crc: Checksum of messages and file.
    """
    opened = listing(OMITTED, OMITTED, octets(b"\x00\x01"), octets(server), OMITTED, OMITTED)
    values = listing(*(entry.encode() for entry in entries))
    name = octets(bytes.fromhex("0100620AFFFF"))
    listed = listing(OMITTED, octets(server), name, time, values, OMITTED, OMITTED)
    bodies = ((_OPEN, opened), (_LIST, listed), (_CLOSE, listing(OMITTED)))
    return wrap(b"".join(message(n, tag, body, crc) for n, (tag, body) in enumerate(bodies)), crc)


def wrap(messages: bytes, crc: Crc = x25) -> bytes:
    """Messages in the transport layer."""
    fill = -len(messages) % 4
    body = (messages + bytes(fill)).replace(ESCAPE, ESCAPE * 2)
    covered = START + body + ESCAPE + b"\x1a" + bytes([fill])
    return covered + crc(covered).to_bytes(2, "little")
