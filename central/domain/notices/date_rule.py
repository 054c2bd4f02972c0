"""Dates that notices are told by: a field of what is kept, and days before or after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from firmware_bridge.contract.errors import InvalidValueError

DAYS_MAX = 1_000
"""How far a rule may lie from its date, before or after. [d]"""
LATE_MAX = timedelta(days=40)
"""How long after its day a date is still told, such as by a worker that stood still."""


class DateField(StrEnum):
    """A date of something. Stored, and sent: never renamed."""

    BILL_ISSUED_ON = "bill.issued_on"
    """The day of issue of an issued bill; credit notes are none."""
    BILL_DUE_ON = "bill.due_on"
    """The day until which an issued bill is to be paid; likewise."""
    AGREEMENT_FIRST = "agreement.first"
    """The first day of an agreement."""
    AGREEMENT_END = "agreement.end"
    """The day after the last one of an agreement, where one is agreed."""


_COMMON = ("field", "days", "day", "date", "account")
DATE_FACTS: Mapping[DateField, tuple[str, ...]] = {
    field: (
        (*_COMMON, "bill", "number", "currency", "total", "cancelled")
        if field.startswith("bill.")
        else (*_COMMON, "agreement", "service_point", "service", "tariff")
    )
    for field in DateField
}
"""What a notice of each field says; a rule's conditions name these."""


@dataclass(frozen=True, slots=True)
class DateOffset:
    """A day that is told: so many days from a date.

    Args:
        field: The date.
        days: After it; below zero before it. [d]

    Raises:
        InvalidValueError: The days are out of range.
    """

    field: DateField
    days: int = 0

    def __post_init__(self) -> None:
        if abs(self.days) > DAYS_MAX:
            message = f"{self.days} days are more than {DAYS_MAX} from {self.field.value}."
            raise InvalidValueError(message, value=self.days)

    def __str__(self) -> str:
        return f"{self.field.value}{self.days:+d}" if self.days else self.field.value

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"field": self.field.value, "days": self.days}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DateOffset:
        """The date that `to_json` wrote."""
        return cls(DateField(value["field"]), value["days"])

    @classmethod
    def parse(cls, text: str) -> DateOffset:
        """The date that a command line says: `bill.due_on+7`, `agreement.end-30`.

        Raises:
            InvalidValueError: It says none.
        """
        match = re.fullmatch(r"([a-z_.]+)([+-][0-9]{1,4})?", text)
        if match is None or match[1] not in set(DateField):
            message = f"{text!r} is not a date such as bill.due_on+7 or agreement.end-30."
            remedy = f"There are {', '.join(DateField)}."
            raise InvalidValueError(message, value=text, remedy=remedy)
        return cls(DateField(match[1]), int(match[2] or 0))
