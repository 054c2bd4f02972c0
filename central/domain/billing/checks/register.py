"""Check: what is billed of a meter against what its register advanced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from central.domain.billing.bill_check import BillCheck, BillFinding, JudgedPart
from central.domain.billing.part_use import PartUse
from central.domain.billing.read import MeterRead
from central.domain.rating.rounding import half_away
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Limits, Threshold, ThresholdKind

STEPS = Threshold(
    "register_steps",
    ThresholdKind.COUNT,
    2,
    "steps",
    "of the coarser of register and intervals, times the multiplier, by which both may differ",
)


def _judge(judged: JudgedPart, limits: Limits, _: Sequence[PartUse]) -> Iterator[BillFinding]:
    """Only where the register was read at both ends of the time of one meter."""
    differing = [
        (read, difference)
        for read in judged.reads
        if (difference := _difference(read)) is not None
        and abs(difference) > limits[STEPS] * _step(read)
    ]
    if differing:
        read, difference = max(differing, key=lambda pair: abs(pair[1]))
        message = (
            f"The intervals of meter {read.serial} come to {read.usage} {read.unit}, and its"
            f" register advanced by {_text(Fraction(read.usage) - difference)}."
        )
        others = {read.serial for read, _ in differing} - {read.serial}
        evidence = {"register": read.register, "difference": _text(difference)}
        if others:
            evidence["also"] = ", ".join(sorted(others))
        yield CHECK.finding_in(judged, message, evidence)


def _difference(read: MeterRead) -> Fraction | None:
    """What is billed, less the advance; None where that is not known. [unit of the read].

    A register that stands lower than before began again at 0 or went backward, which validation
    judges day by day: how far it advanced, its two reads do not say.
    """
    if read.opening is None or read.closing is None or read.closing < read.opening:
        return None
    advance = (Fraction(read.closing) - Fraction(read.opening)) * Fraction(read.multiplier)
    return Fraction(read.usage) - advance


def _step(read: MeterRead) -> Fraction:
    """The coarser of the last digits that the register and the intervals show."""
    register = min(_last_digit(read.opening), _last_digit(read.closing))
    return max(register * Fraction(read.multiplier), _last_digit(read.usage))


def _last_digit(value: Decimal | None) -> Fraction:
    exponent = Decimal(value or 0).normalize().as_tuple().exponent
    return Fraction(10) ** min(exponent, 0) if isinstance(exponent, int) else Fraction(1)


def _text(value: Fraction) -> str:
    return format(half_away(value, 3).normalize(), "f")


CHECK = BillCheck(
    code=VeeCode("INTERVALS_AGAINST_REGISTER"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "what is billed of a meter differs from the advance of its register by more than two steps,"
        " where it was read at both ends",
        "lo que se factura de un contador difiere de lo que avanzó su registro en más de dos"
        " unidades mínimas, habiendo lectura en ambos extremos",
    ),
    judge=_judge,
    thresholds=(STEPS,),
)
