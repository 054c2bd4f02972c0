"""Physical quantities: an integer mantissa, a decimal exponent, and a unit. Never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from enum import StrEnum

from firmware_bridge.contract.errors import InvalidValueError

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
EXPONENT_MIN = -30
EXPONENT_MAX = 30

# 19 digits and an exponent up to 30 need 49 digits when aligned; a trap says if that is ever wrong.
_EXACT = Context(prec=80, traps=[Inexact])


class Unit(StrEnum):
    """Units that meters report, as printed. Source: UCUM spellings where they are plain ASCII."""

    WATT_HOUR = "Wh"
    VAR_HOUR = "varh"
    VOLT_AMPERE_HOUR = "VAh"
    WATT = "W"
    VAR = "var"
    VOLT_AMPERE = "VA"
    VOLT = "V"
    AMPERE = "A"
    HERTZ = "Hz"
    LITRE = "L"
    LITRE_PER_HOUR = "L/h"
    JOULE = "J"
    CELSIUS = "degC"
    COUNT = "1"

    @property
    def wire_code(self) -> int:
        """The unit's number on the wire. Append-only: a number is never given to another unit."""
        return _WIRE_CODES[self]

    @classmethod
    def from_wire(cls, code: int) -> Unit:
        """The unit of a wire number.

        Raises:
            InvalidValueError: The number is not assigned.
        """
        try:
            return _BY_WIRE_CODE[code]
        except KeyError:
            message = f"The unit number {code} is not assigned."
            raise InvalidValueError(message, value=code) from None


_WIRE_CODES = {unit: number for number, unit in enumerate(Unit, start=1)}
_BY_WIRE_CODE = {number: unit for unit, number in _WIRE_CODES.items()}


@dataclass(frozen=True, slots=True)
class Quantity:
    """`mantissa * 10 ** exponent` in `unit`, exactly as the device showed it.

    Args:
        mantissa: Signed 64-bit integer.
        exponent: Decimal exponent, -30 .. 30.
        unit: The unit of the value.

    Raises:
        InvalidValueError: Mantissa or exponent is out of range.
    """

    mantissa: int
    exponent: int
    unit: Unit

    def __post_init__(self) -> None:
        if not INT64_MIN <= self.mantissa <= INT64_MAX:
            message = f"The mantissa {self.mantissa} does not fit into 64 bits."
            raise InvalidValueError(message, value=self.mantissa)
        if not EXPONENT_MIN <= self.exponent <= EXPONENT_MAX:
            message = f"The exponent {self.exponent} is outside {EXPONENT_MIN} .. {EXPONENT_MAX}."
            raise InvalidValueError(message, value=self.exponent)

    @classmethod
    def from_decimal(cls, value: Decimal, unit: Unit) -> Quantity:
        """The quantity that `value` spells, digits and exponent kept (1.50 stays 150e-2).

        Raises:
            InvalidValueError: `value` is not finite or does not fit.
        """
        sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            message = f"{value} is not a finite number."
            raise InvalidValueError(message, value=value)
        mantissa = int("".join(map(str, digits)) or "0")
        return cls(-mantissa if sign else mantissa, exponent, unit)

    def decimal(self) -> Decimal:
        """The exact value, in `unit`."""
        return Decimal(self.mantissa).scaleb(self.exponent, _EXACT)

    def at_exponent(self, exponent: int) -> int:
        """The mantissa this quantity has at another exponent.

        Raises:
            InvalidValueError: Digits would be lost.
        """
        shift = self.exponent - exponent
        if shift >= 0:
            return int(self.mantissa * 10**shift)
        mantissa, remainder = divmod(self.mantissa, 10**-shift)
        if remainder:
            message = f"{self} has digits below 10**{exponent}."
            raise InvalidValueError(message, value=self)
        return int(mantissa)

    def __str__(self) -> str:
        return f"{self.decimal():f} {self.unit}"
