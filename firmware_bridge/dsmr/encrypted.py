"""Encrypted P1 telegrams: a P1 telegram inside a ciphered frame.

How it works: the port sends `DB 08 <system title> 82 <length> 30 <counter> <text> <tag>` and the
text is an ordinary telegram with its own CRC. The tag is AES-GCM's; where a country publishes the
authentication key (Luxembourg) it is known here and always checked.

Sources: Luxembourg P1 1.1.3, 3.2; Oesterreichs Energie P1 (Sagemcom T210-D); IEC 62056-5-3.
"""
# ruff: noqa: PLR2004 - the frame's fixed places

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from firmware_bridge.dlms.security import decrypt, parse_ciphered
from firmware_bridge.dsmr.frames import TELEGRAM_MAX, parse_telegram
from firmware_bridge.dsmr.values import observe
from firmware_bridge.telegram import (
    AuthenticationError,
    Keys,
    Telegram,
    TelegramError,
    TelegramTruncatedError,
)

# Printed in the Luxembourg specification; the same for every meter.
LUXEMBOURG_AUTHENTICATION_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
_START = b"\xdb\x08"
_FIXED = 2 + 8 + 3 + 5
_CHUNK = 4096


class EncryptedP1Scanner:
    """Bytes in, observed telegrams out.

    Args:
        keys: The meter's key; its authentication key where that is not Luxembourg's.
        zone: Zone of the meter's clock; None for the one that the content tells.
    """

    def __init__(self, keys: Keys, zone: str | None = None) -> None:
        self._keys = keys
        if keys.authentication is None:
            self._keys = replace(keys, authentication=LUXEMBOURG_AUTHENTICATION_KEY)
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
            if len(data) - at < _FIXED:
                break
            size = 2 + 8 + 3 + int.from_bytes(data[at + 11 : at + 13], "big")
            if data[at + 10] != 0x82 or not _FIXED <= size <= TELEGRAM_MAX:
                at += 1
                continue
            if len(data) - at < size:
                break
            outcome = self._read(data[at : at + size])
            yield outcome
            at += size if outcome.error is None else 1
        del self._buffer[:at]

    def _read(self, raw: bytes) -> Telegram:
        try:
            text = decrypt(parse_ciphered(raw), self._keys)
            if not text.startswith(b"/"):
                message = "The decrypted text is no telegram: the key is wrong."
                raise AuthenticationError(message)
            return Telegram(raw, observe(parse_telegram(text), self._zone))
        except TelegramError as error:
            return Telegram.refused(raw, error)
