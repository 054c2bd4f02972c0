"""DLMS pushes as meters send them. Sources: IEC 62056-46, IEC 62056-5-3, IEC 61334-6."""
# ruff: noqa: PLR2004 - tags and sizes of the standard

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from firmware_bridge.codec.crc import x25

LINK_HEADER = b"\xe6\xe7\x00"
ENCRYPTED, AUTHENTICATED_ENCRYPTED = 0x20, 0x30


@dataclass(frozen=True, slots=True)
class Register:
    """One entry of a list: code, number, scaler, unit.

    Args:
        code: OBIS code, six bytes.
        number: As a double-long-unsigned.
        scaler: Power of ten.
        unit: Number of the unit table.
    """

    code: bytes
    number: int
    scaler: int
    unit: int

    def encode(self) -> bytes:
        """The entry as a structure of three."""
        scale = b"\x02\x02\x0f" + self.scaler.to_bytes(1, "big", signed=True)
        value = b"\x06" + self.number.to_bytes(4, "big")
        return b"\x02\x03" + octets(self.code) + value + scale + b"\x16" + bytes([self.unit])


def _named(code: str, text: str) -> bytes:
    return b"\x02\x02" + octets(bytes.fromhex(code)) + octets(text.encode())


def octets(value: bytes) -> bytes:
    """An octet string with tag and length."""
    return b"\x09" + length(len(value)) + value


def length(size: int) -> bytes:
    """A length in BER form."""
    if size < 0x80:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw


def date_time(at: datetime) -> bytes:
    """Twelve bytes in UTC, deviation 0."""
    at = at.astimezone(UTC)
    day = bytes([at.month, at.day, at.isoweekday(), at.hour, at.minute, at.second, 0])
    return at.year.to_bytes(2, "big") + day + b"\x00\x00\x00"


def notification(
    at: datetime, serial: str, registers: Sequence[Register], maker: str = ""
) -> bytes:
    """A data notification whose list names its meter and holds registers.

    Args:
        at: When.
        serial: The device's number.
        registers: In order.
        maker: Three letters; with them the list also has the logical device name.
    """
    members = [_named("0000600100FF", serial)]
    members += [_named("00002A0000FF", maker + serial)] if maker else []
    members += [register.encode() for register in registers]
    body = b"\x02" + length(len(members)) + b"".join(members)
    return b"\x0f\x00\x00\x00\x01" + b"\x0c" + date_time(at) + body


def cipher(
    apdu: bytes, title: bytes, counter: int, key: bytes, authentication: bytes | None
) -> bytes:
    """The APDU in general-glo-ciphering, encrypted, and authenticated where there is a key."""
    count = counter.to_bytes(4, "big")
    control = bytes([ENCRYPTED if authentication is None else AUTHENTICATED_ENCRYPTED])
    encryptor = Cipher(AES(key), GCM(title + count)).encryptor()
    encryptor.authenticate_additional_data(control + (authentication or b""))
    text = encryptor.update(apdu) + encryptor.finalize()
    if authentication is not None:
        text += encryptor.tag[:12]
    body = control + count + text
    return b"\xdb" + bytes([len(title)]) + title + length(len(body)) + body


def hdlc(apdu: bytes, segment: int = 1024) -> bytes:
    """The APDU in HDLC frames of at most `segment` bytes of information."""
    data = LINK_HEADER + apdu
    parts = [data[at : at + segment] for at in range(0, len(data), segment)]
    return b"".join(_frame(part, last=part is parts[-1]) for part in parts)


def _frame(information: bytes, *, last: bool) -> bytes:
    size = 2 + 3 + 2 + len(information) + 2
    head = (0xA000 | (0 if last else 0x0800) | size).to_bytes(2, "big") + b"\x41\x03\x13"
    head += x25(head).to_bytes(2, "little")
    body = head + information
    return b"\x7e" + body + x25(body).to_bytes(2, "little") + b"\x7e"


def blocks(apdu: bytes, size: int) -> list[bytes]:
    """The APDU in blocks of a general block transfer."""
    parts = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    return [
        b"\xe0"
        + bytes([0x80 if part is parts[-1] else 0x40])
        + number.to_bytes(2, "big")
        + b"\x00\x00"
        + length(len(part))
        + part
        for number, part in enumerate(parts, start=1)
    ]


def wrapper(apdu: bytes) -> bytes:
    """The APDU in a wrapper packet."""
    return b"\x00\x01\x00\x01\x00\x66" + len(apdu).to_bytes(2, "big") + apdu
