"""What is an account's own after the parts of its bills, gathered from dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from central.domain.billing.chain_order import ChainLink
from central.domain.billing.planned import PlannedBill
from central.domain.billing.state import BillState
from central.domain.rating.inputs.account_state import NOTHING_OWN, AccountOwn
from central.domain.rating.inputs.carried_state import CarriedState
from central.service.ports.bill_shard import NewPart
from central.service.ports.stamps import InputKind
from tests.support.memory.books import BookState, KeptBill, KeptPart
from tests.support.memory.ledger import first_waiting

_FIXED = frozenset({BillState.APPROVED, BillState.ISSUED})


def own_parts(bill: KeptBill) -> list[KeptPart]:
    """Parts that hand on what is the account's own, in their order; a held bill has none."""
    if bill.record.bill.state is BillState.HELD:
        return []
    rows = [row for row in bill.parts if row.part.shared is not None]
    return sorted(rows, key=lambda row: _position(row.part))


def _position(share: NewPart) -> int:
    return 0 if share.shared is None else share.shared.after.position


def own_after(state: BookState, account: int) -> CarriedState:
    """What is an account's own after all of its issued bills."""
    rows = [
        row
        for bill in state.bills.values()
        if bill.account_id == account and bill.record.bill.state is BillState.ISSUED
        for row in own_parts(bill)
    ]
    newest = max(rows, key=lambda row: _position(row.part), default=None)
    if newest is None or newest.part.shared is None:
        return CarriedState()
    return newest.part.shared.after.state


def what_is_left(state: BookState, key: int) -> Hashable:
    """What tells whether there may be something to settle of an occupancy that was not before."""
    revision = state.revisions.get((InputKind.ACCOUNT, state.occupancies[key].account), 0)
    left, shared = _left(state, key), _own_of(state, key)
    return repr(left and left.to_json()), repr(shared.to_json()), revision


def may_be_settled(state: BookState, key: int) -> bool:
    """Whether something may be to settle of an occupancy, all of whose days are issued."""
    left = _left(state, key)
    if left is None:
        return False
    row = state.occupancies[key]
    waits = any(first_waiting(state, row.account, point) for point in ("", row.point))
    anything = left.names or left.before is not None or _own_of(state, key).names
    return (bool(anything) or waits) and state.finished.get(key) != what_is_left(state, key)


def _left(state: BookState, key: int) -> CarriedState | None:
    """What is left where an occupancy has ended, all is issued, and no part settles it."""
    end, newest = max((end, claim) for (of, end), claim in state.claims.items() if of == key)
    if end != state.occupancies[key].ended_on or newest.settles:
        return None
    closings = (
        row.part.closing
        for bill in state.bills.values()
        for row in bill.parts
        if row.id == newest.part and bill.record.bill.state is BillState.ISSUED
    )
    return next(closings, newest.opening)


def _own_of(state: BookState, key: int) -> CarriedState:
    number = state.occupancies[key].account
    return next(
        own_after(state, account)
        for account, kept in state.accounts.items()
        if kept.number == number
    )


def own_before(state: BookState, planned: PlannedBill) -> AccountOwn:
    """What is the account's own before a bill."""
    mine = None if planned.bill_id is None else state.bills[planned.bill_id]
    is_fixed = mine is not None and mine.record.bill.state in _FIXED
    first = min((_position(row.part) for row in own_parts(mine)), default=0) if mine else 0

    def is_before(key: int, other: KeptBill, row: KeptPart) -> bool:
        if key == planned.bill_id or other.account_id != planned.account_id:
            return False
        fixed = other.record.bill.state in _FIXED
        if is_fixed:
            return fixed and _position(row.part) < first
        days, my_days = other.record.bill.period.days, planned.period.days
        there = (days.end, days.first, key)
        here = (my_days.end, my_days.first, planned.bill_id or 2**63)
        return fixed or (other.record.bill.state is BillState.DRAFT and there < here)

    before = [
        row
        for key, other in state.bills.items()
        for row in own_parts(other)
        if is_before(key, other, row)
    ]
    newest = max(before, key=lambda row: _position(row.part), default=None)
    held = [
        other.record.bill.days.first
        for key, other in state.bills.items()
        if other.account_id == planned.account_id
        and key != planned.bill_id
        and other.record.bill.state is BillState.HELD
    ]
    left = NOTHING_OWN
    if newest is not None and newest.part.shared is not None:
        left = replace(newest.part.shared.after, part_id=newest.id)
    return replace(left, held=min(held, default=None))


def own_links(state: BookState, bill: KeptBill, uids: Collection[UUID]) -> Iterator[ChainLink]:
    """What is before a bill in its account's order, and what else opens from the same."""
    rows = {row.id: (other, row) for other in state.bills.values() for row in own_parts(other)}
    for row in own_parts(bill):
        opened = row.part.shared
        assert opened is not None
        if row.own_from is not None:
            other, earlier = rows.get(row.own_from, (bill, None))
            left = (
                None
                if earlier is None or earlier.part.shared is None
                else earlier.part.shared.after
            )
            live = other.record.bill.state is not BillState.DISCARDED
            same = live and left is not None and left.state == opened.before.state
            yield _link(other, same=same)
        for key, (other, beside) in rows.items():
            if key == row.id or other.account_id != bill.account_id:
                continue
            decides = other.record.bill.state in _FIXED or (
                other.record.bill.state is BillState.DRAFT and other.record.uid in uids
            )
            if decides and beside.own_from == row.own_from:
                yield _link(other, same=False)


def _link(other: KeptBill, *, same: bool) -> ChainLink:
    bill = other.record.bill
    return ChainLink(other.record.uid, f"{bill.account}/{bill.period}", bill.state, same)


def behind_each_other(rows: Sequence[KeptPart]) -> list[KeptPart]:
    """The parts of a bill with the one before each in the account's order."""
    behind: int | None = None
    before: dict[int, int | None] = {}
    for row in sorted(rows, key=lambda row: _position(row.part)):
        if row.part.shared is not None:
            before[row.id] = row.part.shared.before.part_id if behind is None else behind
            behind = row.id
    return [row._replace(own_from=before.get(row.id)) for row in rows]
