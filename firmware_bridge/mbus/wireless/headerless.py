"""Recordings of radio frames whose receiver checked their CRCs and kept them back.

How it works: nothing in such a frame vouches for its bytes, so only a recording as a whole tells
what it is: frame after frame from the first byte to the last, each of a meter that can be, none
with a CRC. A frame of format B with one flipped bit looks the same; the CRC's remainder says which
bit it would be, and where the frame makes sense with that bit mended it is that damaged one.

Source: EN 13757-4:2019, 12.
"""

from __future__ import annotations

from collections.abc import Iterator

from firmware_bridge.codec.crc import en13757
from firmware_bridge.driver.telegram import Keys, Telegram, TelegramError
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.application.telegram import parse_application
from firmware_bridge.mbus.wireless.radio_frame import (
    APPLICATIONS,
    RadioFrame,
    parse_b,
    parse_stripped,
    unwrap,
)
from firmware_bridge.mbus.wireless.scanner import observe_radio

RECORDING_MAX = 4_194_304
_HEAD = 10
_B_FIRST = 128
_POLYNOMIAL = 0x13D65


class HeaderlessScanner:
    """A whole recording in; its telegrams out where it holds bare frames and nothing else.

    Args:
        keys: Where meters encrypt.
        zone: Zone of the meters' clocks; None for central Europe.
    """

    def __init__(self, keys: Keys | None = None, zone: str | None = None) -> None:
        self._keys = keys
        self._zone = zone
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """Nothing yet: only the end of the recording tells."""
        if len(self._held) <= RECORDING_MAX:
            self._held += data
        yield from ()

    def close(self) -> Iterator[Telegram]:
        """The telegrams, or nothing where this is no recording of bare frames."""
        data = bytes(self._held)
        self._held.clear()
        frames = headerless_frames(data) if len(data) <= RECORDING_MAX else ()
        formats = Formats() if frames else None
        for frame in frames:
            yield observe_radio(frame, self._keys, self._zone, formats, whole=True)


def headerless_frames(data: bytes) -> tuple[RadioFrame, ...]:
    """The frames of a recording that holds bare frames only, else none."""
    frames, at = [], 0
    while at < len(data):
        raw = data[at : at + data[at] + 1]
        frame = _bare(raw)
        if frame is None:
            return ()
        frames.append(frame)
        at += len(raw)
    return tuple(frames)


def _bare(raw: bytes) -> RadioFrame | None:
    try:
        frame = parse_stripped(raw)
    except TelegramError:
        return None
    code = frame.user[:1]
    named = frame.address.manufacturer.isalpha() and frame.address.serial.isdecimal()
    named = named and code in APPLICATIONS
    checked = _holds(raw, 0, _HEAD) or _holds(raw, 0, min(len(raw), _B_FIRST) - 2)
    if not named or checked or _sound_when_mended(raw):
        return None
    if len(raw) > _B_FIRST and _holds(raw, _B_FIRST, len(raw) - 2):
        return None
    return frame


def _holds(raw: bytes, start: int, end: int) -> bool:
    return en13757(raw[start:end]) == int.from_bytes(raw[end : end + 2], "big")


def _sound_when_mended(raw: bytes) -> bool:
    """Whether this is a frame of format B in which one bit was flipped."""
    if len(raw) > _B_FIRST:
        return False  # one of its two CRCs would still hold
    mended = bytearray(raw)
    place = _flipped(en13757(raw[:-2]) ^ int.from_bytes(raw[-2:], "big"), 8 * len(raw))
    if place is None:
        return False
    mended[-1 - place // 8] ^= 1 << place % 8
    try:
        inner = unwrap(parse_b(bytes(mended)), None)
        if not inner.sealed:
            parse_application(inner.user, inner.security, inner.address)
    except TelegramError:
        return False
    return True


def _flipped(remainder: int, bits: int) -> int | None:
    """The bit, counted from the end, whose flip leaves this remainder."""
    power = 1
    for place in range(bits):
        if power == remainder:
            return place
        power <<= 1
        power ^= _POLYNOMIAL if power & 0x10000 else 0
    return None
