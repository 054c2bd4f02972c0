"""Adjustments: what issued bills should have said otherwise, charged on the next bill.

Each names the line that it corrects. It is posted once and consumed by one bill, as an entry of the
ledger is; a tax keeps the rate that it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from central.domain.billing.line_difference import LineDifference
from central.domain.rating.bill_lines.adjusted_line import AdjustedLine
from central.domain.rating.bill_lines.line import RatedLine

ADJUSTMENT = "adjustment"
"""The charge of such a line, and its kind where it is neither a tax nor a settlement."""
_OWN_KINDS = frozenset({"tax", "settlement"})


class OpenAdjustment(NamedTuple):
    """A difference that a bill may carry.

    Args:
        id: Its key in the store.
        correction: Identifier of the correction.
        bill: Legal number of the bill that it corrects.
        currency: ISO 4217 letters.
        line: What differs.
    """

    id: int
    correction: str
    bill: str
    currency: str
    line: LineDifference


def adjustment_lines(adjustments: Iterable[OpenAdjustment]) -> Iterator[tuple[str, RatedLine]]:
    """The lines of a bill that carry adjustments, each with its service point.

    Args:
        adjustments: In the order in which they were posted.
    """
    for number, adjustment in enumerate(adjustments, start=1):
        differs = adjustment.line
        yield (
            differs.service_point,
            RatedLine(
                id=ADJUSTMENT,
                key=f"{ADJUSTMENT}/{number}",
                kind=differs.kind if differs.kind in _OWN_KINDS else ADJUSTMENT,
                name=f"Adjustment of {adjustment.bill}: {differs.name}",
                label=differs.label,
                tier=0,
                segment=0,
                first=differs.first,
                end=differs.end,
                quantity=differs.quantity,
                unit=differs.unit,
                price=differs.tax_rate,
                exact=Fraction(differs.amount),
                amount=differs.amount,
                tariff_sha256=differs.tariff_sha256,
                note=f"was {_figure(differs.old_quantity, differs)}{differs.old_amount:f}, "
                f"is {_figure(differs.new_quantity, differs)}{differs.new_amount:f}",
                adjusts=AdjustedLine(
                    adjustment.correction,
                    adjustment.bill,
                    differs.key,
                    differs.old_quantity,
                    differs.new_quantity,
                    differs.old_amount,
                    differs.new_amount,
                ),
            ),
        )


def _figure(quantity: Decimal | None, differs: LineDifference) -> str:
    if quantity is None or differs.kind == "tax":
        return ""
    return f"{quantity:f} {differs.unit}: "
