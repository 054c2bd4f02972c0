"""A meter at a service point, from..to, with its multiplier and reads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from central.domain.metering.errors import InstallationError, MultiplierError
from firmware_bridge.contract.obis import Obis

_RATIO = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+|/0*[1-9][0-9]*)?")
_SHIFT_MAX = 18


@dataclass(frozen=True, slots=True)
class Multiplier:
    """What a secondary register is multiplied by: CT ratio x PT ratio x register constant.

    Kept as `factor x 10 ** exponent`, so that usage stays an integer.

    Args:
        ratio: Positive; a finite decimal.

    Raises:
        MultiplierError: It is not positive, or needs endless decimals (such as 1/3).
    """

    ratio: Fraction = Fraction(1)
    factor: int = field(init=False)
    exponent: int = field(init=False)

    def __post_init__(self) -> None:
        if self.ratio <= 0:
            message = f"A multiplier of {self.ratio} is not positive."
            raise MultiplierError(message, value=self.ratio)
        shift = 0
        while (self.ratio * 10**shift).denominator != 1:
            shift += 1
            if shift > _SHIFT_MAX:
                message = f"A multiplier of {self.ratio} is not a finite decimal."
                raise MultiplierError(
                    message,
                    value=self.ratio,
                    remedy="Write the nameplate's ratio, such as 400/5, or the register constant.",
                )
        object.__setattr__(self, "factor", int(self.ratio * 10**shift))
        object.__setattr__(self, "exponent", -shift)

    @classmethod
    def parse(cls, text: str) -> Multiplier:
        """Read `80`, `0.5`, `400/5` or `400/5 x 11000/110`.

        Raises:
            MultiplierError: The text is not a positive ratio.
        """
        product = Fraction(1)
        for part in text.replace("*", "x").split("x"):
            ratio = _RATIO.fullmatch(part.replace(" ", ""))
            if ratio is None:
                message = f"{text!r} is not a multiplier such as 80 or 400/5."
                raise MultiplierError(message, value=text)
            product *= Fraction(ratio[0])
        return cls(product)

    def __str__(self) -> str:
        return str(self.ratio)


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """What is known of one register of an installed meter.

    Args:
        modulus: What it counts to before it starts again at 0, in the channel's unit:
            10^digits x resolution, or 2^32 x resolution. None where it is not known.
        opening: What it showed when the meter went in, if somebody wrote that down.
        closing: What it showed when the meter came out.
    """

    modulus: Decimal | None = None
    opening: Decimal | None = None
    closing: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """One meter at one service point.

    Args:
        meter: Manufacturer and serial, for findings.
        start: When it went in. Aware.
        end: When it came out, excluded; None while it is there. Aware.
        multiplier: For its registers and intervals.
        registers: By OBIS code; a register that is not named has no facts.

    Raises:
        InstallationError: It ends before it starts, or has closing reads and no end.
    """

    meter: str
    start: datetime
    end: datetime | None = None
    multiplier: Multiplier = field(default_factory=Multiplier)
    registers: dict[Obis, RegisterFacts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            message = f"{self.meter} is removed at {self.end}, before it is installed."
            raise InstallationError(message, value=self.meter)
        if self.end is None and any(facts.closing is not None for facts in self.registers.values()):
            message = f"{self.meter} has a closing read but no end."
            raise InstallationError(message, value=self.meter)

    def facts(self, obis: Obis) -> RegisterFacts:
        """What is known of a register."""
        return self.registers.get(obis, RegisterFacts())
