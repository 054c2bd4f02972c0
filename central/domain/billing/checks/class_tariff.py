"""Check: a tariff that the class of the point does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from central.domain.billing.bill_check import BillCheck, BillFinding, JudgedPart
from central.domain.billing.part_use import PartUse
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Limits, Names, Threshold, ThresholdKind

NO_NAMES: Names = ()
TARIFFS = Threshold(
    "class_tariffs",
    ThresholdKind.NAMES,
    NO_NAMES,
    "",
    "tariffs that the class may have; none for any",
    may_be_zero=True,
)


def _judge(judged: JudgedPart, limits: Limits, _: Sequence[PartUse]) -> Iterator[BillFinding]:
    """Where the class names tariffs, and this is none of them."""
    allowed = limits[TARIFFS]
    if allowed and judged.tariff not in allowed:
        message = (
            f"The tariff {judged.tariff} is not one of the point's class: is the class right, or"
            " the agreement?"
        )
        yield CHECK.finding_in(judged, message, {"class_tariffs": ", ".join(allowed)})


CHECK = BillCheck(
    code=VeeCode("CLASS_TARIFF"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "the class of the point names the tariffs that it may have, and this is none of them",
        "la clase del punto enumera las tarifas que puede tener, y esta no es ninguna de ellas",
    ),
    judge=_judge,
    thresholds=(TARIFFS,),
)
