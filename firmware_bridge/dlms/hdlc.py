"""HDLC frames of type 3, cut from a stream and checked.

How it works: a frame stands between 7E flags and tells its own length; so 7E may occur inside it
and nothing is escaped. Some meters escape all the same (7D, then the byte with bit 5 inverted), so
where the length does not fit, the bytes up to the next flag are tried without the escapes.

Source: IEC 62056-46, 6.4 (frame format type 3, HCS, FCS), ISO/IEC 13239.
"""
# ruff: noqa: PLR2004 - the frame's fixed places

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_bridge.codec.crc import x25
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTruncatedError,
)

FLAG, ESCAPE = 0x7E, 0x7D
_SIZE_MAX = 2047
_SIZE_MIN = 7
_CHUNK = 4096
_ADDRESS_MAX = 4


@dataclass(frozen=True, slots=True)
class HdlcFrame:
    """A frame whose check sequences hold.

    Args:
        segmented: Whether the information goes on in the next frame.
        addresses: Destination and source with control, the identity of a sequence of segments.
        information: May be empty.
        raw: Flags included.
    """

    segmented: bool
    addresses: bytes
    information: bytes
    raw: bytes = field(repr=False)


def parse_frame(body: bytes, raw: bytes = b"") -> HdlcFrame:
    """Read the bytes between two flags.

    Args:
        body: Without escapes.
        raw: As received, with flags.

    Raises:
        TelegramTruncatedError: Shorter than it says.
        TelegramSyntaxError: Not of type 3, longer than it says, or an address without end.
        ChecksumError: HCS or FCS does not hold.
    """
    if len(body) < _SIZE_MIN:
        message = "The frame is shorter than the minimum."
        raise TelegramTruncatedError(message)
    if body[0] & 0xF0 != 0xA0:
        message = "The format type of the frame is not 3."
        raise TelegramSyntaxError(message, value=body[:2])
    size = (body[0] & 0x07) << 8 | body[1]
    if size > len(body):
        message = f"The frame has {len(body)} of {size} bytes."
        raise TelegramTruncatedError(message)
    if size < len(body):
        message = f"The frame has {len(body)} bytes, but its length field is {size}."
        raise TelegramSyntaxError(message)
    if x25(body[:-2]) != int.from_bytes(body[-2:], "little"):
        message = "The frame check sequence does not match."
        raise ChecksumError(message, value=body[-2:])
    after = _address_end(body, _address_end(body, 2)) + 1
    addresses = body[2 : after - 1]
    if after + 2 >= size:  # no information: the header's sequence is the frame's
        return HdlcFrame(bool(body[0] & 0x08), addresses, b"", raw)
    if x25(body[:after]) != int.from_bytes(body[after : after + 2], "little"):
        message = "The header check sequence does not match."
        raise ChecksumError(message, value=body[after : after + 2])
    return HdlcFrame(bool(body[0] & 0x08), addresses, body[after + 2 : -2], raw)


def _address_end(body: bytes, at: int) -> int:
    for place in range(at, min(at + _ADDRESS_MAX, len(body) - 3)):
        if body[place] & 1:
            return place + 1
    message = "An address of the frame has no end."
    raise TelegramSyntaxError(message)


def unescape(data: bytes) -> bytes | None:
    """The bytes without escapes; None where the sender aborted the frame."""
    if data.endswith(bytes([ESCAPE])):
        return None
    first, *rest = data.split(bytes([ESCAPE]))
    return first + b"".join(bytes([part[0] ^ 0x20]) + part[1:] for part in rest if part)


class HdlcSplitter:
    """Cuts a stream into frames: bounded, resynchronising at every flag."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[HdlcFrame | Telegram]:
        """Sound frames, and refusals of those that stand between flags but do not hold."""
        for at in range(0, len(data), _CHUNK):
            self._buffer += data[at : at + _CHUNK]
            yield from self._drain(last=False)

    def close(self) -> Iterator[HdlcFrame | Telegram]:
        """What an ended stream still holds."""
        yield from self._drain(last=True)

    def _drain(self, *, last: bool) -> Iterator[HdlcFrame | Telegram]:
        data, at = bytes(self._buffer), 0
        while True:
            start = data.find(FLAG, at)
            if start < 0:
                at = len(data)
                break
            if start + 1 < len(data) and data[start + 1] & 0xF0 != 0xA0:
                at = start + 1  # noise, or the flag before the next one
                continue
            end = self._end(data, start, last=last)
            if end is None:
                at = start
                break
            if isinstance(end, HdlcFrame):
                # The closing flag may open the next frame.
                at = start + len(end.raw) - 1
                yield end
                continue
            outcome, at = _between_flags(data, start, end)
            if outcome is not None:
                yield outcome
        del self._buffer[: len(data) if last else at]

    @staticmethod
    def _end(data: bytes, start: int, *, last: bool) -> HdlcFrame | int | None:
        """The frame that its length gives; else the next flag's place; None to wait for more."""
        body = data[start + 1 : start + 3]
        if len(body) < 2:
            return len(data) if last and body else None
        size = (body[0] & 0x07) << 8 | body[1]
        whole = data[start : start + size + 2]
        if len(whole) < size + 2 and not last:
            return None
        if len(whole) == size + 2 and whole[-1] == FLAG:
            try:
                return parse_frame(whole[1:-1], whole)
            except TelegramError:
                pass  # the length itself may be damaged, or bytes escaped
        flag = data.find(FLAG, start + 1)
        if flag >= 0:
            return flag
        return len(data) if last or len(data) - start > 2 * _SIZE_MAX else None


def _between_flags(data: bytes, start: int, end: int) -> tuple[HdlcFrame | Telegram | None, int]:
    """The escaped frame up to the next flag, or its refusal, and where to go on."""
    raw = data[start : end + 1]
    body = unescape(data[start + 1 : end])
    if body is None:
        return None, end
    try:
        return parse_frame(body, raw), end
    except TelegramError as error:
        return Telegram.refused(_claimed(data, start), _plainest(data, start, error)), end


def _claimed(data: bytes, start: int) -> bytes:
    size = (data[start + 1] & 0x07) << 8 | data[start + 2] if start + 2 < len(data) else 0
    return data[start : start + size + 2]


def _plainest(data: bytes, start: int, escaped: TelegramError) -> TelegramError:
    """Why the frame of the claimed length fails, where it at least ends with a flag."""
    whole = _claimed(data, start)
    if len(whole) > _SIZE_MIN and whole[-1] == FLAG:
        try:
            parse_frame(whole[1:-1], whole)
        except TelegramError as error:
            return error
    return escaped
