"""Check: an occupancy that begins without the register that it begins with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from central.domain.billing.bill_check import BillCheck, BillFinding, JudgedPart
from central.domain.billing.part_use import PartUse
from central.domain.vee.finding import ClerkText, Severity, VeeCode
from central.domain.vee.rule import Limits


def _judge(judged: JudgedPart, _: Limits, __: Sequence[PartUse]) -> Iterator[BillFinding]:
    """The first part of a customer, of whose meter a register is known at its end alone."""
    if not judged.begins or not judged.reads:
        return
    first = min(read.opened for read in judged.reads)
    lacking = [
        read
        for read in judged.reads
        if read.opened == first and read.opening is None and read.closing is not None
    ]
    if lacking:
        names = ", ".join(f"{read.serial} {read.register}" for read in lacking)
        message = (
            "The customer begins here, and what the register showed then is not known: enter the"
            " read of that day."
        )
        yield CHECK.finding_in(judged, message, {"registers": names, "at": first.isoformat()})


CHECK = BillCheck(
    code=VeeCode("FIRST_READ_UNKNOWN"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "a customer's first bill begins without a read of the register, though it ends with one",
        "la primera factura de un cliente empieza sin lectura del contador, aunque termina con una",
    ),
    judge=_judge,
)
