"""What a part of a bill opened a bank with, put in, took out and left: as every bill prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class BankBalance:
    """A bank of energy or money over the days of a part.

    Args:
        bank: As the tariff names it, or `prepaid`.
        unit: Of the figures: kWh, or a currency.
        opening: What the part before, or another billing system, left.
        added: What surplus or money came in.
        drawn: What it covered of the usage, or paid of the bill.
        closing: What the next part opens with.
    """

    bank: str
    unit: str
    opening: Decimal
    added: Decimal
    drawn: Decimal
    closing: Decimal

    @property
    def settled(self) -> Decimal:
        """What was paid out, or expired."""
        return self.opening + self.added - self.drawn - self.closing

    @property
    def text(self) -> str:
        """As one line."""
        terms = [
            f"{self.opening:,f} {self.unit} before",
            f"{self.added:,f} added",
            f"{self.drawn:,f} drawn",
        ]
        if self.settled:
            terms.append(f"{self.settled:,f} paid out or expired")
        name = self.bank.replace("_", " ")
        return f"Bank {name}: {', '.join(terms)}, {self.closing:,f} {self.unit} left."

    def to_json(self) -> dict[str, str]:
        """As a JSON object; figures as strings."""
        return {
            "bank": self.bank,
            "unit": self.unit,
            "opening": format(self.opening, "f"),
            "added": format(self.added, "f"),
            "drawn": format(self.drawn, "f"),
            "closing": format(self.closing, "f"),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BankBalance:
        """The balance that `to_json` wrote."""
        figures = (Decimal(value[name]) for name in ("opening", "added", "drawn", "closing"))
        return cls(value["bank"], value["unit"], *figures)
