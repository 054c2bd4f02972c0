"""What a run has to bill of an account: for each occupancy the days after its newest claim.

A period is due when its days are over where the point is, its bill day has come and its last day
does not lie after the run's. What is due is billed oldest first; what an open bill says already is
made again where it stands, so that it follows its newest inputs and the bill before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.bill import RunType
from central.domain.billing.cycle import Cycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from firmware_bridge.contract.interval import MIDNIGHT, Interval


@dataclass(frozen=True, slots=True)
class AgreedTerm:
    """An agreement, as far as billing is concerned.

    Args:
        agreement_id: Its key.
        tariff: Name.
        first: First local day.
        end: The local day after the last; None while open.
        facts: What the tariff needs to know, as it is kept: not read yet.
    """

    agreement_id: int
    tariff: str
    first: date
    end: date | None
    facts: Any = None

    def within(self, days: DayRange) -> DayRange | None:
        """The days of a period in which it holds."""
        end = days.end if self.end is None else min(self.end, days.end)
        first = max(self.first, days.first)
        return DayRange(first, end) if first < end else None


@dataclass(frozen=True, slots=True)
class OccupancyChain:
    """An occupancy, and how far its days are claimed.

    Args:
        occupancy_id: Its key.
        account_id: Whose.
        point_id: Key of the service point.
        point: Its name.
        zone: Of the point's days.
        claimed_to: Where the newest claim ends, or billing begins.
        ended_on: The local day after the last; None while it lasts.
        terms: Its agreements, ascending.
        channels: OBIS codes that the service bills; empty for all.
        day_start: Time of day at which the service's days begin.
    """

    occupancy_id: int
    account_id: int
    point_id: int
    point: str
    zone: str
    claimed_to: date
    ended_on: date | None
    terms: tuple[AgreedTerm, ...]
    channels: frozenset[bytes] = frozenset()
    day_start: time = MIDNIGHT

    def interval(self, days: DayRange) -> Interval:
        """The instants of some of its days.

        Raises:
            InvalidValueError: The zone is unknown.
        """
        return days.interval(self.zone, self.day_start)


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """Days of an occupancy under one agreement, to be rated. (occupancy, first day) is its key.

    Args:
        occupancy: Whose days.
        term: The agreement.
        days: Local days.
        claimed: Whether it holds them already.
        account_stays: Whether a later part of the account goes on with what is the account's own.
        open_elsewhere: Tariffs under which days of the account before its end are to be billed yet.
    """

    occupancy: OccupancyChain
    term: AgreedTerm
    days: DayRange
    claimed: bool = False
    account_stays: bool = True
    open_elsewhere: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[int, date]:
        """Its key."""
        return self.occupancy.occupancy_id, self.days.first

    @property
    def final(self) -> bool:
        """Whether the occupancy ends with it."""
        return self.days.end == self.occupancy.ended_on


@dataclass(frozen=True, slots=True)
class OpenBill:
    """A draft or a held bill.

    Args:
        bill_id: Its key.
        account_id: Whose.
        period: That it bills.
        run_type: Why it was made.
        days: Per occupancy and agreement, what its parts claim.
    """

    bill_id: int
    account_id: int
    period: BillingPeriod
    run_type: RunType
    days: tuple[tuple[int, int, DayRange], ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedBill:
    """A bill to be made, or made again.

    Args:
        account_id: Whose.
        period: That it bills.
        run_type: Why it is made.
        parts: By point and time; at least one.
        bill_id: Key of the open bill that it becomes; None for a new one.
    """

    account_id: int
    period: BillingPeriod
    run_type: RunType
    parts: tuple[PlannedPart, ...]
    bill_id: int | None = None


@dataclass(frozen=True, slots=True)
class NotBilled:
    """Days of an occupancy that a run leaves out, and why.

    Args:
        account_id: Whose.
        code: `NOT_DUE`, `NO_BILLING_PERIOD` or `PERIOD_TAKEN`.
        point: Name of the service point.
        first: First local day that is left out.
        end: The local day after the last.
        message: One sentence.
    """

    account_id: int
    code: str
    point: str
    first: date
    end: date
    message: str


@dataclass(frozen=True, slots=True)
class RunReach:
    """Which periods a run bills.

    Args:
        end: The day after the last; a period that ends later is not billed.
        cycle: Name of the only cycle; None for all.
        run_type: Why; `final` bills only occupancies that have ended.
    """

    end: date
    cycle: str | None = None
    run_type: RunType = RunType.REGULAR

    @property
    def ended(self) -> bool:
        """Whether only occupancies that have ended are billed."""
        return self.run_type is RunType.FINAL

    @classmethod
    def of(cls, cycle: Cycle, run_type: RunType = RunType.REGULAR) -> RunReach:
        """What a run of a cycle bills: a month all that ends in it or before, of every cycle."""
        if cycle.of:
            return cls(Cycle(cycle.year, cycle.month).days.end, cycle.of, run_type)
        return cls(cycle.days.end, f"@{cycle.anchor}" if cycle.anchor > 1 else None, run_type)


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """What a run does with an account.

    Args:
        account_id: Whose.
        bills: Oldest first.
        left_out: What is not due.
    """

    account_id: int
    bills: tuple[PlannedBill, ...]
    left_out: tuple[NotBilled, ...] = ()


def plan_account(
    chains: Sequence[OccupancyChain],
    open_bills: Sequence[OpenBill],
    periods: AccountPeriods,
    scope: RunReach,
    is_over: Callable[[date, str, time], bool],
) -> AccountPlan:
    """Plan the bills of an account.

    Args:
        chains: Its occupancies; at least one.
        open_bills: Its drafts and held bills.
        periods: Of the account.
        scope: What the run bills.
        is_over: Whether all days before one are over in a zone where days begin at a time.
    """
    account = chains[0].account_id
    there = {occupancy.occupancy_id: occupancy for occupancy in chains}
    bills = [_again(bill, there) for bill in open_bills]
    joined = {
        _name(bill.period): number
        for number, bill in enumerate(bills)
        if bill.run_type is scope.run_type
    }
    left_out: list[NotBilled] = []
    for occupancy in chains:
        for period, parts in _due(occupancy, periods, scope, is_over, left_out):
            number = joined.setdefault(_name(period), len(bills))
            if number == len(bills):
                bills.append(PlannedBill(account, period, scope.run_type, ()))
            bills[number] = replace(bills[number], parts=(*bills[number].parts, *parts))
    ordered = sorted(
        (bill for bill in bills if bill.parts),
        key=lambda bill: (
            bill.period.days.end,
            bill.period.days.first,
            bill.bill_id is None,
            bill.bill_id or 0,
        ),
    )
    return AccountPlan(account, tuple(map(_by_point, ordered)), tuple(left_out))


def _name(period: BillingPeriod) -> tuple[str, DayRange]:
    return period.name, period.days


def _by_point(bill: PlannedBill) -> PlannedBill:
    parts = sorted(
        bill.parts,
        key=lambda planned: (
            planned.occupancy.point,
            planned.days.first,
            planned.occupancy.occupancy_id,
        ),
    )
    return replace(bill, parts=tuple(parts))


def _again(bill: OpenBill, there: Mapping[int, OccupancyChain]) -> PlannedBill:
    parts = []
    for occupancy_id, agreement_id, days in bill.days:
        occupancy = there[occupancy_id]
        term = next(term for term in occupancy.terms if term.agreement_id == agreement_id)
        parts.append(PlannedPart(occupancy, term, days, claimed=True))
    return PlannedBill(bill.account_id, bill.period, bill.run_type, tuple(parts), bill.bill_id)


def _due(
    occupancy: OccupancyChain,
    periods: AccountPeriods,
    scope: RunReach,
    is_over: Callable[[date, str, time], bool],
    left_out: list[NotBilled],
) -> Iterator[tuple[BillingPeriod, list[PlannedPart]]]:
    """The periods of an occupancy that are due, oldest first; why it stops goes to `left_out`."""
    if scope.ended and occupancy.ended_on is None:
        return
    ended = date.max if occupancy.ended_on is None else occupancy.ended_on
    first = occupancy.claimed_to
    while first < min(ended, scope.end):
        period = periods.on(occupancy.account_id, first)
        if period is None:
            left_out.append(_no_period(occupancy, first, min(ended, scope.end)))
            return
        days = DayRange(first, min(period.days.end, ended))
        billed_on = period.bill_day if days.end == period.days.end else days.end
        if days.end > scope.end or not is_over(billed_on, occupancy.zone, occupancy.day_start):
            left_out.append(_not_due(occupancy, period, days))
            return
        yield period, list(_parts(occupancy, days))
        first = days.end


def _parts(occupancy: OccupancyChain, days: DayRange) -> Iterable[PlannedPart]:
    for term in occupancy.terms:
        held = term.within(days)
        if held is not None:
            yield PlannedPart(occupancy, term, held)


def _not_due(occupancy: OccupancyChain, period: BillingPeriod, days: DayRange) -> NotBilled:
    message = f"The period {period.name} is billed on {max(period.bill_day, days.end)} or later."
    return NotBilled(
        occupancy.account_id, "NOT_DUE", occupancy.point, days.first, days.end, message
    )


def _no_period(occupancy: OccupancyChain, first: date, end: date) -> NotBilled:
    message = f"The account's billing cycle has no period on {first}. Add periods to its list."
    return NotBilled(
        occupancy.account_id, "NO_BILLING_PERIOD", occupancy.point, first, end, message
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
