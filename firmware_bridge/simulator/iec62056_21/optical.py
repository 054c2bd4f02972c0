"""A virtual meter with an optical head: IEC 62056-21 in modes A, B and C, and what D pushes."""

from __future__ import annotations

import re

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.iec62056_21.driver import FIRST_BAUDRATE, MODE_B, MODE_C
from firmware_bridge.simulator.display import ENERGIES, LOCAL, MAKER, instant
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.polled import ReplyPart

_SETTLE_S = 0.05


class VirtualOpticalHead:
    """A meter that answers a request, and changes its speed as its mode says.

    Args:
        meter: What it shows.
        speed: The identification's third place: a digit in mode C, a letter in mode B, else A.
        reaction_s: What it waits before it speaks at another speed; 0 on TCP, where none is. [s]
    """

    _REQUEST = re.compile(rb"/\?([^!\r\n]*)!\r\n")
    _CHOICE = re.compile(rb"\x060([0-6])0\r\n")

    def __init__(self, meter: VirtualMeter, speed: str = "5", reaction_s: float = 0.0) -> None:
        self._meter = meter
        self._speed = speed
        self._reaction_s = reaction_s

    def __call__(self, held: bytes) -> tuple[tuple[ReplyPart, ...], int]:
        """The meter's answer to what the reader sent."""
        seven = bytes(byte & 0x7F for byte in held)
        if self._meter.faults.silent:
            return (), len(held)
        request = self._REQUEST.search(seven)
        if request is not None:
            return self._identify(request[1].decode("ascii")), request.end()
        choice = self._CHOICE.search(seven)
        if choice is None:
            return (), 0
        return self._block(MODE_C[choice[1].decode("ascii")]), choice.end()

    def _identify(self, asked: str) -> tuple[ReplyPart, ...]:
        serial = self._meter.serial_at(self._meter.clock())
        if asked.lstrip("0") not in ("", serial.lstrip("0")):
            return ()
        name = ReplyPart(f"/{MAKER}{self._speed}VIRTUAL\r\n".encode())
        if self._speed.isdigit():
            return (name,)
        return (name, *self._block(MODE_B.get(self._speed, FIRST_BAUDRATE)))

    def _block(self, baudrate: int) -> tuple[ReplyPart, ...]:
        raw = read_out(self._meter)
        tamper = self._meter.faults.tamper
        raw = tamper(raw) if tamper else raw
        if not self._reaction_s:
            return (ReplyPart(raw),)
        # What was sent has left the line by then; after the block it listens at its first speed.
        changed = ReplyPart(b"", _SETTLE_S, baudrate)
        return (
            changed,
            ReplyPart(raw, self._reaction_s),
            ReplyPart(b"", _SETTLE_S, FIRST_BAUDRATE),
        )


def read_out(meter: VirtualMeter) -> bytes:
    """The data block: number, clock, import, export, with its check character."""
    body = "\r\n".join([*_lines(meter), "!", ""]).encode() + b"\x03"
    check = 0
    for byte in body:
        check ^= byte
    return b"\x02" + body + bytes([check])


def mode_d(meter: VirtualMeter) -> bytes:
    """What a mode D meter pushes: full codes, no clock and no checksum."""
    at = instant(meter)
    lines = [f"/{MAKER}5VIRTUAL-D", "", f"1-0:0.0.0*255({meter.serial_at(at)})"]
    lines += [f"{code}({_kwh(meter.register_wh(code, at))})" for code in ENERGIES]
    return "\r\n".join([*lines, "!", ""]).encode()


def _lines(meter: VirtualMeter) -> list[str]:
    at = instant(meter)
    wall = at.astimezone(LOCAL)
    return [
        f"0.0.0({meter.serial_at(at)})",
        f"0.9.1({wall:%H:%M:%S})",
        f"0.9.2({wall:%y-%m-%d})",
        f"1.8.0({_kwh(meter.register_wh(ACTIVE_IMPORT, at))})",
        f"2.8.0({_kwh(meter.register_wh(ACTIVE_EXPORT, at))})",
    ]


def _kwh(number: int) -> str:
    return f"{number // 1000:08d}.{number % 1000:03d}*kWh"
