"""The notifications that a virtual DLMS meter pushes, plain or ciphered, on any link."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.simulator.display import ENERGIES, MAKER, instant, numbers
from firmware_bridge.simulator.dlms import encoding as dlms_encoding
from firmware_bridge.simulator.mbus.encoding import long_frame
from firmware_bridge.simulator.meter import VirtualMeter

SEGMENT = 120
_WATT, _WATT_HOUR = 27, 30
_UINT32 = 0xFFFFFFFF
_SEND, _EVERYONE = 0x53, 0xFF
_SEGMENTS_MAX = 16


class DlmsLink(StrEnum):
    """What carries the notification."""

    HDLC = "hdlc"
    WRAPPER = "wrapper"
    MBUS = "mbus"


@dataclass(frozen=True, slots=True)
class Cipher:
    """Keys of a virtual DLMS meter that encrypts.

    Args:
        key: Global unicast key.
        authentication: Authentication key.
    """

    key: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


def title(meter: VirtualMeter) -> bytes:
    """The system title: maker, and the end of the number."""
    serial = meter.serial_at(meter.clock())
    return MAKER.encode() + serial.encode()[-5:].rjust(5, b"\x00")


def dlms_push(
    meter: VirtualMeter,
    cipher: Cipher | None = None,
    link: DlmsLink = DlmsLink.HDLC,
    segment: int = SEGMENT,
    block: int = 0,
) -> bytes:
    """A data notification with registers in Wh and W.

    Args:
        meter: What it shows.
        cipher: With these keys in general-glo-ciphering.
        link: What carries it.
        segment: Bytes of information in an HDLC or M-Bus frame, so that long ones are segmented.
        block: Bytes of a general block transfer's blocks; 0 for none.
    """
    at = instant(meter)
    registers = [
        dlms_encoding.Register(
            code.code, number & _UINT32, 0, _WATT_HOUR if code in ENERGIES else _WATT
        )
        for code, number in numbers(meter, at).items()
    ]
    apdu = dlms_encoding.notification(at, meter.serial_at(at), registers, MAKER)
    if cipher is not None:
        counter = int(at.timestamp()) & _UINT32
        apdu = dlms_encoding.cipher(apdu, title(meter), counter, cipher.key, cipher.authentication)
    parts = dlms_encoding.blocks(apdu, block) if block else [apdu]
    return b"".join(_carried(part, link, segment) for part in parts)


def _carried(apdu: bytes, link: DlmsLink, segment: int) -> bytes:
    if link is DlmsLink.WRAPPER:
        return dlms_encoding.wrapper(apdu)
    if link is DlmsLink.HDLC:
        return dlms_encoding.hdlc(apdu, segment)
    segment = max(segment, -(-len(apdu) // _SEGMENTS_MAX))
    parts = [apdu[at : at + segment] for at in range(0, len(apdu), segment)]
    # The CI field numbers the segments and marks the last; two access points follow it.
    return b"".join(
        long_frame(
            bytes([place | 0x10 * (place == len(parts) - 1), 0x01, 0x67]) + part, _EVERYONE, _SEND
        )
        for place, part in enumerate(parts)
    )
