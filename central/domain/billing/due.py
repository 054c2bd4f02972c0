"""What a run has to bill of an account: for each occupancy the days after its newest claim.

A period is due when its days are over where the point is, its bill day has come and its last day
does not lie after the run's. What is due is billed oldest first; what an open bill says already is
made again where it stands, so that it follows its newest inputs and the bill before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.final_settlement import nothing_to_settle, settlements
from central.domain.billing.joined_parts import joined_parts, says_days_before
from central.domain.billing.planned import (
    AccountPlan,
    NotBilled,
    OccupancyChain,
    OpenBill,
    PlannedBill,
    PlannedPart,
    RunReach,
)
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange

_NOTHING = CarriedState()


def plan_account(  # noqa: PLR0913 - all that is due of an account, each by name
    chains: Sequence[OccupancyChain],
    open_bills: Sequence[OpenBill],
    periods: AccountPeriods,
    reach: RunReach,
    is_over: Callable[[date, str, time], bool],
    *,
    account_left: CarriedState = _NOTHING,
) -> AccountPlan:
    """Plan the bills of an account.

    Args:
        chains: Its occupancies; at least one.
        open_bills: Its drafts and held bills.
        periods: Of the account.
        reach: What the run bills.
        is_over: Whether all days before one are over in a zone where days begin at a time.
        account_left: What is the account's own after all of its bills, if no day is to come.
    """
    account = chains[0].account_id
    there = {occupancy.occupancy_id: occupancy for occupancy in chains}
    end = reach.end if reach.so_far else date.max
    bills = [_again(bill, there, end) for bill in open_bills]
    joined = {
        _name(bill.period): number
        for number, bill in enumerate(bills)
        if bill.run_type is reach.run_type
    }
    left_out: list[NotBilled] = []
    for occupancy in chains:
        for period, parts in _due(occupancy, periods, reach, is_over, left_out):
            number = _going_on(bills, period, parts[0])
            if number is None:
                number = joined.setdefault(_name(period), len(bills))
            if number == len(bills):
                bills.append(PlannedBill(account, period, reach.run_type, ()))
            bills[number] = replace(bills[number], parts=joined_parts(bills[number].parts, parts))
    for period, settling in settlements(chains, periods, account_left):
        ended = settling.days.first
        if ended <= reach.end and is_over(
            ended, settling.occupancy.zone, settling.occupancy.day_start
        ):
            number = joined.setdefault(_name(period), len(bills))
            if number == len(bills):
                bills.append(PlannedBill(account, period, reach.run_type, ()))
            bills[number] = replace(bills[number], parts=(*bills[number].parts, settling))
    ordered = sorted(
        (bill for bill in bills if bill.parts),
        key=lambda bill: (
            bill.period.days.end,
            bill.period.days.first,
            bill.bill_id is None,
            bill.bill_id or 0,
        ),
    )
    finished = nothing_to_settle(chains, account_left)
    left_out += [_comes_to_nothing(chain, names) for chain, names in finished if names]
    keys = tuple(chain.occupancy_id for chain, _ in finished)
    return AccountPlan(account, tuple(map(_by_point, ordered)), tuple(left_out), keys)


def _going_on(
    bills: Sequence[PlannedBill], period: BillingPeriod, planned: PlannedPart
) -> int | None:
    """The number of the open bill of a period that goes on with some days."""
    return next(
        (
            number
            for number, bill in enumerate(bills)
            if _name(bill.period) == _name(period) and says_days_before(bill, planned)
        ),
        None,
    )


def _name(period: BillingPeriod) -> tuple[str, DayRange]:
    return period.name, period.days


def _by_point(bill: PlannedBill) -> PlannedBill:
    if len(bill.parts) == 1:
        return bill
    parts = sorted(
        bill.parts,
        key=lambda planned: (
            planned.occupancy.point,
            planned.days.first,
            planned.occupancy.occupancy_id,
        ),
    )
    return replace(bill, parts=tuple(parts))


def _again(bill: OpenBill, there: Mapping[int, OccupancyChain], end: date) -> PlannedBill:
    """What an open bill says, of the days before an end."""
    parts = []
    for occupancy_id, agreement_id, claimed in bill.days:
        settles = occupancy_id in bill.settles
        # A settlement holds the day on which its occupancy has ended.
        if claimed.first > end or (claimed.first == end and not settles):
            continue
        days = claimed if settles else DayRange(claimed.first, min(claimed.end, end))
        occupancy = there[occupancy_id]
        term = next(term for term in occupancy.terms if term.agreement_id == agreement_id)
        parts.append(PlannedPart(occupancy, term, days, claimed=True, settles=settles))
    return PlannedBill(bill.account_id, bill.period, bill.run_type, tuple(parts), bill.bill_id)


def _due(
    occupancy: OccupancyChain,
    periods: AccountPeriods,
    reach: RunReach,
    is_over: Callable[[date, str, time], bool],
    left_out: list[NotBilled],
) -> Iterator[tuple[BillingPeriod, list[PlannedPart]]]:
    """The periods of an occupancy that are due, oldest first; why it stops goes to `left_out`."""
    if reach.ended and occupancy.ended_on is None:
        return
    ended = date.max if occupancy.ended_on is None else occupancy.ended_on
    first = occupancy.claimed_to
    while first < min(ended, reach.end):
        period = periods.on(occupancy.account_id, first)
        if period is None:
            left_out.append(_no_period(occupancy, first, min(ended, reach.end)))
            return
        days = DayRange(first, min(period.days.end, ended))
        due_on = billed_on(period, occupancy.ended_on)
        if reach.so_far:
            days = DayRange(first, min(days.end, reach.end))
        elif days.end > reach.end or not is_over(due_on, occupancy.zone, occupancy.day_start):
            due = is_over(due_on, occupancy.zone, occupancy.day_start)
            left_out.append(_not_due(occupancy, period, days, None if due else due_on))
            return
        yield period, list(_parts(occupancy, days))
        first = days.end


def _parts(occupancy: OccupancyChain, days: DayRange) -> Iterable[PlannedPart]:
    for term in occupancy.terms:
        held = term.within(days)
        if held is not None:
            yield PlannedPart(occupancy, term, held)


def billed_on(period: BillingPeriod, ended_on: date | None) -> date:
    """The local day from which on the days of an occupancy in a period are billed.

    Args:
        period: Its period.
        ended_on: The day after the occupancy's last; None while it lasts.

    Returns:
        The bill day; where the occupancy ends before the period does, the day it has ended.
    """
    if ended_on is not None and ended_on < period.days.end:
        return ended_on
    return period.bill_day


def _not_due(
    occupancy: OccupancyChain, period: BillingPeriod, days: DayRange, due_on: date | None
) -> NotBilled:
    """What is billed on a later day, or, with None, by a later run than this."""
    message = f"The period {period.name} is billed on {due_on} or later."
    if due_on is None:
        last = days.end - timedelta(days=1)
        message = (
            f"The period {period.name} ends on {last}, after the days of this run. Bill it with"
            f" `bill run --cycle {period.name}`."
        )
    return NotBilled(
        occupancy.account_id, "NOT_DUE", occupancy.point, days.first, days.end, message
    )


def _no_period(occupancy: OccupancyChain, first: date, end: date) -> NotBilled:
    message = f"The account's billing cycle has no period on {first}. Add periods to its list."
    return NotBilled(
        occupancy.account_id, "NO_BILLING_PERIOD", occupancy.point, first, end, message
    )


def _comes_to_nothing(occupancy: OccupancyChain, names: Sequence[str]) -> NotBilled:
    ended = occupancy.ended_on or occupancy.claimed_to
    message = f"What it left comes to nothing ({', '.join(names)}), so no bill settles it."
    last = ended - timedelta(days=1)
    return NotBilled(
        occupancy.account_id, "NOTHING_TO_SETTLE", occupancy.point, last, ended, message
    )


def waves(plans: Iterable[AccountPlan]) -> Iterator[list[PlannedBill]]:
    """Every account's oldest bill, then every account's next; those of one period together."""
    rows = [plan.bills for plan in plans]
    for number in range(max(map(len, rows), default=0)):
        batches: dict[tuple[str, DayRange], list[PlannedBill]] = {}
        for bills in rows:
            if number < len(bills):
                batches.setdefault(_name(bills[number].period), []).append(bills[number])
        yield from (batches[name] for name in sorted(batches))
