"""In which order the parts of an account hand on what is the account's own.

The bills of an account come one after the other, the parts of a bill by their last day and point.
With the very last part of the account ends all that is its own; a year or term that the account
agreed on is settled with the last part that holds its end, once all days before it are billed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from operator import is_

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.final_settlement import finished, to_settle
from central.domain.billing.planned import AccountPlan, OccupancyChain, PlannedBill, PlannedPart
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState

_Position = tuple[date, date, date, str, int]
_NOTHING = CarriedState()


def in_account_order(
    plan: AccountPlan,
    chains: Sequence[OccupancyChain],
    periods: AccountPeriods,
    account_left: CarriedState = _NOTHING,
) -> AccountPlan:
    """A plan whose parts know what of the account comes after and beside them.

    Args:
        plan: As `plan_account` made it.
        chains: The account's occupancies.
        periods: Of the account.
        account_left: What is the account's own after all of its bills, if no day is to come.
    """
    over = finished(chains, account_left)
    to_come = [chain for chain in chains if chain.terms and chain.occupancy_id not in over]
    settled = {chain.occupancy_id for chain in chains if chain.settled}
    settled |= {chain.occupancy_id for chain in to_settle(chains, account_left)}
    ends = {
        chain.occupancy_id: _last_position(chain, periods, settles=chain.occupancy_id in settled)
        for chain in to_come
    }
    bills: Sequence[PlannedBill] = [_settling(bill, ends) for bill in plan.bills]
    if len(chains) == 1 and all(map(is_, bills, plan.bills)):
        return plan
    if len(chains) > 1:
        bills = [
            replace(bill, elsewhere=_elsewhere(bill, to_come))
            for bill in _beside_each_other(bills, chains)
        ]
    return replace(plan, bills=tuple(bills))


def _elsewhere(bill: PlannedBill, to_come: Sequence[OccupancyChain]) -> frozenset[str]:
    """Tariffs of occupancies that a bill has no days of, and of which bills are to come."""
    mine = {planned.occupancy.occupancy_id for planned in bill.parts}
    others = (chain for chain in to_come if chain.occupancy_id not in mine)
    return frozenset(term.tariff for chain in others for term in chain.terms)


def _beside_each_other(
    bills: Sequence[PlannedBill], chains: Sequence[OccupancyChain]
) -> Iterator[PlannedBill]:
    """Bills whose parts know which other days of the account are not billed before them."""
    firsts = [
        (planned.occupancy.occupancy_id, planned.days.first)
        for bill in bills
        for planned in bill.parts
    ]
    reached = {
        chain.occupancy_id: min(
            (first for key, first in firsts if key == chain.occupancy_id),
            default=chain.claimed_to,
        )
        for chain in chains
    }
    for bill in bills:
        for planned in bill.parts:
            key = planned.occupancy.occupancy_id
            reached[key] = max(reached[key], planned.days.end)

        def still_open(planned: PlannedPart) -> frozenset[str]:
            return frozenset(
                term.tariff
                for chain in chains
                if chain.occupancy_id != planned.occupancy.occupancy_id
                and reached[chain.occupancy_id] < min(planned.days.end, chain.ended_on or date.max)
                for term in chain.terms
            )

        parts = (replace(planned, open_elsewhere=still_open(planned)) for planned in bill.parts)
        yield replace(bill, parts=tuple(parts))


def _settling(bill: PlannedBill, ends: Mapping[int, _Position | None]) -> PlannedBill:
    """A bill of which the account's very last part says so: with it ends all that is its own."""
    if not any(planned.final for planned in bill.parts):
        return bill

    def stays(planned: PlannedPart) -> bool:
        chain = planned.occupancy
        position = _position(bill.period, planned.days.end, chain)
        return any(
            last is None or last > position
            for key, last in ends.items()
            if key != chain.occupancy_id
        )

    parts = (
        replace(planned, account_stays=not planned.final or stays(planned))
        for planned in bill.parts
    )
    return replace(bill, parts=tuple(parts))


def _position(period: BillingPeriod, end: date, chain: OccupancyChain) -> _Position:
    """Where in an account's order a part is: by its bill, its last day and its point."""
    return period.days.end, period.days.first, end, chain.point, chain.occupancy_id


def _last_position(
    chain: OccupancyChain, periods: AccountPeriods, *, settles: bool
) -> _Position | None:
    """The place of an occupancy's last part; None where nobody knows it yet."""
    if chain.ended_on is None:
        return None
    if settles:
        ended, behind = chain.ended_on, chain.ended_on + timedelta(days=1)
        return ended, ended - timedelta(days=1), behind, chain.point, chain.occupancy_id
    period = periods.on(chain.account_id, chain.ended_on - timedelta(days=1))
    return None if period is None else _position(period, chain.ended_on, chain)
