"""Check: a part that used nothing, of an occupancy that always used something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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

DAYS = Threshold(
    "zero_bill_days", ThresholdKind.COUNT, 7, "days", "what is billed has to have so many days"
)


def _judge(judged: JudgedPart, limits: Limits, history: Sequence[PartUse]) -> Iterator[BillFinding]:
    """Once a run, and never where it was so in 13 months: a holiday home asks once."""
    if judged.use.used != 0 or judged.use.days.count < limits[DAYS]:
        return
    earlier = [period for period in history if period.used is not None]
    if earlier and all(period.used for period in earlier):
        message = "It used nothing: does the meter stand still, or is nobody there?"
        before = earlier[-1].per_day
        figures = {
            "before": "" if before is None else rounded(before),
            "periods": str(len(earlier)),
        }
        yield CHECK.finding_in(judged, message, figures)


CHECK = BillCheck(
    code=VeeCode("ZERO_BILL"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "nothing was used, where every earlier period of 13 months used something",
        "no se consumió nada, y en todos los períodos anteriores de 13 meses sí",
    ),
    judge=_judge,
    thresholds=(DAYS,),
    history_days=HISTORY_DAYS,
)
