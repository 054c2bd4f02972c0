"""The unit in which people read a quantity: one table for pages, invoices and commands.

Meters count in small units, people read and pay in large ones: kWh for Wh, m3 for L. What is not in
the table is read as it is counted. Only the point moves, so every digit is kept; machines (the API,
exports, JSON) get the meter's own unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from firmware_bridge.contract.quantity import Quantity, Unit


@dataclass(frozen=True, slots=True)
class DisplayUnit:
    """How a unit is read.

    Args:
        name: What stands behind the number.
        places: How many places its point moves to the left.
    """

    name: str
    places: int = 0

    def decimal(self, mantissa: int, exponent: int) -> Decimal:
        """The exact value of `mantissa * 10 ** exponent` of the meter's unit, in this one."""
        return Decimal(mantissa).scaleb(exponent - self.places)


DISPLAY_UNITS: Final = {
    Unit.WATT_HOUR: DisplayUnit("kWh", 3),
    Unit.VAR_HOUR: DisplayUnit("kvarh", 3),
    Unit.VOLT_AMPERE_HOUR: DisplayUnit("kVAh", 3),
    Unit.LITRE: DisplayUnit("m3", 3),
}


def display_unit(unit: Unit) -> DisplayUnit:
    """The unit that people read for one that meters count."""
    return DISPLAY_UNITS.get(unit) or DisplayUnit(unit.value)


def spelled(mantissa: int, exponent: int, unit: Unit) -> str:
    """A value with groups of three, all its digits, and the unit that people read."""
    shown = display_unit(unit)
    return f"{shown.decimal(mantissa, exponent):,f} {shown.name}"


def spelled_quantity(value: Quantity) -> str:
    """A reading as people read it."""
    return spelled(value.mantissa, value.exponent, value.unit)
