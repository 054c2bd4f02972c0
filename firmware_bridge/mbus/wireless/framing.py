"""What radio receivers hand over: frames as they were on the air, packed in the receiver's own way.

frames    bytes as received, CRCs included, formats A and B one after another
stripped  length byte and frame, CRCs checked and removed (transparent modes of radio modules)
amber     FF 03, length, frame without its length and CRCs, RSSI where switched on, exclusive-or of
          all (Amber Wireless and Wuerth AMB8465 in command mode)
imst      A5, control and endpoint, 03, length, frame without its length and CRCs, then time, RSSI
          and CRC-16 as the control says (IMST iM871A, iU880A)
lines     text, one frame a line: `b` hex with CRCs and `bY` for format B (CUL, culfw); rtl_wmbus's
          fields between semicolons; rtl_433's JSON; hex alone

Sources: AMB8465-M manual, 5 (commands); iM871A WM-Bus HCI specification, 3; culfw command
reference (`b`); rtl_wmbus and rtl_433 documentation.
"""
# ruff: noqa: PLR2004 - the frames' fixed places

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from functools import reduce
from operator import xor
from typing import Protocol

from firmware_bridge.codec.crc import x25
from firmware_bridge.driver.telegram import (
    ChecksumError,
    Telegram,
    TelegramError,
    TelegramSyntaxError,
)
from firmware_bridge.mbus.wireless.radio_frame import (
    RadioFrame,
    RadioSplitter,
    parse_a,
    parse_b,
    parse_stripped,
    size_a,
)

LINE_MAX = 2048
_RADIO_LINK, _RECEIVED = 0x02, 0x03
_TIME, _RSSI, _CRC = 0x20, 0x40, 0x80
_HEX = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2}){12,320})")
_RTL_MODES = re.compile(r"[CTS]\d\Z")


class Framing(StrEnum):
    """How a receiver packs frames."""

    FRAMES = "frames"
    STRIPPED = "stripped"
    AMBER = "amber"
    IMST = "imst"
    LINES = "lines"


class Splitter(Protocol):
    """A receiver's bytes in, radio frames out. Bounded; never raises for what was received."""

    def feed(self, data: bytes) -> Iterator[RadioFrame | Telegram]:
        """The frames that these bytes complete, and refusals of those that do not hold."""
        ...

    def close(self) -> Iterator[RadioFrame | Telegram]:
        """What a receiver that has fallen silent still left; a fresh splitter goes on."""
        ...


def splitter(framing: Framing) -> Splitter:
    """A fresh splitter for a receiver's framing."""
    made: dict[Framing, Callable[[], Splitter]] = {
        Framing.FRAMES: RadioSplitter,
        Framing.STRIPPED: lambda: RadioSplitter(stripped=True),
        Framing.AMBER: lambda: _PackedSplitter(b"\xff", _amber),
        Framing.IMST: lambda: _PackedSplitter(b"\xa5", _imst),
        Framing.LINES: _LineSplitter,
    }
    return made[framing]()


_Found = tuple[RadioFrame | Telegram | None, int]


class _PackedSplitter:
    """Frames in an envelope that tells its own length."""

    def __init__(self, start: bytes, take: Callable[[bytes], _Found | None]) -> None:
        self._start = start
        self._take = take
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[RadioFrame | Telegram]:
        for at in range(0, len(data), 4096):
            self._buffer += data[at : at + 4096]
            yield from self._drain()

    def close(self) -> Iterator[RadioFrame | Telegram]:
        # An envelope that is not whole by now never will be; another may begin inside it.
        while self._buffer:
            del self._buffer[0]
            yield from self._drain()

    def _drain(self) -> Iterator[RadioFrame | Telegram]:
        data, at = bytes(self._buffer), 0
        while (begin := data.find(self._start, at)) >= 0:
            at = begin
            taken = self._take(data[at : at + 300])
            if taken is None:
                break
            found, size = taken
            at += size
            if found is not None:
                yield found
        del self._buffer[: at if begin >= 0 else len(data)]


def _amber(data: bytes) -> _Found | None:
    """One command of an AMB8465; None to wait for more bytes, without frame for noise."""
    if data[0] != 0xFF:
        return None, 1
    if len(data) < 3:
        return None if data[1:] in (b"", b"\x03") else (None, 1)
    if data[1] != _RECEIVED:
        return None, 1
    end = 3 + data[2]
    for size in (end + 1, end + 2):  # the RSSI stands before the check where it is switched on
        if len(data) < size:
            return None
        if reduce(xor, data[: size - 1], 0) == data[size - 1]:
            return _bare(data[3:end]), size
    message = "The checksum of the receiver's message does not match."
    return Telegram.refused(data[:end], ChecksumError(message)), 1


def _imst(data: bytes) -> _Found | None:
    """One message of an iM871A; None to wait for more bytes, without frame for noise."""
    if data[0] != 0xA5:
        return None, 1
    if len(data) < 4:
        return None
    if data[1] & 0x0F != _RADIO_LINK or data[2] != _RECEIVED:
        return None, 1
    end = 4 + data[3]
    tail = 4 * bool(data[1] & _TIME) + bool(data[1] & _RSSI)
    size = end + tail + 2 * bool(data[1] & _CRC)
    if len(data) < size:
        return None
    crc = data[end + tail : size]
    if crc and x25(data[1 : end + tail]) != int.from_bytes(crc, "little"):
        message = "The CRC of the receiver's message does not match."
        return Telegram.refused(data[:size], ChecksumError(message)), 1
    # Without its own CRC nothing vouches for the way from the receiver to here.
    return _bare(data[4:end], checked=bool(crc)), size


def _bare(body: bytes, *, checked: bool = True) -> RadioFrame | Telegram:
    """A frame that came without its length."""
    raw = bytes([len(body) & 0xFF]) + body
    try:
        return replace(parse_stripped(raw), checked=checked)
    except TelegramError as error:
        return Telegram.refused(raw, error)


class _LineSplitter:
    """Frames as text."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._lost = False

    def feed(self, data: bytes) -> Iterator[RadioFrame | Telegram]:
        self._held += data
        *lines, rest = bytes(self._held).replace(b"\r", b"\n").split(b"\n")
        self._held[:] = rest
        for line in lines:
            if not self._lost and (found := parse_line(line.decode("latin-1").strip())):
                yield found
            self._lost = False
        if len(self._held) > LINE_MAX:
            self._held.clear()
            self._lost = True

    def close(self) -> Iterator[RadioFrame | Telegram]:
        yield from self.feed(b"\n")


def parse_line(line: str) -> RadioFrame | Telegram | None:
    """The frame in a line of text; None for a line that holds none, such as a program's notes."""
    if line.startswith("{"):
        return _rtl_433(line)
    if ";" in line:
        fields = line.rstrip(";").split(";")
        known = _RTL_MODES.match(fields[0]) is not None and len(fields) > 2
        return _text(fields[-1], trusted=not known or fields[1] == "1")
    if line[:2] in ("bY", "by"):
        return _text(line[2:], parse_b)
    return _text(line[1:], parse_a) if line[:1] == "b" else _text(line)


def _rtl_433(line: str) -> RadioFrame | Telegram | None:
    with suppress(ValueError, RecursionError):
        fields = json.loads(line)
        if isinstance(fields, dict) and isinstance(fields.get("data"), str):
            return _text(fields["data"], trusted=fields.get("mic") == "CRC")
    return None


def _text(
    digits: str, parse: Callable[[bytes], RadioFrame] | None = None, *, trusted: bool = False
) -> RadioFrame | Telegram | None:
    match = _HEX.fullmatch(digits.strip())
    if match is None:
        return None
    raw = bytes.fromhex(match[1])
    # A CUL appends quality and RSSI where it is told to.
    sizes: dict[Callable[[bytes], RadioFrame], int] = {
        parse_a: size_a(raw[0]),
        parse_b: raw[0] + 1,
    }
    try:
        if parse is not None:
            extra = len(raw) - sizes[parse]
            return parse(raw[: sizes[parse]] if extra in (1, 2) else raw)
        for form, size in sizes.items():
            if len(raw) == size:
                with suppress(ChecksumError, TelegramSyntaxError):
                    return form(raw)
        return replace(parse_stripped(raw), checked=trusted)
    except TelegramError as error:
        return Telegram.refused(raw, error)
