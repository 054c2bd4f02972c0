"""Radio telegrams of virtual meters, as a receiver hands them over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from functools import reduce
from operator import xor

from firmware_bridge.codec.crc import x25
from firmware_bridge.simulator.display import MAKER, eight_digits, instant
from firmware_bridge.simulator.mbus import encoding as mbus_encoding
from firmware_bridge.simulator.mbus.slave import identification, records
from firmware_bridge.simulator.meter import VirtualMeter


class Packing(StrEnum):
    """How the receiver packs frames; several of them are one framing to the driver."""

    FRAMES = "frames"
    FRAMES_B = "frames-b"
    STRIPPED = "stripped"
    AMBER = "amber"
    IMST = "imst"
    CUL = "cul"
    CUL_B = "cul-b"
    RTL_WMBUS = "rtl_wmbus"
    RTL_433 = "rtl_433"


class SecurityMode(StrEnum):
    """How the meters encrypt."""

    NONE = "none"
    MODE_5 = "5"
    MODE_7 = "7"


@dataclass(frozen=True, slots=True)
class Radio:
    """What virtual radio meters send.

    Args:
        packing: Of the receiver.
        security: Of the meters.
        keys: A key for each serial number; a single one under the empty name is everyone's.
    """

    packing: Packing = Packing.FRAMES
    security: SecurityMode = SecurityMode.NONE
    keys: dict[str, bytes] = field(default_factory=dict, repr=False)

    def telegram(self, meter: VirtualMeter) -> bytes:
        """The present registers in one frame, packed."""
        return _PACKINGS[self.packing](radio_frame(meter, self.security, self.key(meter)), meter)

    def key(self, meter: VirtualMeter) -> bytes:
        """The meter's key; empty where there is none."""
        return self.keys.get(meter.serial, self.keys.get("", b""))


def radio_frame(meter: VirtualMeter, security: SecurityMode, key: bytes) -> bytes:
    """A frame without CRCs."""
    at = instant(meter)
    named, data = identification(meter), records(meter, at)
    count = int(at.timestamp())
    access = count & 0xFF
    if security is SecurityMode.MODE_5:
        user = mbus_encoding.mode_5(named, access, 0, data, key)
    elif security is SecurityMode.MODE_7:
        user = mbus_encoding.mode_7(named, access, 0, data, key, count)
    else:
        user = b"\x7a" + bytes([access, 0, 0, 0]) + data
    return mbus_encoding.radio_frame(named, user)


def _amber(frame: bytes, meter: VirtualMeter) -> bytes:
    del meter
    message = b"\xff\x03" + frame
    return message + bytes([reduce(xor, message)])


def _imst(frame: bytes, meter: VirtualMeter) -> bytes:
    del meter
    covered = b"\xc2\x03" + frame + b"\x50"  # RSSI and CRC are switched on
    return b"\xa5" + covered + x25(covered).to_bytes(2, "little")


def _rtl_wmbus(frame: bytes, meter: VirtualMeter) -> bytes:
    at = instant(meter).astimezone(UTC)
    serial = eight_digits(meter, at)
    return f"T1;1;1;{at:%Y-%m-%d %H:%M:%S}.000;63;69;{serial};0x{frame.hex()}\n".encode()


def _rtl_433(frame: bytes, meter: VirtualMeter) -> bytes:
    at = instant(meter).astimezone(UTC)
    line = {
        "time": f"{at:%Y-%m-%d %H:%M:%S}",
        "model": "Wireless-MBus",
        "mode": "T",
        "M": MAKER,
        "id": int(eight_digits(meter, at)),
        "mic": "CRC",
        "data": frame.hex(),
    }
    return json.dumps(line).encode() + b"\n"


_PACKINGS: dict[Packing, Callable[[bytes, VirtualMeter], bytes]] = {
    Packing.FRAMES: lambda frame, _: mbus_encoding.format_a(frame),
    Packing.FRAMES_B: lambda frame, _: mbus_encoding.format_b(frame),
    Packing.STRIPPED: lambda frame, _: frame,
    Packing.AMBER: _amber,
    Packing.IMST: _imst,
    Packing.CUL: lambda frame, _: b"b%s\r\n" % mbus_encoding.format_a(frame).hex().encode(),
    Packing.CUL_B: lambda frame, _: b"bY%s\r\n" % mbus_encoding.format_b(frame).hex().encode(),
    Packing.RTL_WMBUS: _rtl_wmbus,
    Packing.RTL_433: _rtl_433,
}
