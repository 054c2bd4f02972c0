"""Which bills a list has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class BillFilter:
    """What the bills of a list have to be; None for anything.

    Args:
        account_number: Of this account.
        cycle: Of this period, such as 2026-10.
        issued_from: Issued on this day or later.
        issued_until: Issued before this day.
        changed_since: Made, approved or issued at this time or later.
    """

    account_number: str | None = None
    cycle: str | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    changed_since: datetime | None = None


ANY_BILL = BillFilter()
"""Bills of any kind."""
