"""What an account's money came to: posted, brought over and earned, against what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from central.domain.rating.inputs.segments import DayRange

DaysOfServices = Mapping[int, Sequence[DayRange]]
"""Local days by key of the service."""

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class AccountMoney:
    """The money of one account in one currency until a day; all amounts in it.

    Args:
        account: Number.
        currency: ISO 4217 letters.
        received: Entries posted, brought over from another system, and earned by export.
        applied: To bills: drawn from banks, and payments of them.
        refunded: Given back, and paid out by bills.
        expired: Lapsed.
        balance: In the banks as the newest bills leave them, and in entries that none consumed.
        lines: What lines of bills say was applied and refunded from banks.
        moved: The same, as the parts of those bills keep it.
        consumed: What the entries that bills consumed come to.
        taken: The same, as the parts of those bills keep it.
    """

    account: str
    currency: str
    received: Decimal
    applied: Decimal
    refunded: Decimal
    expired: Decimal
    balance: Decimal
    lines: Decimal
    moved: Decimal
    consumed: Decimal
    taken: Decimal

    @property
    def difference(self) -> Decimal:
        """What was received beyond what became of it, to the cent."""
        became = self.applied + self.refunded + self.expired + self.balance
        return (self.received - became).quantize(_CENT)

    @property
    def balanced(self) -> bool:
        """Whether it is equal to the cent, and entries, parts and lines say the same."""
        return not self.difference and self.lines == self.moved and self.consumed == self.taken

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts as strings."""
        names = ("received", "applied", "refunded", "expired", "balance", "difference")
        amounts = {name: format(getattr(self, name), "f") for name in names}
        return {
            "account": self.account,
            "currency": self.currency,
            **amounts,
            "balanced": self.balanced,
        }


def summed(currency: str, rows: Sequence[AccountMoney]) -> AccountMoney:
    """The money of all accounts in a currency; `account` says how many they are."""
    names = ("received", "applied", "refunded", "expired", "balance")
    proofs = ("lines", "moved", "consumed", "taken")
    sums = {
        name: sum((getattr(row, name) for row in rows), Decimal(0)) for name in (*names, *proofs)
    }
    return AccountMoney(str(len(rows)), currency, **sums)


class AccountMoneySource(Protocol):
    """Reads the money of accounts."""

    async def account_money(
        self, among: DaysOfServices | None, account: str | None, until: date
    ) -> Sequence[AccountMoney]:
        """The money of accounts that have any, by number and currency.

        Args:
            among: Of accounts with an agreement on some of these days; None for all.
            account: Number of the only account; None for all.
            until: The first day that is left out: of entries their day, of bills their last day.
        """
