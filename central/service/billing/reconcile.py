"""Reconcile what is validated with what is billed, to the watt-hour and to the cent.

Each validated interval of each service and channel is read by exactly one live part of a bill, or
is named for why none reads it. The energy is summed from the newest blocks, and whose it is comes
from the days of parts and claims: the quantity that a bill prints is not looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.coverage import (
    BALANCED,
    READ,
    CorrectionNote,
    Coverage,
    DecidedDays,
    LivePart,
    OccupiedDays,
    coverage_on,
    decisions_on,
)
from central.domain.billing.due import billed_on
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.changed_since_billed import (
    BilledDays,
    read_again,
    reader_of,
)
from central.service.billing.reconciliation_report import (
    FAULTS_NAMED,
    NamedDays,
    ReconciledScope,
    Reconciliation,
    covers,
)
from central.service.ports.account_money import DaysOfServices
from central.service.ports.reconciliation import (
    ReconciledService,
    ReconciliationStore,
    ValidatedDay,
)
from central.service.views.lookup import require
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import day_start

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
        """What is counted where nothing was ever agreed is vacant."""
        after = 0
        while channels := await self._store.not_served(after, AT_ONCE):
            keys = [key for key, _, _ in channels]
            for day in await self._store.channel_days(keys, report.days):
                report.sums[NOT_SERVED, day.unit.value, Coverage.VACANT].add(day)
            after = keys[-1]

    async def _add(
        self,
        report: Reconciliation,
        services: Sequence[ReconciledService],
        wanted: DaysOfServices | None,
    ) -> None:
        accounts = {mine.account_id for service in services for mine in service.occupied}
        periods = await self._store.periods(accounts, report.days.end)
        channels = {channel for service in services for channel in service.channels}
        validated: dict[int, list[ValidatedDay]] = defaultdict(list)
        for day in await self._store.channel_days(channels, report.days):
            validated[day.channel].append(day)
        billed = BilledDays(
            await self._store.as_billed(read_again(services, validated)), report.changed.append
        )
        for service in services:
            mine = None if wanted is None else wanted[service.id]
            self._add_service(report, service, mine, periods, validated, billed)
        report.services += len(services)

    def _add_service(  # noqa: PLR0913, PLR0917 - all that a report is made of
        self,
        report: Reconciliation,
        service: ReconciledService,
        wanted: Sequence[DayRange] | None,
        periods: AccountPeriods,
        validated: dict[int, list[ValidatedDay]],
        billed: BilledDays,
    ) -> None:
        """Add each validated day of a service to what becomes of it."""
        now = self._clock()

        def unread(holder: OccupiedDays, day: date) -> Coverage:
            due_on, due = _due_on(periods, holder, day)
            over = day_start(due_on, service.zone, service.day_start) <= now
            return due if over else Coverage.NOT_YET_DUE

        names: dict[date, Coverage] = {}
        readers: dict[date, LivePart | None] = {}
        for channel, obis in service.channels.items():
            covered: list[_CoveredDay] = []
            for day in sorted(validated.get(channel, ()), key=lambda one_day: one_day.day):
                if wanted is not None and not _holds(wanted, day.day):
                    continue
                if day.day not in names:
                    names[day.day] = coverage_on(day.day, service.occupied, service.agreed, unread)
                    readers[day.day] = reader_of(service, day.day)
                coverage, reader, counted = names[day.day], readers[day.day], day
                if coverage in READ and reader is not None:
                    if reader.reads(channel, day.day):
                        counted = billed.read(service, obis, day, reader)
                    else:
                        coverage = Coverage.NOT_IN_BILL
                report.sums[service.name, day.unit.value, coverage].add(counted)
                covered.append((counted, coverage, *_decided(service, day.day, coverage, reader)))
            for named, kinds in (
                (report.faults, frozenset(Coverage) - BALANCED),
                (report.decided, {Coverage.DECIDED}),
                (report.adjusted, {Coverage.ADJUSTED}),
            ):
                _add_named(named, service, obis, [each for each in covered if each[1] in kinds])


def _decided(
    service: ReconciledService, day: date, coverage: Coverage, reader: LivePart | None
) -> tuple[tuple[DecidedDays, ...], CorrectionNote | None]:
    """What was decided of a day, of its claims or of the bill that reads it."""
    decisions = decisions_on(day, service.occupied) if coverage is Coverage.DECIDED else ()
    adjusted = reader is not None and coverage is Coverage.ADJUSTED
    return tuple(decisions), reader.adjusted if reader is not None and adjusted else None


def _due_on(periods: AccountPeriods, holder: OccupiedDays, day: date) -> tuple[date, Coverage]:
    """From which local day on a day is to be billed, and what it is then."""
    period = periods.on(holder.account_id, day)
    if period is None:
        return day + timedelta(days=1), Coverage.NO_PERIOD
    return billed_on(period, holder.ended_on), Coverage.DUE


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


def _holds(ranges: Iterable[DayRange], day: date) -> bool:
    return any(days.first <= day < days.end for days in ranges)


_CoveredDay = tuple[ValidatedDay, Coverage, tuple[DecidedDays, ...], CorrectionNote | None]


def _add_named(
    named: list[NamedDays],
    service: ReconciledService,
    obis: str,
    covered: Sequence[_CoveredDay],
) -> None:
    """Name days of a channel as ranges, while there is room; each channel-day is in one."""
    ranges: list[NamedDays] = []
    for day, coverage, decided, adjusted in covered:
        days = DayRange(day.day, day.day + timedelta(days=1))
        total = day.total
        last = ranges[-1] if ranges else None
        alike = (day.day, coverage, decided, adjusted)
        if last and (last.days.end, last.coverage, last.decided, last.adjusted) == alike:
            ranges.pop()
            days, total = DayRange(last.days.first, days.end), last.total + total
        names = service.point, service.name, obis
        ranges.append(NamedDays(*names, days, coverage, total, day.unit.value, decided, adjusted))
    named += ranges[: max(0, FAULTS_NAMED - len(named))]
