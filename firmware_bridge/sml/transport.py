"""SML transport layer, version 1: escape sequences, fill bytes, CRC.

How it works: a file stands between `1B1B1B1B 01010101` and `1B1B1B1B 1A n crc crc`, where n fill
bytes precede the end. Four 1B in the data are sent twice. The CRC covers everything from the start
to n; it is CRC-16/X-25, or KERMIT for meters that took another start value.

Source: SML 1.04 (BSI TR-03109-1 annex IV), 8; FNN EDL 1.2.
"""
# ruff: noqa: PLR2004 - the sequences' sizes

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from firmware_bridge.codec.crc import kermit, x25
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
)

Crc = Callable[[bytes], int]
FILE_MAX = 65_536
ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
_END = 0x1A
_FILL_MAX = 3
_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class SmlFile:
    """A file whose CRC holds.

    Args:
        messages: The data, without escapes and fill bytes.
        crc: The checksum that holds; the messages inside must use the same.
        raw: All bytes.
    """

    messages: bytes
    crc: Crc
    raw: bytes = field(repr=False)


def crc_of(data: bytes, sent: bytes) -> Crc | None:
    """The checksum that gives these two bytes, low one first; None where neither does."""
    number = int.from_bytes(sent, "little")
    return next((crc for crc in (x25, kermit) if crc(data) == number), None)


def parse_file(raw: bytes) -> SmlFile:
    """Read one file that fills `raw`.

    Raises:
        TelegramTruncatedError: Its end is missing.
        TelegramSyntaxError: It does not begin with the start sequence, or an escape is unknown.
        ChecksumError: The CRC does not hold.
    """
    if not raw.startswith(START):
        message = "The file does not begin with 1B1B1B1B 01010101."
        raise TelegramSyntaxError(message)
    parts, at = [], len(START)
    while True:
        found = _next_escape(raw, at)
        if found < 0 or found + 8 > len(raw):
            message = "The file has no end sequence."
            raise TelegramTruncatedError(message)
        parts.append(raw[at:found])
        code = raw[found + 4 : found + 8]
        if code[0] == _END:
            break
        if code != ESCAPE:
            message = f"The escape sequence {code.hex().upper()} is not assigned."
            raise TelegramSyntaxError(message, value=code)
        parts.append(ESCAPE)
        at = found + 8
    crc = crc_of(raw[: found + 6], code[2:])
    if crc is None:
        message = "The file's checksum does not match."
        raise ChecksumError(message, value=code[2:])
    data = b"".join(parts)
    if code[1] > _FILL_MAX or found + 8 != len(raw):
        message = "The file's end does not follow the standard."
        raise TelegramSyntaxError(message, value=code)
    return SmlFile(data[: len(data) - code[1]], crc, raw)


def _next_escape(data: bytes | bytearray, at: int) -> int:
    """Where the next escape sequence begins; -1 for nowhere.

    Content may itself end in 1B: of a run too long for one sequence and too short for two, the last
    four are the escape.
    """
    found = data.find(ESCAPE, at)
    code = data[found + 4 : found + 8] if found >= 0 else b""
    further = len(code) - len(code.lstrip(b"\x1b"))
    return found + further if len(code) == len(ESCAPE) > further else found


class SmlSplitter:
    """Cuts a stream into files: bounded, resynchronising at every start sequence."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[SmlFile | Telegram]:
        """Sound files, and refusals of those that do not hold."""
        for at in range(0, len(data), _CHUNK):
            self._buffer += data[at : at + _CHUNK]
            yield from self._drain()

    def close(self) -> Iterator[SmlFile | Telegram]:
        """A refusal of what an ended stream still holds."""
        if self._buffer.startswith(START):
            message = "The stream ends within a file."
            yield Telegram.refused(self._buffer, TelegramTruncatedError(message))
        self._drop(len(self._buffer))

    def _drain(self) -> Iterator[SmlFile | Telegram]:
        while self._find_start():
            size = self._size()
            if size is None and len(self._buffer) <= FILE_MAX:
                return
            if size is None:
                message = f"The file has no end sequence within {FILE_MAX} bytes."
                yield Telegram.refused(self._buffer, TelegramTooLargeError(message))
                self._drop(len(START))
                continue
            raw = bytes(self._buffer[:size])
            self._drop(size)
            yield _read(raw)

    def _find_start(self) -> bool:
        start = self._buffer.find(START)
        if start < 0:
            # The buffer may end within a start sequence.
            self._drop(max(0, len(self._buffer) - len(START) + 1))
            return False
        self._drop(start)
        return True

    def _size(self) -> int | None:
        """Bytes up to the end sequence, or up to what breaks the file; None to wait."""
        at = max(self._searched, len(START))
        while True:
            found = _next_escape(self._buffer, at)
            if found < 0:
                self._searched = max(at, len(self._buffer) - 3)
                return None
            code = self._buffer[found + 4 : found + 8]
            if len(code) < 4:
                self._searched = found
                return None
            if code[0] == _END:
                return found + 8
            if code != ESCAPE:
                return found
            at = self._searched = found + 8

    def _drop(self, count: int) -> None:
        if count:
            del self._buffer[:count]
            self._searched = 0


def _read(raw: bytes) -> SmlFile | Telegram:
    try:
        return parse_file(raw)
    except TelegramError as error:
        return Telegram.refused(raw, error)
