"""P1 telegrams of each version, with a gas meter behind the port.

A third of the energy is counted on tariff 1 and the rest on tariff 2, so that their sum is exactly
the load's; Luxembourg sends totals. Sources: DSMR P1 2.2, 4.2 and 5.0.2; e-MUCS P1 1.7 (Belgium);
Luxembourg P1 1.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firmware_bridge.codec.crc import arc
from firmware_bridge.contract.interval import floor_boundary
from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    ACTIVE_POWER_EXPORT,
    ACTIVE_POWER_IMPORT,
    GAS_VOLUME,
)
from firmware_bridge.simulator.display import LOCAL, MAKER, instant, numbers
from firmware_bridge.simulator.meter import VirtualMeter

TARIFF_1_SHARE = 3


class P1Version(StrEnum):
    """What the port speaks."""

    V2_2 = "2.2"
    V4 = "4"
    V5 = "5"
    BELGIUM = "be"
    LUXEMBOURG = "lu"


@dataclass(frozen=True, slots=True)
class _Habits:
    """How a version differs.

    Args:
        head: The line that names it, if any.
        serial: The object of the meter's own number.
        gas_serial: The object of the gas meter's number.
        gas_value: The object of the gas value.
        gas_period_s: How often the gas meter reports. [s]
        totals: Whether it sends totals instead of tariffs.
    """

    head: str
    serial: str = "0-0:96.1.1"
    gas_serial: str = "0-1:96.1.0"
    gas_value: str = "0-1:24.2.1"
    gas_period_s: int = 300
    totals: bool = False


_HABITS = {
    P1Version.V2_2: _Habits("", gas_period_s=3600),
    P1Version.V4: _Habits("1-3:0.2.8(42)", gas_period_s=3600),
    P1Version.V5: _Habits("1-3:0.2.8(50)"),
    P1Version.BELGIUM: _Habits(
        "0-0:96.1.4(50217)", gas_serial="0-1:96.1.1", gas_value="0-1:24.2.3"
    ),
    P1Version.LUXEMBOURG: _Habits("1-3:0.2.8(42)", serial="0-0:42.0.0", totals=True),
}


def p1_telegram(
    meter: VirtualMeter,
    version: P1Version = P1Version.V5,
    gas: VirtualMeter | None = None,
) -> bytes:
    """A telegram with energies in Wh and powers in W; from version 4 on with its CRC.

    Args:
        meter: The port's own meter.
        version: What the port speaks.
        gas: Counts GAS_VOLUME in litres; reports at its own, earlier times.
    """
    at = instant(meter)
    habits = _HABITS[version]
    old = version is P1Version.V2_2
    lines = [rf"/{MAKER}5\2METERLINE-VIRTUAL" if old else f"/{MAKER}5METERLINE-VIRTUAL", ""]
    lines += [habits.head] if habits.head else []
    lines += [] if old else [f"0-0:1.0.0({_stamp(at)})"]
    lines.append(f"{habits.serial}({_hex(meter.serial_at(at))})")
    lines += _values(meter, at, version, habits)
    lines += [] if gas is None else _gas(gas, at, version, habits)
    covered = "\r\n".join(lines).encode() + b"\r\n!"
    return covered + (b"\r\n" if old else f"{arc(covered):04X}\r\n".encode())


def _values(meter: VirtualMeter, at: datetime, version: P1Version, habits: _Habits) -> list[str]:
    shown = numbers(meter, at)
    whole = 5 if version is P1Version.V2_2 else 6
    lines = []
    for letter, code in (("1", ACTIVE_IMPORT), ("2", ACTIVE_EXPORT)):
        total = shown[code]
        low = total // TARIFF_1_SHARE
        parts = {"0": total} if habits.totals else {"1": low, "2": total - low}
        lines += [
            f"1-0:{letter}.8.{tariff}({_thousandths(number, whole)}*kWh)"
            for tariff, number in parts.items()
        ]
    lines.append("0-0:96.14.0(0002)")
    for letter, code in (("1", ACTIVE_POWER_IMPORT), ("2", ACTIVE_POWER_EXPORT)):
        text = _thousandths(shown[code], 2)
        if version is P1Version.V2_2:
            text = _thousandths(shown[code], 4)[:-1]  # tens of watts
        lines.append(f"1-0:{letter}.7.0({text}*kW)")
    return lines


def _gas(gas: VirtualMeter, at: datetime, version: P1Version, habits: _Habits) -> list[str]:
    reported = floor_boundary(at, habits.gas_period_s)
    volume = _thousandths(gas.register_wh(GAS_VOLUME, reported), 5)
    serial = f"{habits.gas_serial}({_hex(gas_serial(gas))})"
    if version is P1Version.V2_2:
        wall = reported.astimezone(LOCAL)
        head = f"0-1:24.3.0({wall:%y%m%d%H%M%S})(00)(60)(1)(0-1:24.2.1)(m3)"
        return [serial, "0-1:24.1.0(03)", head, f"({volume})", "0-1:24.4.0(1)"]
    return [
        "0-1:24.1.0(003)",
        serial,
        f"{habits.gas_value}({_stamp(reported)})({volume}*m3)",
    ]


def gas_serial(gas: VirtualMeter) -> str:
    """The gas meter's number as DIN 43863-5 prints it."""
    return f"7{MAKER}{gas.serial.rjust(10, '0')[-10:]}"


def _stamp(at: datetime) -> str:
    local = at.astimezone(LOCAL)
    return f"{local:%y%m%d%H%M%S}{'S' if local.dst() else 'W'}"


def _hex(text: str) -> str:
    return text.encode().hex().upper()


def _thousandths(number: int, whole: int) -> str:
    return f"{number // 1000:0{whole}d}.{number % 1000:03d}"
