"""Check: a part that used far less than its occupancy does."""

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
from central.domain.billing.usual_use import (
    CLASS_USE,
    LEAST_DEVIATION,
    PERIODS,
    UsualUse,
    usual_use,
)
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Limits, Threshold, ThresholdKind

DEVIATIONS = Threshold(
    "low_deviations",
    ThresholdKind.RATIO,
    Fraction(3),
    "",
    "standard deviations below the mean of the earlier periods",
)
LAST_YEAR = Threshold(
    "low_last_year",
    ThresholdKind.RATIO,
    Fraction(2, 5),
    "",
    "of the use at the same time of the year before",
)
SHARE = Threshold(
    "low_share",
    ThresholdKind.RATIO,
    Fraction(1, 4),
    "",
    "of both of them, below which it is low whatever the deviation is",
)
FLOOR = Threshold(
    "low_floor",
    ThresholdKind.QUANTITY,
    Fraction(2),
    "units/day",
    "what is usual has to be so much, at least",
)
NEW = Threshold(
    "low_new",
    ThresholdKind.RATIO,
    Fraction(1, 10),
    "",
    "of the use of the class (`class_use`), for a new customer",
)


def _judge(judged: JudgedPart, limits: Limits, history: Sequence[PartUse]) -> Iterator[BillFinding]:
    """Below all that is known to be usual; what used nothing is another check's."""
    use = judged.use.per_day
    if not use:
        return
    usual = usual_use(judged.use.days, history, limits)
    figures = {"day": use, **usual.evidence}
    if usual.is_known:
        is_low = _is_low(use, usual, limits)
    else:
        figures["class_use"] = limits[CLASS_USE]
        is_low = limits[CLASS_USE] >= limits[FLOOR] and use < limits[CLASS_USE] * limits[NEW]
    if is_low:
        message = (
            f"It used {rounded(use)} {judged.use.unit} a day, far less than usual: does the meter"
            " count all of it, or is nobody there?"
        )
        evidence = {name: rounded(value) for name, value in figures.items()}
        yield CHECK.finding_in(judged, message, {**evidence, "periods": str(usual.periods)})


def _is_low(use: Fraction, usual: UsualUse, limits: Limits) -> bool:
    usually = [figure for figure in (usual.mean, usual.last_year) if figure is not None]
    if max(usually) < limits[FLOOR]:
        return False
    if all(use < figure * limits[SHARE] for figure in usually):
        return True
    return (usual.mean is None or use < usual.mean - limits[DEVIATIONS] * usual.deviation) and (
        usual.last_year is None or use < usual.last_year * limits[LAST_YEAR]
    )


CHECK = BillCheck(
    code=VeeCode("LOW_BILL"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "the use of a day is below the mean of the earlier periods by more than three standard"
        " deviations, and below 40 % of that of the same time last year; or below a quarter of"
        " both; of a new customer, below a tenth of that of the class",
        "el consumo diario queda por debajo de la media de los períodos anteriores en más de tres"
        " desviaciones típicas y del 40 % del mismo período del año anterior; o de la cuarta parte"
        " de ambos; de un cliente nuevo, de la décima parte del de su clase",
    ),
    judge=_judge,
    thresholds=(DEVIATIONS, PERIODS, LEAST_DEVIATION, LAST_YEAR, SHARE, FLOOR, CLASS_USE, NEW),
    history_days=HISTORY_DAYS,
)
