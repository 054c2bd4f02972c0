"""SML messages: the binary encoding, and the list response that meters push.

Source: SML 1.04, 5 (messages), 6 (binary encoding).
"""
# ruff: noqa: PLR2004 - type nibbles and list sizes of the standard

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from firmware_bridge.codec.crc import x25
from firmware_bridge.driver.telegram import (
    ChecksumError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
)
from firmware_bridge.sml.transport import Crc

DEPTH_MAX = 10
MEMBERS_MAX = 4096
GET_LIST_RESPONSE = 0x0701
_OCTETS, _BOOLEAN, _INTEGER, _UNSIGNED, _LIST = 0, 4, 5, 6, 7
_LENGTH_BYTES_MAX = 3

Element = bytes | bool | int | tuple["Element", ...] | None


class TimeKind(IntEnum):
    """The choices of SML_Time."""

    SECONDS_INDEX = 1
    TIMESTAMP = 2
    LOCAL_TIMESTAMP = 3


@dataclass(frozen=True, slots=True)
class SmlTime:
    """A time as the meter gives it.

    Args:
        kind: Which of the choices.
        seconds: Since start-up for an index, since 1970 UTC for the timestamps. [s]
    """

    kind: TimeKind
    seconds: int


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One value of a list.

    Args:
        name: Its OBIS code, six bytes.
        status: Status word, None where it is not sent.
        time: Of the value.
        unit: Number of the DLMS unit table.
        scaler: Power of ten.
        value: As sent: the raw integer is never scaled here.
        size: Bytes that a whole number took; 0 for any other value.
    """

    name: bytes
    status: int | None
    time: SmlTime | None
    unit: int | None
    scaler: int
    value: bytes | bool | int | None
    size: int = 0


@dataclass(frozen=True, slots=True)
class ListResponse:
    """A GetList response.

    Args:
        server: The meter's server id.
        time: The meter's own time of the list.
        entries: In order.
    """

    server: bytes
    time: SmlTime | None
    entries: tuple[ListEntry, ...]


def parse_messages(data: bytes, crc: Crc = x25) -> tuple[ListResponse, ...]:
    """The list responses of a file; other messages are checked and passed over.

    Args:
        data: The file's messages.
        crc: The checksum that the file uses.

    Raises:
        TelegramTruncatedError: A message ends early.
        TelegramSyntaxError: A message is not built as the standard says.
        TelegramTooLargeError: It is nested deeper, or has more members, than any.
        ChecksumError: A message's own checksum does not hold.
    """
    reader = _Reader(data)
    found = []
    while reader.at < len(data):
        if data[reader.at] == 0:  # fill bytes that the transport layer did not count
            reader.at += 1
            continue
        found += list(_message(reader, crc))
    return tuple(found)


def _message(reader: _Reader, crc: Crc) -> Iterator[ListResponse]:
    start = reader.at
    kind, count = reader.head()
    if kind != _LIST or count != 6:
        message = "The message is not a list of six."
        raise TelegramSyntaxError(message)
    members = [reader.element(1) for _ in range(4)]
    end = reader.at
    sent = reader.element(1)
    if reader.take(1) != b"\x00":
        message = "The message does not end with 00."
        raise TelegramSyntaxError(message)
    # The number is written with the checksum's low byte first.
    swapped = crc(reader.data[start:end]).to_bytes(2, "little")
    if not isinstance(sent, int) or sent != int.from_bytes(swapped, "big"):
        message = "The checksum of a message does not match."
        raise ChecksumError(message, value=sent)
    body = members[3]
    if not isinstance(body, tuple) or len(body) != 2:
        message = "The body of the message is not a choice."
        raise TelegramSyntaxError(message)
    if body[0] == GET_LIST_RESPONSE:
        yield _list_response(body[1])


def _list_response(body: Element) -> ListResponse:
    if not isinstance(body, tuple) or len(body) != 7 or not isinstance(body[4], tuple):
        message = "A list response does not have seven members, the fifth a list."
        raise TelegramSyntaxError(message)
    server = body[1] if isinstance(body[1], bytes) else b""
    return ListResponse(server, _time(body[3]), tuple(map(_entry, body[4])))


def _entry(body: Element) -> ListEntry:
    members = body if isinstance(body, tuple) and len(body) == 7 else (None,) * 7
    name, status, time, unit, scaler, value, _ = members
    if not isinstance(name, bytes):
        message = "A list entry does not have seven members and a name."
        raise TelegramSyntaxError(message)
    if isinstance(value, tuple):
        value = None
    return ListEntry(
        name=name,
        status=_whole(status),
        time=_time(time),
        unit=_whole(unit),
        scaler=_whole(scaler) or 0,
        value=value,
        size=value.size if isinstance(value, _Sized) else 0,
    )


def _whole(element: Element) -> int | None:
    return element if isinstance(element, int) and not isinstance(element, bool) else None


def _time(element: Element) -> SmlTime | None:
    if isinstance(element, int) and not isinstance(element, bool):
        return SmlTime(TimeKind.SECONDS_INDEX, element)  # Holley sends it without the choice
    if not isinstance(element, tuple) or len(element) != 2:
        return None
    kind, value = element
    if kind == TimeKind.LOCAL_TIMESTAMP and isinstance(value, tuple) and len(value) == 3:
        value = value[0]
    seconds = _whole(value)
    if seconds is None or kind not in tuple(TimeKind):
        return None
    return SmlTime(TimeKind(_whole(kind) or 0), seconds)


class _Sized(int):
    """A whole number that knows in how many bytes it was sent."""

    size: int

    @classmethod
    def read(cls, raw: bytes, *, signed: bool) -> Self:
        number = cls(int.from_bytes(raw, "big", signed=signed))
        number.size = len(raw)
        return number


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self._left = MEMBERS_MAX

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            message = "The file ends within a message."
            raise TelegramTruncatedError(message, value=self.at)
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def head(self) -> tuple[int, int]:
        """Type and length: members of a list, else bytes of the value."""
        first = self.take(1)[0]
        kind, length, size, more = first >> 4 & 0x07, first & 0x0F, 1, first & 0x80
        while more:
            if size == _LENGTH_BYTES_MAX:
                message = "A length field has too many bytes."
                raise TelegramTooLargeError(message)
            byte = self.take(1)[0]
            if byte & 0x70:
                message = "A further length byte names a type."
                raise TelegramSyntaxError(message, value=byte)
            length, size, more = length << 4 | byte & 0x0F, size + 1, byte & 0x80
        if kind == _LIST:
            return kind, length
        if length < size:
            message = "A length does not count its own bytes."
            raise TelegramSyntaxError(message, value=length)
        return kind, length - size

    def element(self, depth: int) -> Element:
        self._left -= 1
        if depth > DEPTH_MAX or self._left < 0:
            message = "A message has more nested levels or members than the limit."
            raise TelegramTooLargeError(message)
        kind, length = self.head()
        if kind == _LIST:
            if length > self._left:
                message = f"A list of {length} members exceeds the limit."
                raise TelegramTooLargeError(message, value=length)
            return tuple(self.element(depth + 1) for _ in range(length))
        if kind == _OCTETS:
            return self.take(length) or None
        raw = self.take(length)
        if kind == _BOOLEAN and length == 1:
            return raw != b"\x00"
        if kind in (_INTEGER, _UNSIGNED) and 1 <= length <= 8:
            return _Sized.read(raw, signed=kind == _INTEGER)
        message = f"Type {kind} with {length} bytes is not assigned."
        raise TelegramSyntaxError(message, value=kind)
