"""Which drafts a run need not rate again, over dictionaries."""

from __future__ import annotations

from datetime import datetime

from central.domain.billing.state import BillState
from tests.support.memory import stamps
from tests.support.memory.account_state import own_parts
from tests.support.memory.books import KeptBill, KeptPart, MemoryBooks


def is_unchanged(books: MemoryBooks, bill: KeptBill, at: datetime) -> bool:
    """Whether a bill would say the same if it were rated again; see `ShardTransaction`."""
    if bill.record.bill.state is not BillState.DRAFT or stamps.changes(books, bill, at):
        return False
    if own_parts(bill):
        return False
    return not any(_moved(books, bill, row) for row in bill.parts)


def _moved(books: MemoryBooks, bill: KeptBill, row: KeptPart) -> bool:
    state = books.state
    agreement = state.agreements[row.part.agreement_id]
    ends = books.before(row.part.occupancy_id, row.part.days.first)
    earlier = None if ends is None else ends[1]
    if (None if ends is None else ends[0].part) != row.state_from:
        return True
    if earlier is not None and (
        earlier[0].record.bill.state is BillState.HELD
        or earlier[1].part.closing != row.part.opening
    ):
        return True
    days = stamps.read_days(bill, row.part)
    return bool(stamps.waiting_at(books, agreement.point, days))
