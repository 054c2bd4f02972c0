"""A bill beside the one before it, with a waterfall from the one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from central.domain.billing.bill_change import BilledCharge, ChangeStep, steps_between
from central.service.ports.overview import BillingOverview
from central.service.views.billing import BillView, LineView

LOOKED_AT = 500
WIDE = 1000


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """A step with where it stands in the picture.

    Args:
        step: What it is.
        start: Where its bar begins, of `WIDE`.
        length: How long its bar is, of `WIDE`; at least 4, so that it can be seen.
    """

    step: ChangeStep
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class BillChange:
    """Why a bill comes to something else than the one before.

    Args:
        previous: The bill before.
        before: The sum of its lines. [currency]
        after: The sum of the lines of this one. [currency]
        steps: They sum to the difference.
    """

    previous: BillView
    before: Decimal
    after: Decimal
    steps: tuple[WaterfallStep, ...]

    @property
    def amount(self) -> Decimal:
        """What is charged more; below zero, less. [currency]."""
        return self.after - self.before


async def view_change(
    billing: BillingOverview, bill: BillView, lines: Sequence[LineView]
) -> BillChange | None:
    """What changed since the issued bill before.

    Args:
        billing: Where bills are.
        bill: The bill.
        lines: Its lines.

    Returns:
        None where it has no lines, credits another, or is the first in its currency.
    """
    if bill.amounts is None or bill.kind == "credit_note":
        return None
    issued = await billing.bills(account=bill.account, state="issued", limit=LOOKED_AT)
    earlier = [
        other
        for other in issued.rows
        if other.end <= bill.start
        and other.amounts is not None
        and other.kind != "credit_note"
        and other.currency == bill.currency
    ]
    if not earlier:
        return None
    previous = max(earlier, key=lambda other: other.end)
    old = await billing.lines(previous.bill)
    before, after = (_sum(each) for each in (old, lines))
    steps = steps_between(_charges(old), _charges(lines))
    return BillChange(previous, before, after, waterfall(before, steps))


def waterfall(before: Decimal, steps: Sequence[ChangeStep]) -> tuple[WaterfallStep, ...]:
    """Steps with their bars: each begins where the one before ended, and all fit the width.

    Args:
        before: Where the first begins. [currency]
        steps: In their order.
    """
    levels = [before]
    for step in steps:
        levels.append(levels[-1] + step.amount)
    lowest, span = min(levels), (max(levels) - min(levels)) or Decimal(1)
    drawn = []
    for step, begin, end in zip(steps, levels, levels[1:], strict=False):
        start, stop = (int((level - lowest) * WIDE / span) for level in sorted((begin, end)))
        length = max(stop - start, 4)
        drawn.append(WaterfallStep(step, min(start, WIDE - length), length))
    return tuple(drawn)


def _sum(lines: Sequence[LineView]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))


def _charges(lines: Sequence[LineView]) -> list[BilledCharge]:
    return [
        BilledCharge(
            line.charge,
            line.label or "",
            line.text,
            line.kind,
            line.unit or "",
            line.quantity,
            line.price,
            line.amount,
        )
        for line in lines
    ]
