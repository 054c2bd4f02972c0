"""Check: bills in a row that rest on estimates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from central.domain.billing.bill_check import (
    HISTORY_DAYS,
    BillCheck,
    BillFinding,
    JudgedPart,
    rounded,
)
from central.domain.billing.part_use import PartUse
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Limits, Threshold, ThresholdKind

IN_A_ROW = Threshold(
    "estimated_bills",
    ThresholdKind.COUNT,
    3,
    "periods",
    "so many in a row, this one with them, from which on it asks",
)
SHARE = Threshold(
    "estimated_bill_share",
    ThresholdKind.RATIO,
    Fraction(1, 2),
    "",
    "of the intervals of a period that are estimated, from which on it counts",
)


def _judge(judged: JudgedPart, limits: Limits, history: Sequence[PartUse]) -> Iterator[BillFinding]:
    """Each of them, once they are as many as the class allows."""
    run = 0
    for period in (judged.use, *reversed(history)):
        if period.estimated_share < limits[SHARE]:
            break
        run += 1
    if run >= limits[IN_A_ROW]:
        message = f"{run} bills in a row rest on estimates: read the meter on site."
        share = rounded(judged.use.estimated_share)
        yield CHECK.finding_in(judged, message, {"in_a_row": str(run), "estimated_share": share})


CHECK = BillCheck(
    code=VeeCode("ESTIMATES_IN_A_ROW"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "half of the intervals or more are estimated, in the third period in a row",
        "la mitad de los intervalos o más son estimados, por tercer período consecutivo",
    ),
    judge=_judge,
    thresholds=(IN_A_ROW, SHARE),
    history_days=HISTORY_DAYS,
)
