"""The checksums of the metering protocols, table driven. Sources: EN 62056-46, DSMR P1, SML."""

from __future__ import annotations


def _reflected_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


_ARC = _reflected_table(0xA001)
_CCITT = _reflected_table(0x8408)
_EN13757_POLYNOMIAL = 0x3D65


def arc(data: bytes) -> int:
    """CRC-16/ARC: x16+x15+x2+1, reflected, start 0. DSMR P1."""
    value = 0
    for byte in data:
        value = value >> 8 ^ _ARC[(value ^ byte) & 0xFF]
    return value


def x25(data: bytes) -> int:
    """CRC-16/X-25: CCITT reflected, start and final exclusive-or FFFF. HDLC and SML."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CCITT[(value ^ byte) & 0xFF]
    return value ^ 0xFFFF


def kermit(data: bytes) -> int:
    """CRC-16/KERMIT: CCITT reflected, start 0. Sent by some SML meters."""
    value = 0
    for byte in data:
        value = value >> 8 ^ _CCITT[(value ^ byte) & 0xFF]
    return value


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
