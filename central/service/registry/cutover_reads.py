"""Whether the reads that another system gave go with what the meters showed here first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from central.domain.metering.register import CAPACITY_MARGIN
from central.domain.metering.snap import TOLERANCE_MS
from central.service.ports.cutover import ShownRegister
from central.service.registry.agreement_checks import RegistryWarning
from central.service.registry.cutover_file import ReadEntry

SLACK = timedelta(milliseconds=TOLERANCE_MS)
"""How far from the instant of a read a register may be and count for it."""
_HOUR = timedelta(hours=1)
_REMEDY = "Ask the other system; the read is printed on the first bill."


def doubtful_read(
    read: ReadEntry, at: datetime, shown: ShownRegister | None, capacity: Decimal | None
) -> Iterator[RegistryWarning]:
    """What is doubtful about a read; nothing where no register is stored yet.

    Args:
        read: As the other system gave it.
        at: Its instant.
        shown: The first register of the meter from then on.
        capacity: Of the connection, per hour in the unit of the register; None where unknown.
    """
    if shown is None:
        return
    name = f"The read {read.value} of {read.meter} {read.obis}"
    when = f"{shown.value:f} at {shown.at.isoformat()}"
    if abs(shown.at - at) <= SLACK:
        if shown.value != read.value:
            yield _doubt(f"{name} is not what the meter showed then: {shown.value:f}.")
    elif shown.value < read.value:
        yield _doubt(f"{name} is above what the meter showed first here: {when}.")
    elif capacity is not None:
        hours = Decimal((shown.at - at) // _HOUR + 1)
        most = capacity * hours * CAPACITY_MARGIN.numerator / CAPACITY_MARGIN.denominator
        if shown.value - read.value > most:
            yield _doubt(
                f"{name} is so far below what the meter showed first here, {when}, that the"
                " connection could not carry it."
            )


def _doubt(message: str) -> RegistryWarning:
    return RegistryWarning("CUTOVER_READ_DOUBTFUL", message, _REMEDY)
