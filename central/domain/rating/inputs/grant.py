"""Money that is paid or granted into a bank of a bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from central.domain.rating.inputs.expiry import NEVER


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Money paid into a bank or prepaid balance; it is no state, but becomes part of one.

    Args:
        bank: As the tariff names it; `prepaid` for the balance of that name.
        day: Local day it counts from; on a bill that holds the day, and on no other.
        amount: Above zero. [currency]
        expires: Local day on which it lapses; `NEVER` where the bank alone says so.
    """

    bank: str
    day: date
    amount: Decimal
    expires: date = NEVER

    def to_json(self) -> list[str]:
        """As it goes into the hash of a bill."""
        dated = [] if self.expires == NEVER else [self.expires.isoformat()]
        return [self.bank, self.day.isoformat(), str(self.amount), *dated]
