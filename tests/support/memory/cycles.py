"""Billing cycles in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta

from central.domain.billing.account_periods import AccountPeriods, CycleAssignment
from central.domain.billing.billing_cycle import BillingCycle
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.cycles import CycleRecord, require_cycle
from central.service.ports.registry import RegistryConflictError
from tests.support.memory.books import BookState


class CycleRows:
    """`CycleTransaction` over dictionaries."""

    def __init__(self, state: BookState) -> None:
        self._state = state

    async def cycles(self) -> tuple[CycleRecord, ...]:
        return tuple(self._state.cycles[name] for name in sorted(self._state.cycles))

    async def cycle(self, name: str, *, hold: bool = False) -> CycleRecord | None:
        del hold
        return self._state.cycles.get(name)

    async def add_cycle(self, record: CycleRecord) -> None:
        name = record.cycle.name
        if name in self._state.cycles:
            message = f"There is already a billing cycle {name}."
            raise RegistryConflictError(message, value=name)
        self._state.cycles[name] = record

    async def set_periods(self, cycle: str, first: date, periods: Sequence[BillingPeriod]) -> None:
        record = self._state.cycles[cycle]
        stay = [period for period in record.cycle.listed if period.days.first < first]
        listed = replace(record.cycle, listed=(*stay, *periods))
        self._state.cycles[cycle] = replace(record, cycle=listed)

    async def billed_to(self, cycle: str) -> date | None:
        ends = [
            days.end
            for number in {account for account, _ in self._state.account_cycles}
            for days in self._billed(number)
            if any(
                name == cycle and first < days.end and (end is None or days.first < end)
                for name, first, end in self._spans(number)
            )
        ]
        return max(ends, default=None)

    def _spans(self, number: str) -> list[tuple[str, date, date | None]]:
        rows = _assignments(self._state, number)
        ends = [*(assignment.first for assignment in rows[1:]), None]
        return [
            (assignment.cycle, assignment.first, end)
            for assignment, end in zip(rows, ends, strict=True)
        ]

    def _billed(self, number: str) -> list[DayRange]:
        return [
            DayRange(claim.first, end)
            for (occupancy, end), claim in self._state.claims.items()
            if claim.first is not None
            and not claim.settles
            and self._state.occupancies[occupancy].account == number
        ]

    async def assignments(self, account: str) -> tuple[CycleAssignment, ...]:
        return _assignments(self._state, account)

    async def members(self, cycle: str) -> tuple[tuple[str, date], ...]:
        return tuple(
            key for key, name in sorted(self._state.account_cycles.items()) if name == cycle
        )

    async def account_billed_to(self, account: str) -> date | None:
        return max((days.end for days in self._billed(account)), default=None)

    async def assign_cycle(self, account: str, assignment: CycleAssignment) -> None:
        self._state.account_cycles[account, assignment.first] = assignment.cycle


def _assignments(state: BookState, account: str) -> tuple[CycleAssignment, ...]:
    return tuple(
        CycleAssignment(first, name)
        for (number, first), name in sorted(state.account_cycles.items())
        if number == account
    )


def periods_of(state: BookState, accounts: Collection[int], until: date) -> AccountPeriods:
    """See `PeriodSource`."""
    cycles: dict[str, BillingCycle] = {
        name: record.until(until + timedelta(days=1)) for name, record in state.cycles.items()
    }
    assignments = {key: _assignments(state, state.accounts[key].number) for key in accounts}
    return AccountPeriods(cycles, assignments)


def require_known_cycle(state: BookState, period: str, cycle: str) -> None:
    """Refuse a period that no account has."""
    record = state.cycles.get(cycle)
    built_in = cycle.startswith("@")
    periods = () if record is None else record.cycle.listed
    require_cycle(
        period,
        cycle,
        exists=built_in or record is not None,
        listed=built_in or period in {listed.name for listed in periods},
        assigned=built_in or cycle in state.account_cycles.values(),
    )
