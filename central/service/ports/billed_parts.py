"""Parts of bills that are there, to be judged again without changing anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from central.domain.billing.bill_check import JudgedPart
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.bill_checks import AskedPart, CheckInputs


class BilledPart(NamedTuple):
    """A part of a bill that is there.

    Args:
        id: Its key.
        bill: Account and period.
        asked: What its history is asked by.
        judged: As it is judged.
    """

    id: int
    bill: str
    asked: AskedPart
    judged: JudgedPart


class BilledPartStore(Protocol):
    """Where such parts are read."""

    async def billed_parts(self, ends: DayRange, after: int, limit: int) -> Sequence[BilledPart]:
        """Live parts whose last day is one of some days, ascending by key.

        Args:
            ends: Which days.
            after: The last key that is known.
            limit: How many at most.
        """

    async def inputs_of(self, parts: Sequence[AskedPart], days_back: int) -> CheckInputs:
        """What parts are judged by; see `CheckReads.check_inputs`."""
