"""Read-outs of IEC 62056-21 modes A to D: identification, data block, block check character.

How it works: modes A, B and C send an identification line, then STX, data lines, `!`, ETX (EOT for
a block that another follows) and a block check character; mode D sends the lines bare. Requests
and acknowledgements that a recording holds between them are passed over. Characters may come as
sent on the wire, seven bits with even parity in the eighth; parity is then checked and removed.

Source: EN 62056-21:2002, 5.3 (character format), 6.3 to 6.5, 8 (block check character).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from firmware_bridge.driver.telegram import (
    ChecksumError,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
)
from firmware_bridge.iec62056_21.datasets import DataSet, parse_block
from firmware_bridge.iec62056_21.p1_frames import P1Telegram, parse_telegram

BLOCK_MAX = 65_536
_STX, _ETX, _EOT = 0x02, 0x03, 0x04
_SEVEN_BITS = bytes(byte & 0x7F for byte in range(256))
_EVEN = bytes(byte for byte in range(256) if byte.bit_count() % 2 == 0)

# A slash that something else than a letter follows (`/?!`) begins no identification.
_BEGIN = re.compile(rb"[/\xaf](?![^A-Za-z\xc1-\xda\xe1-\xfa])|[\x02\x82]")
_LINE = re.compile(rb"/([^\r\n]{0,64})\r?\n")
_INNER_LINE = re.compile(rb"(?=/[A-Za-z]{3}[^\r\n]{1,61}\r?\n)")
_IDENTIFICATION = re.compile(rb"([A-Za-z]{3})(.)(.*)", re.DOTALL)
_BETWEEN = re.compile(rb"(?:[\r\n\x00]|\x06[^\r\n]{0,8}\r\n)*")
_BLOCK_END = re.compile(rb"[\x03\x04]")
_PLAIN_END = re.compile(rb"[\r\n]![^\r\n]{0,16}\r?\n")
_PLAIN_END_MAX = 24
_HEAD_MAX = 70
_ESCAPES = re.compile(r"\\[^\\/]")


@dataclass(frozen=True, slots=True)
class ReadOut62056:
    """A block whose check character holds.

    Args:
        manufacturer: Three letters; empty where the recording starts after the identification.
        identification: The rest of the identification line.
        objects: Data sets in order.
        raw: The block's bytes.
    """

    manufacturer: str
    identification: str
    objects: tuple[DataSet, ...]
    raw: bytes = field(repr=False)


def block_check(covered: bytes) -> int:
    """The check character over everything after STX up to and with ETX. Source: ISO 1155."""
    return reduce(xor, covered, 0)


def parse_block_frame(raw: bytes, manufacturer: str = "", identification: str = "") -> ReadOut62056:
    """Read STX, data, ETX or EOT, check character.

    Raises:
        TelegramTruncatedError: The end or the check character is missing.
        ChecksumError: The check character does not hold.
        TelegramSyntaxError: It does not begin with STX, or holds no data set.
        TelegramTooLargeError: It is larger than any real block.
    """
    if len(raw) > BLOCK_MAX:
        message = f"A block of {len(raw)} bytes is larger than {BLOCK_MAX}."
        raise TelegramTooLargeError(message)
    if raw[:1] != bytes([_STX]):
        message = "The block does not begin with STX."
        raise TelegramSyntaxError(message, value=raw[:1])
    if len(raw) < 4 or raw[-2] not in (_ETX, _EOT):  # noqa: PLR2004 - STX, a byte, ETX, check
        message = "The block ends before its check character."
        raise TelegramTruncatedError(message)
    if block_check(raw[1:-1]) != raw[-1]:
        computed = block_check(raw[1:-1])
        message = f"The check character is {raw[-1]:02X}; the block's bytes give {computed:02X}."
        raise ChecksumError(message, value=raw[-1])
    text = raw[1:-2].decode("latin-1").partition("!")[0]
    objects = parse_block(text, lenient=True)
    if not objects:
        message = "The block has no data set."
        raise TelegramSyntaxError(message)
    return ReadOut62056(manufacturer, identification, objects, raw)


class ReadOutSplitter:
    """Cuts a stream of any mode into read-outs: bounded, resynchronising, in linear time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._maker = ("", "")

    def feed(self, data: bytes) -> Iterator[ReadOut62056 | P1Telegram | Telegram]:
        """Sound read-outs, and refusals of those that ended but do not hold."""
        for at in range(0, len(data), BLOCK_MAX):
            self._buffer += data[at : at + BLOCK_MAX]
            yield from self._drain()

    def close(self) -> Iterator[ReadOut62056 | P1Telegram | Telegram]:
        """What an ended stream still holds."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        if rest:
            yield self._read(rest)

    def _drain(self) -> Iterator[ReadOut62056 | P1Telegram | Telegram]:
        while self._find_begin():
            size = self._size()
            if size is None and len(self._buffer) > BLOCK_MAX:
                message = f"The block has no end within {BLOCK_MAX} bytes."
                yield Telegram.refused(self._buffer, TelegramTooLargeError(message))
                self._drop(len(self._buffer))
            elif size is None:
                return
            elif size:
                raw = bytes(self._buffer[:size])
                outcome = self._read(raw)
                later = _later_start(raw) if isinstance(outcome, Telegram) else 0
                self._drop(later or size)
                if not later:
                    yield outcome

    def _find_begin(self) -> bool:
        begin = _BEGIN.search(self._buffer)
        self._drop(begin.start() if begin else len(self._buffer))
        return begin is not None

    def _size(self) -> int | None:
        """Bytes of the frame at the buffer's start; None to wait, 0 where some were passed over."""
        if self._buffer[0] & 0x7F == _STX:
            return self._block_size(self._view(BLOCK_MAX + 1))
        view = self._view(_HEAD_MAX)
        line = _LINE.match(view)
        if line is None:
            return self._pass(1) if len(view) == _HEAD_MAX or b"\n" in view else None
        view = self._view(BLOCK_MAX + 1)
        between = _BETWEEN.match(view, line.end())
        start = between.end() if between else line.end()
        maker = _IDENTIFICATION.fullmatch(line[1].rstrip(b"\r"))
        if maker is None:
            return self._pass(line.end())
        if start == len(view):
            return None
        if view[start] == _STX:
            text = _ESCAPES.sub("", maker[3].decode("latin-1")).strip()
            self._maker = (maker[1].decode("ascii"), text)
            return self._pass(start)
        return self._plain_size(view, line.end() - 1)

    def _block_size(self, view: bytes) -> int | None:
        end = _BLOCK_END.search(view, max(self._searched, 1))
        if end is not None and end.end() < len(view):
            return end.end() + 1
        self._searched = len(view) - 1 if end is None else end.start()
        return None

    def _plain_size(self, view: bytes, start: int) -> int | None:
        end = _PLAIN_END.search(view, max(start, self._searched))
        if end is not None:
            return end.end()
        self._searched = max(start, len(view) - _PLAIN_END_MAX)
        return None

    def _pass(self, count: int) -> int:
        self._drop(count)
        return 0

    def _view(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        return data.translate(_SEVEN_BITS) if data[0] & 0x80 else data

    def _read(self, raw: bytes) -> ReadOut62056 | P1Telegram | Telegram:
        try:
            plain = _without_parity(raw) if raw[0] & 0x80 else raw
            if plain[0] == _STX:
                return parse_block_frame(plain, *self._maker)
            return parse_telegram(plain, size_max=BLOCK_MAX)
        except TelegramError as error:
            return Telegram.refused(raw, error)

    def _drop(self, count: int) -> None:
        if count:
            del self._buffer[:count]
            self._searched = 0


def _later_start(raw: bytes) -> int:
    """Where a read-out begins inside one that does not hold: noise may have seemed a start.

    The last identification, else the last STX, so that each byte is looked at twice at most.
    """
    view = raw.translate(_SEVEN_BITS)
    lines = [match.start() for match in _INNER_LINE.finditer(view, 1)]
    return lines[-1] if lines else max(0, view.rfind(bytes([_STX]), 1))


def _without_parity(raw: bytes) -> bytes:
    if raw.translate(None, _EVEN):
        message = "A character's parity is not even."
        raise ChecksumError(message)
    return raw.translate(_SEVEN_BITS)
