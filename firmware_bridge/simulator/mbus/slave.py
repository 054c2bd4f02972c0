"""Virtual M-Bus slaves on one bus, asked by primary or secondary address."""
# ruff: noqa: PLR2004 - the frames' fixed places

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, ACTIVE_POWER_IMPORT
from firmware_bridge.simulator.display import LOCAL, MAKER, eight_digits, instant, number
from firmware_bridge.simulator.mbus.encoding import (
    device,
    fixed_header,
    long_frame,
    long_header,
    type_i,
)
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.polled import ReplyPart

ELECTRICITY = 0x02
VERSION = 1
_ACKNOWLEDGE = b"\xe5"
_SHORT, _LONG = 0x10, 0x68
_MASTER_MAX = 300
_SELECTED, _TEST = 0xFD, 0xFE
_RESET = 0x40
_FIXED_UNIT_WH, _FIXED_HISTORIC = 0x02, 0x3E
_EIGHT_DIGITS = 10**8


class VirtualMbus:
    """Slaves on one bus, by primary address; an identification selects one or several too.

    Where several answer at once their answers lie over each other, as currents on a bus do.

    Args:
        meters: Primary address to meter.
        fixed: Whether they send the fixed data structure.
    """

    def __init__(self, meters: Mapping[int, VirtualMeter], *, fixed: bool = False) -> None:
        self._meters = dict(meters)
        self._fixed = fixed
        self._selected: frozenset[int] = frozenset()

    def __call__(self, held: bytes) -> tuple[tuple[ReplyPart, ...], int]:
        """The bus's answer to what the master sent."""
        if held[0] == _SHORT:
            return _replies(self._short(held[1], held[2]), 5) if len(held) >= 5 else ((), 0)
        if held[0] == _LONG:
            size = held[1] + 6 if len(held) > 1 else _MASTER_MAX
            return _replies(self._select(held[7:15]), size) if len(held) >= size else ((), 0)
        return (), 1

    def _short(self, control: int, address: int) -> bytes:
        if address == _SELECTED and control == _RESET:
            self._selected = frozenset()
            return b""
        answering = [self._answer(at, control, address) for at in self._asked(address)]
        return reduce(_together, answering, b"")

    def _asked(self, address: int) -> Iterable[int]:
        if address == _TEST:
            return self._meters
        if address == _SELECTED:
            return sorted(self._selected)
        return [address] if address in self._meters else []

    def _answer(self, at: int, control: int, address: int) -> bytes:
        meter = self._meters[at]
        if meter.faults.silent:
            return b""
        if control == _RESET:
            raw = _ACKNOWLEDGE
        else:
            raw = fixed_frame(meter, at) if self._fixed else mbus_frame(meter, at)
        del address
        return meter.faults.tamper(raw) if meter.faults.tamper else raw

    def _select(self, pattern: bytes) -> bytes:
        self._selected = frozenset(
            at
            for at, meter in self._meters.items()
            if not meter.faults.silent and _matches(pattern, identification(meter))
        )
        return _ACKNOWLEDGE if self._selected else b""


def _replies(data: bytes, used: int) -> tuple[tuple[ReplyPart, ...], int]:
    return ((ReplyPart(data),) if data else ()), used


def _together(one: bytes, other: bytes) -> bytes:
    """What a master receives of two slaves at once: a space of either wins."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    mixed = bytes(a & b for a, b in zip(longer, shorter, strict=False))
    return mixed + longer[len(shorter) :]


def _matches(pattern: bytes, named: bytes) -> bool:
    """Whether a slave is meant: F in a digit, and FF elsewhere, stand for any."""
    wanted, own = pattern[3::-1].hex(), named[3::-1].hex()
    digits = all(asked in ("f", digit) for asked, digit in zip(wanted, own, strict=True))
    maker = pattern[4:6] in (b"\xff\xff", named[4:6])
    return (
        digits
        and maker
        and all(
            asked in (0xFF, value) for asked, value in zip(pattern[6:8], named[6:8], strict=True)
        )
    )


def identification(meter: VirtualMeter) -> bytes:
    """Number, maker, version and medium of the device that hangs there now."""
    return device(eight_digits(meter, meter.clock()), MAKER, VERSION, ELECTRICITY)


def records(meter: VirtualMeter, at: datetime) -> bytes:
    """Import and export in Wh, power in W, and the meter's time."""
    energy = meter.register_wh(ACTIVE_IMPORT, at).to_bytes(8, "little")
    fed = meter.register_wh(ACTIVE_EXPORT, at).to_bytes(8, "little")
    power = number(meter, ACTIVE_POWER_IMPORT, at).to_bytes(4, "little", signed=True)
    time = type_i(at.astimezone(LOCAL))
    return b"\x07\x03" + energy + b"\x07\x83\x3c" + fed + b"\x04\x2b" + power + b"\x06\x6d" + time


def mbus_frame(meter: VirtualMeter, address: int) -> bytes:
    """What a slave answers in the variable data structure."""
    user = long_header(identification(meter), 1, 0, records(meter, instant(meter)))
    return long_frame(user, address)


def fixed_frame(meter: VirtualMeter, address: int) -> bytes:
    """What a slave answers in the fixed data structure: import now, and at its due date.

    Its registers have eight digits of Wh; the due date is the beginning of its load.
    """
    at = instant(meter)
    since = min(counter.start for counter in meter.counters.values())
    counters = [
        f"{meter.register_wh(ACTIVE_IMPORT, when) % _EIGHT_DIGITS:08d}" for when in (at, since)
    ]
    head = fixed_header(
        eight_digits(meter, at), 1, 0, (_FIXED_UNIT_WH, _FIXED_HISTORIC), ELECTRICITY
    )
    return long_frame(head + b"".join(bytes.fromhex(text)[::-1] for text in counters), address)
