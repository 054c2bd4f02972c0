"""What a tariff carries from bill to bill, whose it is, and what becomes of it at the end."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

LAPSE = "none"
"""Where energy goes that a bank's map, or the next tariff, lets lapse."""


class Owner(StrEnum):
    """Whose a carried state is."""

    OCCUPANCY = "occupancy"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class AtEnd:
    """What becomes of a bank with the last part under its tariff.

    Args:
        apply: Whether money first pays what is due.
        pay: Price per kWh of what is left, or share of the money; zero lets it expire.
    """

    apply: bool = False
    pay: Decimal = Decimal(0)


YearEnds = Literal["period", "date"]
"""Where a year ends: with the first period that reaches its end, or on its date, inside a bill."""
YearShare = Literal["days", "months", "none"]
"""What a part of a year needs of a yearly amount: its days' share, its months', or all of it."""
