"""Wired link layer: short, control and long frames, cut from a stream. Source: EN 13757-2, 5."""
# ruff: noqa: PLR2004 - the frame's fixed places

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_bridge.driver.telegram import (
    ChecksumError,
    Telegram,
    TelegramSyntaxError,
    TelegramTruncatedError,
)

LONG_START, SHORT_START, STOP = 0x68, 0x10, 0x16
_SHORT_SIZE = 5
_CONTROL_LENGTH, _FRAMING_SIZE, _OVERFLOW = 3, 6, 256
_LONG = re.compile(rb"(?=\x68(.)\1\x68)", re.DOTALL)
_CANDIDATE = re.compile(rb"[\x68\x10]")
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class LinkFrame:
    """A frame whose checksum holds.

    Args:
        control: C field.
        address: A field.
        user: CI field and what follows; empty in a short frame.
        raw: All bytes.
    """

    control: int
    address: int
    user: bytes
    raw: bytes = field(repr=False)


def parse_frame(raw: bytes) -> LinkFrame:
    """Read one frame that fills `raw`.

    Raises:
        TelegramTruncatedError: Bytes are missing.
        TelegramSyntaxError: Start, length or stop bytes are wrong.
        ChecksumError: The sum is not the frame's.
    """
    if raw[:1] == bytes([SHORT_START]):
        size, first = _SHORT_SIZE, 1
    elif raw[:1] == bytes([LONG_START]):
        if len(raw) < 4:
            message = "The frame ends within its header."
            raise TelegramTruncatedError(message)
        if raw[1] != raw[2] or raw[3] != LONG_START:
            message = "The header of a long frame does not repeat its length and start."
            raise TelegramSyntaxError(message, value=raw[:4])
        size, first = _long_size(raw), 4
    else:
        message = "The frame does not begin with 68 or 10."
        raise TelegramSyntaxError(message, value=raw[:1])
    if len(raw) < size:
        message = f"The frame has {len(raw)} of {size} bytes."
        raise TelegramTruncatedError(message)
    if raw[size - 1] != STOP or len(raw) > size:
        message = "The frame does not end with 16."
        raise TelegramSyntaxError(message, value=raw[size - 1])
    computed = sum(raw[first : size - 2]) & 0xFF
    if computed != raw[size - 2]:
        message = f"The checksum is {raw[size - 2]:02X}; the frame's bytes give {computed:02X}."
        raise ChecksumError(message, value=raw[size - 2])
    return LinkFrame(raw[first], raw[first + 1], raw[first + 2 : size - 2], raw)


class LinkSplitter:
    """Cuts a stream into frames. Holds at most one frame; skips noise byte by byte.

    A header may be noise, too, and its length up to 259 bytes that never come: a whole frame
    whose checksum holds goes before the end of one that began earlier.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._quiet = 0
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[LinkFrame | Telegram]:
        """Sound frames, and refusals of long frames that do not hold."""
        for at in range(0, len(data), _CHUNK):
            self._buffer += data[at : at + _CHUNK]
            yield from self._drain(last=False)

    def close(self) -> Iterator[LinkFrame | Telegram]:
        """What an ended stream still holds."""
        yield from self._drain(last=True)

    def _drain(self, *, last: bool) -> Iterator[LinkFrame | Telegram]:
        at = 0
        data = bytes(self._buffer)
        while (found := _CANDIDATE.search(data, at)) is not None:
            start = found.start()
            size = _size(data, start)
            if size is None or start + size > len(data):
                if not last:
                    inner = self._sound_inside(data, start)
                    if inner is None:
                        self._keep(start)
                        return
                    if start >= self._quiet and data[start + 1] > _CONTROL_LENGTH:
                        message = f"The frame has {inner - start} of {size} bytes."
                        error = TelegramTruncatedError(message)
                        yield Telegram.refused(data[start:inner], error)
                    at = inner
                    continue
                size = len(data) - start
            if start < self._quiet and data[start + size - 1] != STOP:
                at = start + 1  # inside a frame that was refused already, and none either
                continue
            outcome = _try(data[start : start + size]) if size else None
            if isinstance(outcome, LinkFrame):
                at = start + size
                self._quiet = 0
                yield outcome
                continue
            if outcome is not None and start >= self._quiet:
                self._quiet = start + size
                yield outcome
            at = start + 1
        self._keep(len(data))

    def _sound_inside(self, data: bytes, start: int) -> int | None:
        """Where a sound frame begins after `start` that the newest bytes have completed."""
        for found in _LONG.finditer(data, start + 1):
            first = found.start()
            end = first + _long_size(data[first:])
            if self._searched < end <= len(data) and _ends(data[first:end], end - first):
                return first
        return None

    def _keep(self, start: int) -> None:
        del self._buffer[:start]
        self._quiet = max(0, self._quiet - start)
        self._searched = len(self._buffer)


def _size(data: bytes, start: int) -> int | None:
    """Bytes of the frame that seems to start here; 0 where none does, None where it is unclear."""
    if data[start] == SHORT_START:
        return _SHORT_SIZE
    head = data[start : start + 4]
    if len(head) > 2 and head[1] != head[2]:
        return 0
    if len(head) > 3 and head[3] != LONG_START:
        return 0
    return None if len(head) < 4 else _long_size(data[start:])


def _long_size(data: bytes) -> int:
    """Bytes of the long frame that begins `data`.

    A length below that of a control frame has overflowed: some meters send up to 259 bytes after
    the header and count them in one byte. Only that of a control frame can mean both.
    """
    size = data[1] + _FRAMING_SIZE
    if data[1] > _CONTROL_LENGTH or (data[1] == _CONTROL_LENGTH and _ends(data, size)):
        return size
    return size + _OVERFLOW


def _ends(data: bytes, size: int) -> bool:
    """Whether a long frame ends there, or may once its bytes are there."""
    if len(data) < size:
        return True
    return data[size - 1] == STOP and sum(data[4 : size - 2]) & 0xFF == data[size - 2]


def _try(raw: bytes) -> LinkFrame | Telegram | None:
    try:
        return parse_frame(raw)
    except (TelegramTruncatedError, TelegramSyntaxError, ChecksumError) as error:
        # A 10 is as likely noise as a short frame, which carries no values anyway.
        return Telegram.refused(raw, error) if raw[0] == LONG_START else None
