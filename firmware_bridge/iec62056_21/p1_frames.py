"""P1 telegrams: from a stream of bytes to checked objects.

How it works: a telegram begins with `/` and ends with a line `!`, from DSMR 4 on followed by
CRC-16/ARC in hex over everything from `/` to `!`. A `/` may also be noise or stand in a value, so
where a telegram does not hold from the first `/` the later ones are tried, up to a bound.

Sources: DSMR P1 Companion Standard 2.2, 3.0, 4.2, 5.0.2; e-MUCS P1 1.7 (Belgium); Luxembourg P1
1.1.3; EN 62056-21 mode D.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_bridge.codec.crc import arc
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
    TelegramTooLargeError,
    TelegramTruncatedError,
)
from firmware_bridge.iec62056_21.datasets import DataSet, parse_block

TELEGRAM_MAX = 16_384
_STARTS_MAX = 8
_IDENTIFICATION_MAX = 96

_END = re.compile(rb"(?<=[\r\n])!([^\r\n]{0,16})(?:\r\n|\r(?!\n)(?=.)|\n)", re.DOTALL)
_END_AT_CLOSE = re.compile(rb"(?<=[\r\n])!([0-9A-Fa-f]{4}|)\r?[ \t\x00\x1a]*$")
_START = re.compile(rb"(?=/[A-Za-z]{3}[^\r\n]{1,91}\r?\n)")
_END_LINE_MAX = 24
_CRC = re.compile(rb"[0-9A-Fa-f]{1,4}")
_IDENTIFICATION = re.compile(rb"/([A-Za-z]{3})([^\r\n])([^\r\n]{0,90})\r?\n", re.DOTALL)
_ESCAPES = re.compile(r"\\[^\\/]")
_VERSIONS = ("1-3:0.2.8", "0-0:96.1.4", "0-0:0.2.8")


@dataclass(frozen=True, slots=True)
class P1Telegram:
    """A telegram whose checksum holds, or that carries none.

    Args:
        manufacturer: Three letters of the identification line.
        identification: The rest of that line, without the mode's digit and escapes.
        objects: In order.
        crc_checked: Whether a checksum vouches for the bytes.
        raw: Its bytes.
    """

    manufacturer: str
    identification: str
    objects: tuple[DataSet, ...]
    crc_checked: bool
    raw: bytes = field(repr=False)

    def first(self, *addresses: str) -> DataSet | None:
        """The first object of one of these addresses, in their order."""
        for address in addresses:
            for item in self.objects:
                if item.address.partition("*")[0] == address and item.values:
                    return item
        return None

    @property
    def version(self) -> str | None:
        """What the telegram says its version is: 42, 50, 50217 (Belgium); None before DSMR 4."""
        item = self.first(*_VERSIONS)
        return item.values[0] if item else None

    @property
    def crc_missing(self) -> bool:
        """Whether a version that requires a checksum came without it."""
        return self.version is not None and not self.crc_checked


def parse_telegram(raw: bytes, *, size_max: int = TELEGRAM_MAX) -> P1Telegram:
    """Read one telegram from its `/` to its last line's end.

    Args:
        raw: The telegram.
        size_max: The bound; read-outs of IEC 62056-21 may be larger than P1 telegrams. [bytes]

    Raises:
        TelegramTruncatedError: It has no end line.
        ChecksumError: The CRC does not hold, or is not a hex number.
        TelegramSyntaxError: The identification or, without a CRC, a line is malformed.
        TelegramTooLargeError: It is larger than any real telegram.
    """
    if len(raw) > size_max:
        message = f"A telegram of {len(raw)} bytes is larger than {size_max}."
        raise TelegramTooLargeError(message)
    head = _IDENTIFICATION.match(raw)
    if head is None:
        message = "The telegram does not begin with an identification line."
        raise TelegramSyntaxError(message, value=raw[:_IDENTIFICATION_MAX])
    whole = _END.search(raw)
    end = whole or _END_AT_CLOSE.search(raw)
    if end is None:
        message = "The telegram has no end line."
        raise TelegramTruncatedError(message)
    sent = end[1].strip()
    if sent:
        _check_crc(raw[: end.start() + 1], sent)
    objects = parse_block(raw[head.end() : end.start()].decode("latin-1"), lenient=bool(sent))
    if not objects:
        message = "The telegram has no object."
        raise TelegramSyntaxError(message)
    telegram = P1Telegram(
        manufacturer=head[1].decode("ascii"),
        identification=_ESCAPES.sub("", head[3].decode("latin-1")).strip(),
        objects=objects,
        crc_checked=bool(sent),
        raw=raw[: end.end()],
    )
    if whole is None and telegram.crc_missing:
        message = "The telegram ends before its CRC."
        raise TelegramTruncatedError(message)
    return telegram


def _check_crc(covered: bytes, sent: bytes) -> None:
    if _CRC.fullmatch(sent) is None:
        message = "The end line has no valid CRC."
        raise ChecksumError(message, value=sent)
    computed = arc(covered)
    if computed != int(sent, 16) and b"\r" not in covered:
        # A recording whose line ends were changed on the way; the meter sent CR and LF.
        computed = arc(covered.replace(b"\n", b"\r\n"))
    if computed != int(sent, 16):
        message = f"The telegram's CRC is {sent.decode()}; its bytes give {computed:04X}."
        raise ChecksumError(message, value=sent)


class P1Splitter:
    """Cuts a stream into telegrams: bounded, resynchronising, in linear time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[P1Telegram | Telegram]:
        """Sound telegrams, and refusals of those that ended but do not hold."""
        for at in range(0, len(data), TELEGRAM_MAX):
            self._buffer += data[at : at + TELEGRAM_MAX]
            yield from self._drain()

    def close(self) -> Iterator[P1Telegram | Telegram]:
        """What an ended stream still holds: a last telegram without line end, or a refusal."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        if rest.startswith(b"/"):
            yield _best(rest)

    def _drain(self) -> Iterator[P1Telegram | Telegram]:
        while True:
            self._skip_noise()
            end = _END.search(self._buffer, self._searched)
            if end is not None and end.end() <= TELEGRAM_MAX:
                raw = bytes(self._buffer[: end.end()])
                self._drop(end.end())
                yield _best(raw)
            elif end is not None or len(self._buffer) > TELEGRAM_MAX:
                message = f"The telegram has no end line within {TELEGRAM_MAX} bytes."
                yield Telegram.refused(self._buffer, TelegramTooLargeError(message))
                self._drop_overflow()
            else:
                self._searched = max(0, len(self._buffer) - _END_LINE_MAX)
                return

    def _drop_overflow(self) -> None:
        # Half of the bound goes at a time, so that `/` after `/` costs no more than noise.
        start = _START.search(self._buffer, TELEGRAM_MAX // 2)
        self._drop(start.start() if start else len(self._buffer))

    def _skip_noise(self) -> None:
        start = self._buffer.find(b"/")
        if start:
            self._drop(len(self._buffer) if start < 0 else start)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = max(0, self._searched - count)


def _best(raw: bytes) -> P1Telegram | Telegram:
    """The telegram that ends here; where the first start does not hold, the latest that does."""
    try:
        return parse_telegram(raw)
    except TelegramError as error:
        first = error
    starts = [match.start() for match in _START.finditer(raw, 1)]
    for start in starts[:-_STARTS_MAX:-1]:
        try:
            return parse_telegram(raw[start:])
        except TelegramError:
            continue
    return Telegram.refused(raw, first)
