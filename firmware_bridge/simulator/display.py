"""What a virtual meter puts into a telegram: its registers at a whole second of its clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    ACTIVE_POWER_EXPORT,
    ACTIVE_POWER_IMPORT,
    Obis,
)
from firmware_bridge.driver.local_clock import DEFAULT_ZONE
from firmware_bridge.simulator.meter import ACTIVE_POWER, VirtualMeter

MAKER = "MTL"
ENERGIES = (ACTIVE_IMPORT, ACTIVE_EXPORT)
POWERS = (ACTIVE_POWER_IMPORT, ACTIVE_POWER_EXPORT)
# Wall clocks of virtual meters, where their telegrams carry no offset.
LOCAL = ZoneInfo(DEFAULT_ZONE)


def instant(meter: VirtualMeter) -> datetime:
    """The second that a telegram names, so that its values are exactly those of its time."""
    return meter.clock().replace(microsecond=0)


def numbers(meter: VirtualMeter, at: datetime) -> dict[Obis, int]:
    """Both energies in Wh, both powers in W."""
    return {code: number(meter, code, at) for code in ENERGIES + POWERS}


def signed_power(meter: VirtualMeter, at: datetime) -> int:
    """Import less export, in W."""
    return number(meter, ACTIVE_POWER, at)


def number(meter: VirtualMeter, code: Obis, at: datetime) -> int:
    """A whole number in its base unit."""
    shown = meter.show(code, at)
    return int(shown.mantissa * 10**shown.exponent)


def eight_digits(meter: VirtualMeter, at: datetime) -> str:
    """The plate as M-Bus has it."""
    return meter.serial_at(at).rjust(8, "0")[-8:]
