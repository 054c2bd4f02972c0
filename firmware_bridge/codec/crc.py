"""The checksums of the metering protocols, table driven. Sources: EN 62056-46, DSMR P1, SML."""

from __future__ import annotations

from binascii import crc_hqx


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_ARC = _reflected_table(0xA001)
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_EN13757_POLYNOMIAL = 0x3D65


def arc(data: bytes) -> int:
    """CRC-16/ARC: x16+x15+x2+1, reflected, start 0. DSMR P1."""
    value = 0
    for byte in data:
        value = value >> 8 ^ _ARC[(value ^ byte) & 0xFF]
    return value


def x25(data: bytes) -> int:
    """CRC-16/X-25: CCITT reflected, start and final exclusive-or FFFF. HDLC and SML."""
    return _mirror(crc_hqx(data.translate(_MIRRORED), 0xFFFF)) ^ 0xFFFF


def kermit(data: bytes) -> int:
    """CRC-16/KERMIT: CCITT reflected, start 0. Sent by some SML meters."""
    return _mirror(crc_hqx(data.translate(_MIRRORED), 0))


def _mirror(value: int) -> int:
    # The standard library has the CCITT polynomial, but with the bits of bytes the other way round.
    return _MIRRORED[value & 0xFF] << 8 | _MIRRORED[value >> 8]


def _forward_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & 0x8000 else 0)) & 0xFFFF
        table.append(value)
    return tuple(table)


_EN13757 = _forward_table(_EN13757_POLYNOMIAL)


def en13757(data: bytes) -> int:
    """CRC-16/EN-13757: polynomial 3D65, start 0, final exclusive-or FFFF. Wireless M-Bus."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _EN13757[value >> 8 ^ byte]
    return value ^ 0xFFFF
