"""Check: a part that used far more than its occupancy does."""

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
from central.domain.billing.usual_use import CLASS_USE, LEAST_DEVIATION, PERIODS, usual_use
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Limits, Threshold, ThresholdKind

DEVIATIONS = Threshold(
    "high_deviations",
    ThresholdKind.RATIO,
    Fraction(3),
    "",
    "standard deviations above the mean of the earlier periods",
)
LAST_YEAR = Threshold(
    "high_last_year",
    ThresholdKind.RATIO,
    Fraction(2),
    "",
    "of the use at the same time of the year before",
)
FLOOR = Threshold(
    "high_floor",
    ThresholdKind.QUANTITY,
    Fraction(5),
    "units/day",
    "what a day has to use on average, at least",
)
NEW = Threshold(
    "high_new",
    ThresholdKind.RATIO,
    Fraction(5),
    "",
    "of the use of the class (`class_use`), for a new customer",
)


def _judge(judged: JudgedPart, limits: Limits, history: Sequence[PartUse]) -> Iterator[BillFinding]:
    """Above all that is known to be usual."""
    use = judged.use.per_day
    if use is None or use < limits[FLOOR]:
        return
    usual = usual_use(judged.use.days, history, limits)
    figures = {"day": use, **usual.evidence}
    if usual.is_known:
        is_high = (
            usual.mean is None or use > usual.mean + limits[DEVIATIONS] * usual.deviation
        ) and (usual.last_year is None or use > usual.last_year * limits[LAST_YEAR])
    else:
        figures["class_use"] = limits[CLASS_USE]
        is_high = bool(limits[CLASS_USE]) and use > limits[CLASS_USE] * limits[NEW]
    if is_high:
        message = (
            f"It used {rounded(use)} {judged.use.unit} a day, far more than usual: is the meter"
            " right, or did something change there?"
        )
        evidence = {name: rounded(value) for name, value in figures.items()}
        yield CHECK.finding_in(judged, message, {**evidence, "periods": str(usual.periods)})


CHECK = BillCheck(
    code=VeeCode("HIGH_BILL"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "the use of a day is above the mean of the earlier periods by more than three standard"
        " deviations, and above twice that of the same time last year; of a new customer, above"
        " five times that of the class",
        "el consumo diario supera la media de los períodos anteriores en más de tres desviaciones"
        " típicas y el doble del mismo período del año anterior; de un cliente nuevo, cinco veces"
        " el de su clase",
    ),
    judge=_judge,
    thresholds=(DEVIATIONS, PERIODS, LEAST_DEVIATION, LAST_YEAR, FLOOR, CLASS_USE, NEW),
    history_days=HISTORY_DAYS,
)
