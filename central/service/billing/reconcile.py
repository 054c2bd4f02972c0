"""Reconcile what is validated with what is billed, to the watt-hour and to the cent.

Each validated interval of each service and channel is read by exactly one live part of a bill, or
is named for why none reads it. The energy is summed from the newest blocks, and whose it is comes
from the days of parts and claims: the quantity that a bill prints is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from central.domain.billing.coverage import BALANCED, READ, Coverage, suppression_on
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.changed_since_billed import BilledDays
from central.service.billing.covered_days import CoveredDays, covered_days
from central.service.billing.reconciliation_report import (
    FAULTS_NAMED,
    NamedDays,
    ReconciledScope,
    Reconciliation,
    covers,
)
from central.service.ports.account_money import DaysOfServices
from central.service.ports.reconciliation import (
    ChannelRange,
    NotServed,
    ReadDay,
    ReconciledService,
    ReconciliationStore,
    ValidatedDays,
)
from central.service.views.lookup import require
from firmware_bridge.contract.errors import InvalidValueError

AT_ONCE = 500
NOT_SERVED = "no service"
"""What stands for the service of a channel that no service bills."""


class Reconcile:
    """The use-case.

    Args:
        store: What is validated and billed.
        clock: Now, aware.
    """

    def __init__(
        self,
        store: ReconciliationStore,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, asked: ReconciledScope) -> Reconciliation:
        """Reconcile some days of some services.

        Raises:
            InvalidValueError: Neither days nor a run are given.
            NotFoundError: There is no such run, tariff or group.
        """
        days, wanted = await self._wanted(asked)
        report = Reconciliation(days, covers=covers(asked))
        only = None if wanted is None else list(wanted)
        after = 0
        while services := await self._store.services(only, after, AT_ONCE):
            await self._add(report, services, wanted)
            after = services[-1].id
        if only is None:
            await self._add_not_served(report)
        billed = wanted if asked.narrows_bills else None
        report.money = tuple(await self._store.money(asked.run, days, billed))
        among = wanted if asked.narrows_accounts else None
        report.accounts = tuple(await self._store.account_money(among, asked.account, days.end))
        return report

    async def _wanted(self, asked: ReconciledScope) -> tuple[DayRange, DaysOfServices | None]:
        """The days asked for, and which of them by service; None for all of every service."""
        chosen: list[DaysOfServices] = []
        days = asked.days
        if asked.run is not None:
            run = require(await self._store.days_of_run(asked.run), "bill run", asked.run)
            chosen.append(run)
            if days is not None:
                chosen.append({key: [days] for key in run})
            ranges = [one_range for ranges in run.values() for one_range in ranges]
            if days is None and ranges:
                days = DayRange(
                    min(one_range.first for one_range in ranges),
                    max(one_range.end for one_range in ranges),
                )
        if days is None:
            message = "Reconciliation needs a month, or a run that has bills."
            raise InvalidValueError(message, value=asked.run)
        if asked.tariff is not None:
            tariff = await self._store.days_of_tariff(asked.tariff, days)
            chosen.append(require(tariff, "tariff", asked.tariff))
        if asked.group is not None:
            group = await self._store.days_of_group(asked.group, days)
            chosen.append(require(group, "group", asked.group))
        if asked.account is not None:
            account = await self._store.days_of_account(asked.account, days)
            chosen.append(require(account, "account", asked.account))
        return days, _common(chosen)

    async def _add_not_served(self, report: Reconciliation) -> None:
        """What is counted where nothing was ever agreed is vacant, or shared out to others."""
        after = 0
        while channels := await self._store.not_served(after, AT_ONCE):
            for coverage in (Coverage.VACANT, Coverage.ALLOCATED):
                ranges = [
                    ChannelRange(channel.channel, mine)
                    for channel in channels
                    if (mine := _not_served(channel, report.days, coverage)) is not None
                ]
                for days in chain.from_iterable(await self._store.validated(ranges)):
                    report.sums[NOT_SERVED, days.unit.value, coverage].add(days)
            after = channels[-1].channel

    async def _add(
        self,
        report: Reconciliation,
        services: Sequence[ReconciledService],
        wanted: DaysOfServices | None,
    ) -> None:
        """Add all validated days of services to what becomes of them."""
        accounts = {mine.account_id for service in services for mine in service.occupied}
        periods = await self._store.periods(accounts, report.days.end)
        now = self._clock()
        covered: list[CoveredDays] = []
        for service in services:
            mine = None if wanted is None else wanted[service.id]
            covered += covered_days(service, report.days, mine, periods, now)
        ranges = [ChannelRange(each.channel, each.days) for each in covered]
        validated = await self._store.validated(ranges)
        counted = [
            (each, days) for each, found in zip(covered, validated, strict=True) for days in found
        ]
        again = {
            ReadDay(each.reader.id, days.channel, days.days.first)
            for each, days in counted
            if each.reader and each.coverage in READ and days.version > 1
        }
        billed = BilledDays(await self._store.as_billed(again), report.changed.append)
        named: list[_Counted] = []
        for each, days in counted:
            reader, read = each.reader, days
            if reader is not None and each.coverage in READ:
                read = billed.read(each.service, days, reader)
            report.sums[each.service.name, read.unit.value, each.coverage].add(read)
            if each.coverage in _NAMED:
                named.append((each, read))
        for rows, kinds in (
            (report.faults, frozenset(Coverage) - BALANCED),
            (report.decided, {Coverage.DECIDED, Coverage.SUPPRESSED}),
            (report.adjusted, {Coverage.ADJUSTED, Coverage.BEYOND_LIMIT}),
        ):
            _add_named(rows, [each for each in named if each[0].coverage in kinds])
        report.services += len(services)


def _common(chosen: Sequence[DaysOfServices]) -> DaysOfServices | None:
    """The days that all hold, by service; None where nothing is chosen."""
    if not chosen:
        return None
    common = dict(chosen[0])
    for other in chosen[1:]:
        common = {
            key: ranges
            for key in common.keys() & other.keys()
            if (ranges := [*_both(common[key], other[key])])
        }
    return common


def _both(some: Iterable[DayRange], others: Sequence[DayRange]) -> Iterator[DayRange]:
    for days in some:
        for other in others:
            if (both := days.within(other)) is not None:
                yield both


_NAMED = (frozenset(Coverage) - BALANCED) | {
    Coverage.DECIDED,
    Coverage.SUPPRESSED,
    Coverage.ADJUSTED,
    Coverage.BEYOND_LIMIT,
}
"""Of which a report names the days."""

_Counted = tuple[CoveredDays, ValidatedDays]


def _add_named(named: list[NamedDays], counted: Iterable[_Counted]) -> None:
    """Name days as ranges, while there is room; each day of a channel is in one."""
    ranges: list[NamedDays] = []
    for each, read in counted:
        reader, service = each.reader, each.service
        adjusted = None
        if reader is not None and each.coverage is Coverage.ADJUSTED:
            adjusted = reader.adjusted
        elif reader is not None and each.coverage is Coverage.BEYOND_LIMIT:
            adjusted = reader.beyond
        elif each.coverage is Coverage.SUPPRESSED:
            adjusted = suppression_on(read.days.first, service.occupied)
        days = NamedDays(
            service.point,
            service.name,
            service.channels[each.channel],
            read.days,
            each.coverage,
            read.total,
            read.unit.value,
            each.decided,
            adjusted,
        )
        last = ranges[-1] if ranges else None
        if last and last.days.end == days.days.first and _alike(last) == _alike(days):
            both = DayRange(last.days.first, days.days.end)
            ranges[-1] = replace(last, days=both, total=last.total + days.total)
        else:
            ranges.append(days)
    named += ranges[: max(0, FAULTS_NAMED - len(named))]


def _alike(days: NamedDays) -> tuple[object, ...]:
    """What days that are named together have in common."""
    names = days.point, days.service, days.obis, days.unit
    return *names, days.coverage, days.decided, days.adjusted


def _not_served(channel: NotServed, days: DayRange, coverage: Coverage) -> DayRange | None:
    """Those of some days on which a channel is shared out, or those before."""
    shared_from = days.end if channel.shared_from is None else channel.shared_from
    border = min(max(shared_from, days.first), days.end)
    first, end = (days.first, border) if coverage is Coverage.VACANT else (border, days.end)
    return DayRange(first, end) if first < end else None
