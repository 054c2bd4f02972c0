"""Encrypted P1 telegrams: a P1 telegram inside a ciphered frame.

How it works: the port sends `DB 08 <system title> 82 <length> 30 <counter> <text> <tag>` and the
text is an ordinary telegram with its own CRC. The tag is AES-GCM's; the authentication key that
Luxembourg publishes is tried where none is given. A meter with another one is read all the same,
unless a key was given and does not fit: the CRC inside then vouches for the text.

Sources: Luxembourg P1 1.1.3, 3.2; Oesterreichs Energie P1 (Sagemcom T210-D); IEC 62056-5-3.
"""
# ruff: noqa: PLR2004 - the frame's fixed places

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from firmware_bridge.dlms.security import Ciphered, decrypt, parse_ciphered
from firmware_bridge.driver.telegram import (
    AuthenticationError,
    Keys,
    Telegram,
    TelegramError,
    TelegramTruncatedError,
)
from firmware_bridge.iec62056_21.p1_frames import TELEGRAM_MAX, parse_telegram
from firmware_bridge.iec62056_21.p1_values import observed

# Printed in the Luxembourg specification; the same for every meter.
LUXEMBOURG_AUTHENTICATION_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
_START = b"\xdb\x08"
_LENGTH_AT = 2 + 8
_FIXED = _LENGTH_AT + 1 + 5
_CHUNK = 4096


class EncryptedP1Scanner:
    """Bytes in, observed telegrams out.

    Args:
        keys: The meter's key; its authentication key where that is not Luxembourg's.
        zone: Zone of the meter's clock; None for the one that the content tells.
    """

    def __init__(self, keys: Keys, zone: str | None = None) -> None:
        self._keys = keys
        self._zone = zone
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        for at in range(0, len(data), _CHUNK):
            self._buffer += data[at : at + _CHUNK]
            yield from self._drain()

    def close(self) -> Iterator[Telegram]:
        """A refusal of what an ended stream still holds."""
        if len(self._buffer) >= _FIXED and self._buffer.startswith(_START):
            message = "The stream ends within a telegram."
            yield Telegram.refused(self._buffer, TelegramTruncatedError(message))
        self._buffer.clear()

    def _drain(self) -> Iterator[Telegram]:
        data, at = bytes(self._buffer), 0
        while True:
            at = data.find(_START, at)
            if at < 0:
                at = len(data) - (data[-1:] == _START[:1])
                break
            size = _size(data[at : at + _LENGTH_AT + 3])
            if size is None:
                break
            if not _FIXED <= size <= TELEGRAM_MAX:
                at += 1
                continue
            if len(data) - at < size:
                sealed = self._sealed_within(data, at + 1)
                if sealed is None:
                    break
                outcome, at = sealed
                yield outcome
                continue
            outcome = self._read(data[at : at + size])
            yield outcome
            at += size if outcome.error is None else 1
        del self._buffer[:at]

    def _sealed_within(self, data: bytes, at: int) -> tuple[Telegram, int] | None:
        """The first whole telegram from a place on that its seal vouches for, and where it ends.

        Then what came before it was noise, whatever length it announced.
        """
        while (at := data.find(_START, at)) >= 0:
            size = _size(data[at : at + _LENGTH_AT + 3]) or 0
            if _FIXED <= size <= min(TELEGRAM_MAX, len(data) - at):
                outcome = self._read(data[at : at + size])
                if outcome.error is None:
                    return outcome, at + size
            at += 1
        return None

    def _read(self, raw: bytes) -> Telegram:
        try:
            text = self._text(parse_ciphered(raw))
            if not text.startswith(b"/"):
                message = "The decrypted text is not a telegram: the key is wrong."
                raise AuthenticationError(message)
            return observed(parse_telegram(text), self._zone, raw)
        except TelegramError as error:
            return Telegram.refused(raw, error)

    def _text(self, apdu: Ciphered) -> bytes:
        if self._keys.authentication is not None:
            return decrypt(apdu, self._keys)
        try:
            return decrypt(apdu, replace(self._keys, authentication=LUXEMBOURG_AUTHENTICATION_KEY))
        except AuthenticationError:
            text = decrypt(apdu, self._keys)
            _check_inside(text)
            return text


def _size(head: bytes) -> int | None:
    """Bytes of the frame by its length in BER form; None to wait, 0 where it is none."""
    first = head[_LENGTH_AT] if len(head) > _LENGTH_AT else None
    if first is None:
        return None
    if first < 0x80:
        return _LENGTH_AT + 1 + first
    more = first & 0x7F
    if more not in (1, 2):
        return 0
    length = head[_LENGTH_AT + 1 : _LENGTH_AT + 1 + more]
    return None if len(length) < more else _LENGTH_AT + 1 + more + int.from_bytes(length, "big")


def _check_inside(text: bytes) -> None:
    """Nothing but its own CRC vouches for a text whose tag could not be checked."""
    try:
        checked = parse_telegram(text).crc_checked
    except TelegramError:
        checked = False
    if not checked:
        message = "The tag does not match, and the decrypted text is not a telegram with a CRC."
        raise AuthenticationError(
            message, remedy="Set `auth_key` to the meter's authentication key."
        )
