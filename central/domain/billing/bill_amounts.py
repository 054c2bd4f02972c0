"""What a bill comes to, from its lines to the amount due: print, page, API and command alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

_NOTHING = Decimal(0)


class AmountRow(NamedTuple):
    """One of the amounts below a bill's lines.

    Args:
        name: As it is printed.
        amount: As it is printed. [currency]
        strong: Whether it is a result.
    """

    name: str
    amount: Decimal
    strong: bool = False


@dataclass(frozen=True, slots=True)
class BillAmounts:
    """What the lines of a bill come to.

    Args:
        net: The lines that are neither tax nor settlement: what is taxed, and what bears no tax.
            [currency]
        tax: The tax lines. [currency]
        settled: The lines that change what is due and not the price: they settle banks, level bills
            and draw prepaid balances down, and bear no tax; None where there is none. [currency]
        previous_balance: What the account owed before, below zero what it had in credit; None where
            nobody said it. [currency]
    """

    net: Decimal = _NOTHING
    tax: Decimal = _NOTHING
    settled: Decimal | None = None
    previous_balance: Decimal | None = None

    @classmethod
    def of(
        cls, lines: Iterable[tuple[str, Decimal]], previous_balance: Decimal | None, *, apart: bool
    ) -> BillAmounts:
        """The amounts of lines.

        Args:
            lines: Kind and amount of each.
            previous_balance: Of the account.
            apart: Whether settlement lines are beside the net; bills of earlier releases count
                them in it, and go on saying what they said.
        """
        net, tax, settled = _NOTHING, _NOTHING, None
        for kind, amount in lines:
            if kind == "tax":
                tax += amount
            elif kind == "settlement" and apart:
                settled = (settled or _NOTHING) + amount
            else:
                net += amount
        return cls(net, tax, settled, previous_balance)

    @property
    def total(self) -> Decimal:
        """What was supplied costs, with taxes. [currency]."""
        return self.net + self.tax

    @property
    def billed(self) -> Decimal:
        """The sum of all lines. [currency]."""
        return self.total + (self.settled or _NOTHING)

    @property
    def due(self) -> Decimal:
        """What is to be paid, below zero a credit: all lines and the previous balance."""
        return self.billed + (self.previous_balance or _NOTHING)

    @property
    def due_label(self) -> str:
        """What `due`, without its sign, is called."""
        return "Amount due" if self.due >= 0 else "Credit in your favour"

    @property
    def rows(self) -> tuple[AmountRow, ...]:
        """As they stand below the lines."""
        rows = [
            AmountRow("Net", self.net),
            AmountRow("Taxes", self.tax),
            AmountRow("Total", self.total, strong=True),
        ]
        if self.settled is not None:
            rows.append(AmountRow("Settlements", self.settled))
        if self.previous_balance is not None:
            rows.append(AmountRow("Previous balance", self.previous_balance))
        if len(rows) > len(("Net", "Taxes", "Total")):
            rows.append(AmountRow("Amount due", self.due, strong=True))
        return tuple(rows)

    def to_json(self) -> dict[str, Any]:
        """As members of the bill; one that settles nothing says what it always said."""
        settled = {} if self.settled is None else {"settled": format(self.settled, "f")}
        balance = self.previous_balance
        return {
            "net": format(self.net, "f"),
            "tax": format(self.tax, "f"),
            "total": format(self.total, "f"),
            **settled,
            "previous_balance": None if balance is None else format(balance, "f"),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BillAmounts:
        """The amounts of a bill that `to_json` wrote, or an earlier release."""
        settled, balance = value.get("settled"), value["previous_balance"]
        return cls(
            Decimal(value["net"]),
            Decimal(value["tax"]),
            None if settled is None else Decimal(settled),
            None if balance is None else Decimal(balance),
        )
