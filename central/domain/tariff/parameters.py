"""Parameters of a tariff: named values with dates that make variants of one text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ParameterValue = Decimal | bool | str


@dataclass(frozen=True, slots=True)
class DatedValue:
    """What a parameter is from a date on, until its next.

    Args:
        since: First local date.
        value: Of the parameter's kind.
    """

    since: date
    value: ParameterValue


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that variants of a tariff differ in; it is named like a fact of an agreement.

    Args:
        name: As charges, formulas, tables and conditions name it.
        kind: `bool`, `text`, or the unit of a number.
        values: Ascending by date; none where every agreement has to give its own.
        low: Least number, None for any.
        high: Greatest number, None for any.
        choices: Texts that it may be; none for any.
        agreed: Whether the fact of that name of an agreement takes the place of these values.
    """

    name: str
    kind: str
    values: tuple[DatedValue, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    choices: tuple[str, ...] = ()
    agreed: bool = False

    def fault_of(self, value: ParameterValue) -> str | None:
        """Why a value cannot be this parameter's, as the end of a sentence; None where it can."""
        if self.kind == "bool":
            return None if isinstance(value, bool) else "is neither true nor false"
        if self.kind == "text":
            text = str(value)
            is_other = bool(self.choices) and text not in self.choices
            return f"is none of {', '.join(self.choices)}" if is_other else None
        if isinstance(value, bool) or not isinstance(value, Decimal):
            return f"is no number of {self.kind}"
        if self.low is not None and value < self.low:
            return f"is less than {self.low}"
        if self.high is not None and value > self.high:
            return f"is more than {self.high}"
        return None
