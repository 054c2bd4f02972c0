"""Keep billing cycles, continue their lists, and put accounts into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise
from typing import Any

from central.domain.billing.account_periods import (
    CycleAssignment,
    built_in_cycle,
    changes_of,
)
from central.domain.billing.billing_cycle import MONTHLY, BillingCycle
from central.domain.billing.occupancy import PeriodBilledError
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import months_after
from central.service.ports.cycles import CycleRecord
from central.service.ports.registry import (
    NotRegisteredError,
    RegistryConflictError,
    RegistryTransaction,
)
from central.service.registry.noted import NotedChanges
from central.service.registry.record_changes import Effect

MONTHS_AHEAD = 24
"""How far lists are continued into the future."""

_FIRST_ANCHOR = "@1"


@dataclass(frozen=True, slots=True)
class ListChange:
    """What becomes of a cycle's list.

    Args:
        cycle: Name.
        effect: Of the change.
        removed: Periods that go, ascending.
        added: Periods that come, ascending.
    """

    cycle: str
    effect: Effect
    removed: tuple[BillingPeriod, ...] = ()
    added: tuple[BillingPeriod, ...] = ()


class BillingCycles(NotedChanges):
    """Keep billing cycles, and put accounts into them."""

    async def add(self, cycle: BillingCycle) -> ListChange:
        """Add a cycle whose periods are generated, with the list of the next two years.

        Adding it again changes nothing.

        Raises:
            RegistryConflictError: There is another cycle of that name.
        """
        if built_in_cycle(cycle.name) is not None or cycle.name == _FIRST_ANCHOR:
            message = f"The billing cycle {cycle.name} is built in."
            raise RegistryConflictError(message, value=cycle.name, remedy="Choose another name.")
        async with self._begin() as registry:
            record = await registry.cycle(cycle.name, hold=True)
            if record is not None:
                _require_same_rule(record, cycle)
                return ListChange(cycle.name, Effect.UNCHANGED)
            listed = cycle.listed_until(max(self._horizon(), months_after(cycle.first, 1)))
            await registry.add_cycle(CycleRecord(listed))
            detail = {"new": _rule_fields(CycleRecord(listed))}
            await self._note(registry, "cycle.added", cycle.name, detail)
        return ListChange(cycle.name, Effect.ADDED, added=listed.listed)

    async def extend(self) -> list[ListChange]:
        """Continue the lists of all cycles that are generated, two years into the future.

        Returns:
            Those that were continued; a second time none.
        """
        changes: list[ListChange] = []
        async with self._begin() as registry:
            names = [record.cycle.name for record in await registry.cycles() if not record.by_hand]
            for name in names:
                record = await registry.cycle(name, hold=True)
                if record is None:
                    continue
                before = record.cycle.listed
                added = record.until(self._horizon()).listed[len(before) :]
                if not added:
                    continue
                await registry.set_periods(name, added[0].days.first, added)
                await self._note_list(registry, name, (), added, "cycle.extended")
                changes.append(ListChange(name, Effect.CHANGED, added=added))
        return changes

    async def put_lists(
        self, given: Sequence[BillingCycle], *, dry_run: bool = False
    ) -> list[ListChange]:
        """Write the lists of cycles by hand, each from its first given day on: all or none.

        What the list has before that day stays, and what it has later is replaced. A new cycle
        gets the list alone. One that was generated is continued after it as before.

        Args:
            given: With their lists, by name.
            dry_run: Say what would become of it, and change nothing.

        Raises:
            PeriodBilledError: Bills were made of days whose period would change.
            PeriodsNotTiledError: The list does not follow what stays.
            RegistryConflictError: The cycle has periods of other lengths.
        """
        async with self._begin() as registry:
            return [await self._put(registry, cycle, dry_run=dry_run) for cycle in given]

    async def _put(
        self, registry: RegistryTransaction, given: BillingCycle, *, dry_run: bool
    ) -> ListChange:
        record = await registry.cycle(given.name, hold=True)
        change = await self._change_of(registry, record, given)
        if dry_run or change.effect is Effect.UNCHANGED:
            return change
        if record is None:
            await registry.add_cycle(CycleRecord(given, by_hand=True))
        else:
            await registry.set_periods(given.name, change.added[0].days.first, change.added)
        action = f"cycle.list_{change.effect}"
        await self._note_list(registry, given.name, change.removed, change.added, action)
        return change

    async def _change_of(
        self, registry: RegistryTransaction, record: CycleRecord | None, given: BillingCycle
    ) -> ListChange:
        if record is None:
            return ListChange(given.name, Effect.ADDED, added=given.listed)
        if record.cycle.months != given.months:
            message = f"The periods of {given.name} are {record.cycle.months} months each."
            raise RegistryConflictError(message, value=given.months)
        first = given.listed[0].days.first
        stay = tuple(period for period in record.cycle.listed if period.days.first < first)
        go = record.cycle.listed[len(stay) :]
        come = _renamed(record.cycle, stay, given.listed)
        same = sum(1 for old, new in zip(go, come, strict=False) if old == new)
        if len(go) == len(come) == same:
            return ListChange(given.name, Effect.UNCHANGED)
        claimed = await registry.billed_to(given.name)
        unequal = [period for period in go if period not in come]
        if claimed is not None and any(period.days.first < claimed for period in unequal):
            message = f"Days of {given.name} are billed until {claimed}; {unequal[0]} would change."
            remedy = "Change periods that begin on that day or later."
            raise PeriodBilledError(message, value=claimed, remedy=remedy)
        return ListChange(given.name, Effect.CHANGED, go, come)

    async def assign(self, account: str, cycle: str, first: date) -> Effect:
        """Put an account into a cycle from a day on.

        Raises:
            NoBillingPeriodError: The cycle has no period on that day.
            NotRegisteredError: There is no such account or cycle.
            PeriodBilledError: The account is billed on that day or later.
            RegistryConflictError: The account would have two bills of one period.
        """
        async with self._begin() as registry:
            return await self.assign_in(registry, account, cycle, first)

    async def assign_in(
        self, registry: RegistryTransaction, account: str, cycle: str, first: date
    ) -> Effect:
        """See `assign`."""
        name = MONTHLY if cycle == _FIRST_ANCHOR else cycle
        if await registry.account(account) is None:
            message = f"The registry has no account {account!r}."
            raise NotRegisteredError(message, value=account)
        (await self._cycle(registry, name, first)).period_of(first)
        before = await registry.assignments(account)
        new = CycleAssignment(first, name)
        after = [*(assignment for assignment in before if assignment.first != first), new]
        if changes_of(after) == changes_of(before):
            return Effect.UNCHANGED
        claimed = await registry.account_billed_to(account)
        if claimed is not None and first < claimed:
            message = f"{account} is billed until {claimed}, so {first} cannot change its cycle."
            remedy = f"Put it into {name} from {claimed} on."
            raise PeriodBilledError(message, value=first, remedy=remedy)
        await self._require_one_bill_a_period(registry, account, changes_of(after))
        await registry.assign_cycle(account, new)
        detail = {"old": _assigned(before), "new": _assigned(after)}
        await self._note(registry, "account.cycle", account, detail)
        return Effect.CHANGED if before else Effect.ADDED

    async def _require_one_bill_a_period(
        self, registry: RegistryTransaction, account: str, changes: Sequence[CycleAssignment]
    ) -> None:
        spans = [CycleAssignment(date.min, MONTHLY), *changes]
        ends = [two.first for _, two in pairwise(spans)]
        dated = list(zip(spans, [*ends, date.max], strict=True))
        for (before, end), (again, _) in combinations(dated, 2):
            if before.cycle != again.cycle:
                continue
            cycle = await self._cycle(registry, again.cycle, again.first)
            period = cycle.period_of(again.first)
            if end > period.days.first:
                message = (
                    f"{account} would have two bills of {period}: it was in {again.cycle} before."
                )
                remedy = f"Put it there from {period.days.end} on."
                raise RegistryConflictError(message, value=str(period), remedy=remedy)

    async def _cycle(self, registry: RegistryTransaction, name: str, until: date) -> BillingCycle:
        built_in = built_in_cycle(name)
        if built_in is not None:
            return built_in
        record = await registry.cycle(name)
        if record is None:
            message = f"There is no billing cycle {name!r}."
            remedy = "Add it with `cycle add` or `cycle import`."
            raise NotRegisteredError(message, value=name, remedy=remedy)
        return record.until(months_after(until, 1))

    async def _note_list(
        self,
        registry: RegistryTransaction,
        name: str,
        removed: Sequence[BillingPeriod],
        added: Sequence[BillingPeriod],
        action: str,
    ) -> None:
        detail = {"old": _dates(removed), "new": _dates(added)}
        await self._note(registry, action, name, detail)

    def _horizon(self) -> date:
        return months_after(self.clock().date(), MONTHS_AHEAD)


def _require_same_rule(record: CycleRecord, cycle: BillingCycle) -> None:
    there = record.cycle
    same = (there.months, there.first, there.bill_after) == (
        cycle.months,
        cycle.first,
        cycle.bill_after,
    )
    if record.by_hand or not same:
        message = (
            f"There is another billing cycle {cycle.name}: {there.months} months from"
            f" {there.first} on, billed {there.bill_after} days after the end."
        )
        raise RegistryConflictError(message, value=cycle.name, remedy="Choose another name.")


def _renamed(
    cycle: BillingCycle, stay: Sequence[BillingPeriod], come: Sequence[BillingPeriod]
) -> tuple[BillingPeriod, ...]:
    """Periods by hand as they are called behind those that stay.

    Raises:
        InvalidValueError: They do not follow what stays.
    """
    days = [
        *(period.days.first for period in stay),
        *(period.days.first for period in come),
        come[-1].days.end,
    ]
    if stay and stay[-1].days.end != come[0].days.first:
        message = (
            f"The list of {cycle.name} ends on {stay[-1].days.end} before the first given day,"
            f" {come[0].days.first}."
        )
        remedy = "Begin the file on a day on which a period begins or the list ends."
        raise RegistryConflictError(message, value=come[0].days.first, remedy=remedy)
    names = BillingCycle.by_hand(cycle.name, days, cycle.months).listed[len(stay) :]
    old_names = {period.days: period.name for period in cycle.listed}
    labels = [old_names.get(period.days, period.name) for period in names]
    if len({*labels, *(period.name for period in stay)}) < len(labels) + len(stay):
        labels = [period.name for period in names]
    return tuple(replace(period, name=name) for period, name in zip(come, labels, strict=True))


def _rule_fields(record: CycleRecord) -> dict[str, Any]:
    cycle = record.cycle
    return {
        "months": cycle.months,
        "first": cycle.first.isoformat(),
        "bill_after": cycle.bill_after,
        "by_hand": record.by_hand,
        "until": cycle.listed[-1].days.end.isoformat(),
    }


def _dates(periods: Sequence[BillingPeriod]) -> list[list[str]]:
    return [
        [
            period.name,
            period.days.first.isoformat(),
            period.days.end.isoformat(),
            period.bill_day.isoformat(),
        ]
        for period in periods
    ]


def _assigned(assignments: Sequence[CycleAssignment]) -> list[list[str]]:
    return [[change.first.isoformat(), change.cycle] for change in sorted(assignments)]
