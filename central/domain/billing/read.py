"""Opening and closing reads of a meter's registers, as an invoice prints them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class MeterRead:
    """Opening and closing read of one register of one meter.

    Args:
        serial: Of the meter.
        register: What it counts, as printed (`Import, 1.8.0`).
        unit: Of the reads.
        opening: Register value at `opened`.
        opened: Instant of the opening read. UTC.
        closing: Register value at `closed`.
        closed: Instant of the closing read. UTC.
        multiplier: From register to usage.
        usage: As validated: it differs from closing - opening where a rule or person says so.
        estimated: Whether part of the usage was estimated.
    """

    serial: str
    register: str
    unit: str
    opening: Decimal | None
    opened: datetime
    closing: Decimal | None
    closed: datetime
    usage: Decimal
    multiplier: Decimal = Decimal(1)
    estimated: bool = False

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; numbers as strings."""
        return {
            "serial": self.serial,
            "register": self.register,
            "unit": self.unit,
            "opening": None if self.opening is None else format(self.opening, "f"),
            "opened": self.opened.isoformat(),
            "closing": None if self.closing is None else format(self.closing, "f"),
            "closed": self.closed.isoformat(),
            "usage": format(self.usage, "f"),
            "multiplier": format(self.multiplier, "f"),
            "estimated": self.estimated,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> MeterRead:
        """The read that `to_json` wrote."""
        return cls(
            serial=value["serial"],
            register=value["register"],
            unit=value["unit"],
            opening=None if value["opening"] is None else Decimal(value["opening"]),
            opened=datetime.fromisoformat(value["opened"]),
            closing=None if value["closing"] is None else Decimal(value["closing"]),
            closed=datetime.fromisoformat(value["closed"]),
            usage=Decimal(value["usage"]),
            multiplier=Decimal(value["multiplier"]),
            estimated=value["estimated"],
        )
