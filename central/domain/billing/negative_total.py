"""A bill that adjustments take below zero: carried as a credit, or held until it was read.

Adjustments true up what earlier bills estimated. Where they take the whole bill below zero, an
estimate may stand at the end of its own days as well; a read there shows whether it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from central.domain.billing.bill import Bill, SupplySummary
from central.domain.rating.hold import Hold

NEGATIVE_TOTAL = "NEGATIVE_TOTAL"


class NegativeTotal(StrEnum):
    """What becomes of a bill whose total adjustments take below zero."""

    CARRY = "carry"
    """Issued as any other, a credit to the customer."""
    HOLD = "hold"
    """Held until registers were read at the end of its days."""


def negative_hold(bill: Bill) -> Hold | None:
    """Why a bill is held whose total is below zero; None where it is not.

    What it sold, with no adjustment, may well be more than what it used.

    Args:
        bill: With its lines.
    """
    total = bill.amounts.total
    adjusted = [entry.line for entry in bill.lines if entry.line.adjusts is not None]
    if total >= 0 or not adjusted or all_read(bill.supplies):
        return None
    bills = sorted({line.adjusts.bill for line in adjusted if line.adjusts is not None})
    message = (
        f"The total is {total} {bill.currency} with what it adjusts of {', '.join(bills)}. Read the"
        " registers at the end of its days, or release it with a reason where it is right."
    )
    return Hold(NEGATIVE_TOTAL, message, str(total))


def all_read(supplies: Iterable[SupplySummary]) -> bool:
    """Whether every register of some supplies was read at the end, and nothing is estimated.

    What has no meter has nothing to be read.
    """
    return not any(
        read.estimated or read.closing is None for supply in supplies for read in supply.reads
    )
