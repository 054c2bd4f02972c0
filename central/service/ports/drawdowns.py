"""What tracing the money of accounts needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from central.domain.billing.drawdown import BankPart


@dataclass(frozen=True, slots=True)
class TracedPart:
    """What a part of a live bill did to one bank of money.

    Args:
        bank: As the tariff names it; the bill's line of that charge has what it applied.
        currency: ISO 4217 letters.
        bill: Identifier of the bill.
        number: Its legal number; "" where it has none.
        state: Of the bill.
        first: First local day of the part.
        end: The day after the last.
        moved: What it did.
    """

    bank: str
    currency: str
    bill: str
    number: str
    state: str
    first: date
    end: date
    moved: BankPart


class DrawdownStore(Protocol):
    """The banks of money of accounts, as live bills say them."""

    async def parts(self, account: str) -> Sequence[TracedPart] | None:
        """What all parts of an account's bills did, each behind what it opens from.

        Returns:
            None of an account that is not known. Held, discarded and cancelled bills are left out.
        """
        ...
