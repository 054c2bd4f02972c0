"""What the first bill prints of figures that another billing system left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class CutoverFigure:
    """A figure that the first bill opens with; banks say their own, see `BankBalance`.

    Args:
        kind: `peak` of a month, `sum` of a year or term so far, `net` of a season or year so far,
            `deferred` by level payments, or the `total` of a month that those are the average of.
        name: As the tariff names it.
        label: Period of a peak or net, "" for none.
        month: First day of the month of a peak or total; None of the others.
        value: The figure.
        unit: Of the figure: that of the peak or net, or a currency.
    """

    kind: str
    name: str
    label: str
    month: date | None
    value: Decimal
    unit: str

    @property
    def text(self) -> str:
        """As one line."""
        name = " ".join(filter(None, (self.name.replace("_", " "), self.label)))
        when = "" if self.month is None else f" of {self.month:%Y-%m}"
        what = {
            "peak": f"peak {name}{when}",
            "sum": f"{name} so far",
            "net": f"net {name} so far",
            "deferred": "deferred by level payments",
            "total": f"bill{when}, for level payments",
        }[self.kind]
        return f"Taken over: {what} {self.value:,f} {self.unit}.".replace(" .", ".")

    def to_json(self) -> dict[str, str | None]:
        """As a JSON object; figures as strings."""
        return {
            "kind": self.kind,
            "name": self.name,
            "label": self.label,
            "month": None if self.month is None else self.month.isoformat(),
            "value": format(self.value, "f"),
            "unit": self.unit,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CutoverFigure:
        """The figure that `to_json` wrote."""
        month = value["month"]
        return cls(
            value["kind"],
            value["name"],
            value["label"],
            None if month is None else date.fromisoformat(month),
            Decimal(value["value"]),
            value["unit"],
        )
