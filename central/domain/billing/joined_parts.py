"""Days that come to be due right behind those of an open bill: they go on that bill.

A bill says the days of one agreement that adjoin as one part, so that its tiers, minimums and fixed
charges count once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from central.domain.billing.planned import PlannedBill, PlannedPart
from central.domain.rating.inputs.segments import DayRange


def says_days_before(bill: PlannedBill, planned: PlannedPart) -> bool:
    """Whether an open bill says the days right before a part, whatever it was made for.

    Args:
        bill: Of the part's period.
        planned: Days that are due.
    """
    return bill.bill_id is not None and any(_adjoin(there, planned) for there in bill.parts)


def joined_parts(
    there: tuple[PlannedPart, ...], due: Sequence[PlannedPart]
) -> tuple[PlannedPart, ...]:
    """The parts of a bill with those that come to be due.

    Args:
        there: Of the bill, as far as it is planned.
        due: Of one occupancy, ascending; at least one.
    """
    first = due[0]
    for number, earlier in enumerate(there):
        same = earlier.term.agreement_id == first.term.agreement_id
        if same and _adjoin(earlier, first):
            days = DayRange(earlier.days.first, first.days.end)
            longer = replace(earlier, days=days, claimed=False, held_to=earlier.days.end)
            return (*there[:number], longer, *there[number + 1 :], *due[1:])
    return (*there, *due)


def _adjoin(earlier: PlannedPart, later: PlannedPart) -> bool:
    same = earlier.occupancy.occupancy_id == later.occupancy.occupancy_id
    return same and earlier.days.end == later.days.first
