"""M-Bus frames as devices send them, wired and by radio. Sources: EN 13757-2, -3, -4 and -7."""
# ruff: noqa: PLR2004 - the frames' fixed places

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC

from firmware_bridge.codec.crc import en13757
from firmware_bridge.mbus.application.security import (
    DERIVE_AUTHENTICATION,
    DERIVE_ENCRYPTION,
    cmac,
    derive,
)

RESPONSE = 0x08
_BLOCK = 16


def long_frame(user: bytes, address: int = 1, control: int = RESPONSE) -> bytes:
    """A long frame round CI field and data; a length above 255 overflows, as some meters' does."""
    body = bytes([control, address]) + user
    size = len(body) & 0xFF
    return bytes([0x68, size, size, 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


def short_frame(control: int, address: int) -> bytes:
    """A short frame, as a master's request."""
    return bytes([0x10, control, address, control + address & 0xFF, 0x16])


def device(serial: str, maker: str, version: int, medium: int) -> bytes:
    """Identification, manufacturer, version, medium: as the long header has them."""
    first, second, third = (ord(letter) - 64 for letter in maker)
    code = first << 10 | second << 5 | third
    number = bytes.fromhex(serial)[::-1]
    return number + code.to_bytes(2, "little") + bytes([version, medium])


def long_header(named: bytes, access: int, status: int, records: bytes) -> bytes:
    """CI 72, the device, and its records in the clear."""
    return b"\x72" + named + bytes([access, status, 0, 0]) + records


def fixed_header(
    serial: str, access: int, status: int, units: tuple[int, int], medium: int
) -> bytes:
    """CI 73 and what stands before the two counters. Source: EN 1434-3:1997, 5.3."""
    number = bytes.fromhex(serial)[::-1]
    coded = bytes([units[0] | (medium & 3) << 6, units[1] | (medium >> 2 & 3) << 6])
    return b"\x73" + number + bytes([access, status]) + coded


def type_i(wall: datetime) -> bytes:
    """Date and time to the second, local. Source: EN 13757-3:2018, annex A."""
    year = wall.year - 2000
    date = bytes([(year & 7) << 5 | wall.day, (year & 0x78) << 1 | wall.month])
    time = bytes([wall.second | 0x40 * bool(wall.dst()), wall.minute, wall.hour])
    return time + date + b"\x00"


def radio_frame(named: bytes, user: bytes, control: int = 0x44) -> bytes:
    """A radio frame without CRCs: length, control, manufacturer, address, layers above."""
    body = bytes([control]) + named[4:6] + named[:4] + named[6:8] + user
    return bytes([len(body)]) + body


def format_a(frame: bytes) -> bytes:
    """The frame with the CRCs of format A."""
    parts = [frame[:10], *(frame[at : at + _BLOCK] for at in range(10, len(frame), _BLOCK))]
    return b"".join(part + en13757(part).to_bytes(2, "big") for part in parts)


def format_b(frame: bytes) -> bytes:
    """The frame with the CRCs of format B, which its length counts."""
    count = 1 if len(frame) <= 126 else 2
    frame = bytes([len(frame) - 1 + 2 * count]) + frame[1:]
    parts = [part for part in (frame[:126], frame[126:]) if part]
    return b"".join(part + en13757(part).to_bytes(2, "big") for part in parts)


def mode_5(named: bytes, access: int, status: int, records: bytes, key: bytes) -> bytes:
    """CI 7A with records encrypted in mode 5."""
    plain = b"\x2f\x2f" + records
    plain += b"\x2f" * (-len(plain) % _BLOCK)
    vector = named[4:6] + named[:4] + named[6:8] + bytes([access]) * 8
    encryptor = Cipher(AES128(key), CBC(vector)).encryptor()
    text = encryptor.update(plain) + encryptor.finalize()
    word = 5 << 8 | len(plain) // _BLOCK << 4
    return b"\x7a" + bytes([access, status]) + word.to_bytes(2, "little") + text


def mode_7(  # noqa: PLR0913, PLR0917 - what the two layers need
    named: bytes, access: int, status: int, records: bytes, key: bytes, counter: int
) -> bytes:
    """Authentication layer, then CI 7A with records in mode 7. Source: OMS Volume 2, 9."""
    sender = named[4:6] + named[:4] + named[6:8]
    count = counter.to_bytes(4, "little")
    plain = b"\x2f\x2f" + records
    plain += b"\x2f" * (-len(plain) % _BLOCK)
    own = derive(DERIVE_ENCRYPTION, key, count, sender)
    encryptor = Cipher(AES128(own), CBC(bytes(_BLOCK))).encryptor()
    text = encryptor.update(plain) + encryptor.finalize()
    word = 7 << 8 | len(plain) // _BLOCK << 4
    user = b"\x7a" + bytes([access, status]) + word.to_bytes(2, "little") + b"\x10" + text
    # Message control: a counter and a code of eight bytes; nothing else of the layer is sent.
    control, mcl = (0x2C00).to_bytes(2, "little"), b"\x25"
    code = cmac(derive(DERIVE_AUTHENTICATION, key, count, sender), mcl + count + user)[:8]
    layer = control + mcl + count + code
    return b"\x90" + bytes([len(layer)]) + layer + user
