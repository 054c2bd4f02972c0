"""The line of an issued bill that a line of a later one adjusts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple


class AdjustedLine(NamedTuple):
    """The line of an issued bill that a line adjusts.

    Args:
        correction: Identifier of the correction.
        bill: Legal number of the bill.
        key: Of the line, unique in its part of that bill.
        old_quantity: As it was settled; None where there was none.
        new_quantity: As it is; None where there is none.
        old_amount: As it was settled. [currency]
        new_amount: As it is. [currency]
    """

    correction: str
    bill: str
    key: str
    old_quantity: Decimal | None
    new_quantity: Decimal | None
    old_amount: Decimal
    new_amount: Decimal

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts and quantities as strings."""
        return {
            "correction": self.correction,
            "bill": self.bill,
            "key": self.key,
            "old_quantity": None if self.old_quantity is None else format(self.old_quantity, "f"),
            "new_quantity": None if self.new_quantity is None else format(self.new_quantity, "f"),
            "old_amount": format(self.old_amount, "f"),
            "new_amount": format(self.new_amount, "f"),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> AdjustedLine:
        """The line that `to_json` wrote."""
        quantities = (value["old_quantity"], value["new_quantity"])
        old, new = (None if quantity is None else Decimal(quantity) for quantity in quantities)
        amounts = Decimal(value["old_amount"]), Decimal(value["new_amount"])
        return cls(value["correction"], value["bill"], value["key"], old, new, *amounts)
