"""How far a bill run is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is.

    Args:
        accounts: How many accounts it looks at.
        done: Of how many of them the bills are saved.
        starters: Who had it calculated; none of them approves its bills.
        totals: What its bills come to, by state and currency. [currency]
    """

    accounts: int
    done: int
    starters: tuple[str, ...]
    totals: tuple[tuple[str, str, Decimal], ...]

    def totals_of(self, state: str) -> tuple[tuple[str, Decimal], ...]:
        """What the bills in a state come to, by currency. [currency]."""
        return tuple((currency, total) for each, currency, total in self.totals if each == state)
