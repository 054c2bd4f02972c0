"""The days of a bill's document, which say the rates of some taxes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import NamedTuple


class DocumentDays(NamedTuple):
    """When a bill is issued, and when it is to be paid.

    Args:
        issued: Local day of issue.
        due: Local day of payment.
    """

    issued: date
    due: date

    @classmethod
    def after(cls, last: date) -> DocumentDays:
        """Of what is no bill: as if one were issued on the day after the last, and due at once."""
        return cls(last + timedelta(days=1), last + timedelta(days=1))

    def crosses(self, other: DocumentDays, effective: Collection[date]) -> bool:
        """Whether other days may have another rate than these.

        Args:
            other: The other days.
            effective: First days of what says rates: versions of the tariff, tables, facts.
        """
        return any(
            min(pair) < day <= max(pair)
            for pair in zip(self, other, strict=True)
            for day in effective
        )


def rate_days(period_end: date | None, document: DocumentDays) -> dict[str, date]:
    """The days that say the rates of taxes which are one for a bill, by point of the tax.

    Args:
        period_end: The last day that the bill bills; None where it bills none.
        document: Of the bill.
    """
    days = {"issue": document.issued, "due": document.due}
    return days if period_end is None else {**days, "period_end": period_end}
