"""The days of a service, cut into ranges of which the same becomes: each is summed at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.coverage import (
    READ,
    Coverage,
    DecidedDays,
    LivePart,
    OccupiedDays,
    coverage_on,
    decisions_on,
)
from central.domain.billing.due import billed_on
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.changed_since_billed import reader_of
from central.service.ports.reconciliation import ReconciledService
from firmware_bridge.contract.interval import day_start

_DAY = timedelta(days=1)


class CoveredDays(NamedTuple):
    """Days end to end of one service and channel, of which the same becomes.

    Args:
        service: The service.
        channel: Key of the channel.
        days: Local days.
        coverage: What becomes of them.
        reader: The one part of its bills that has them; None where none or several have.
        decided: What was decided of them, where that is what becomes of them.
    """

    service: ReconciledService
    channel: int
    days: DayRange
    coverage: Coverage
    reader: LivePart | None
    decided: tuple[DecidedDays, ...]


def covered_days(
    service: ReconciledService,
    days: DayRange,
    wanted: Sequence[DayRange] | None,
    periods: AccountPeriods,
    now: datetime,
) -> Iterator[CoveredDays]:
    """Days of a service by channel, ascending, each day once.

    Args:
        service: With all that is billed of it.
        days: Local days.
        wanted: Which of them; None for all.
        periods: The billing periods of its accounts.
        now: Aware.
    """

    def unread(holder: OccupiedDays, day: date) -> Coverage:
        due_on, due = _due_on(periods, holder, day)
        over = day_start(due_on, service.zone, service.day_start) <= now
        return due if over else Coverage.NOT_YET_DUE

    alike = [
        (
            each,
            coverage_on(each.first, service.occupied, service.agreed, unread),
            reader_of(service, each.first),
        )
        for each in _alike(service, days, wanted, periods)
    ]
    for channel in service.channels:
        for each, covers, reader in alike:
            coverage = covers
            if reader and coverage in READ and not reader.reads(channel, each.first):
                coverage = Coverage.NOT_IN_BILL
            decides = coverage is Coverage.DECIDED
            decided = tuple(decisions_on(each.first, service.occupied)) if decides else ()
            yield CoveredDays(service, channel, each, coverage, reader, decided)


def _alike(
    service: ReconciledService,
    days: DayRange,
    wanted: Sequence[DayRange] | None,
    periods: AccountPeriods,
) -> Iterator[DayRange]:
    """The days that are wanted, cut wherever anything that decides of them begins or ends."""
    cuts = {days.first, days.end}
    ranges = [*(wanted or ()), *_ranges(service)]
    cuts.update(cut for each in ranges for cut in (each.first, each.end))
    for mine in service.occupied:
        cuts.update(filter(None, (mine.billing_from, mine.ended_on)))
        cuts.update(_period_ends(mine, days, periods))
    for first, end in pairwise(sorted(cut for cut in cuts if days.first <= cut <= days.end)):
        if wanted is None or any(each.first <= first < each.end for each in wanted):
            yield DayRange(first, end)


def _ranges(service: ReconciledService) -> Iterable[DayRange]:
    yield from service.agreed
    for mine in service.occupied:
        for claim in mine.claims:
            yield claim.days
        for decided in mine.decided:
            yield decided.days
        for suppressed in mine.suppressed:
            yield suppressed.days
        for live in mine.parts:
            yield live.days
            if live.beyond_until is not None:
                yield DayRange(live.days.first, live.beyond_until)
            for read in (live.days_read or {}).values():
                yield from read


def _period_ends(mine: OccupiedDays, days: DayRange, periods: AccountPeriods) -> Iterator[date]:
    """Where the periods of an occupancy end; a day without one stands alone, each is over later."""
    first = max(days.first, mine.billing_from)
    while first < min(days.end, mine.ended_on or date.max):
        period = periods.on(mine.account_id, first)
        first = first + _DAY if period is None else period.days.end
        yield first


def _due_on(periods: AccountPeriods, holder: OccupiedDays, day: date) -> tuple[date, Coverage]:
    """From which local day on a day is to be billed, and what it is then."""
    period = periods.on(holder.account_id, day)
    if period is None:
        return day + _DAY, Coverage.NO_PERIOD
    return billed_on(period, holder.ended_on), Coverage.DUE
