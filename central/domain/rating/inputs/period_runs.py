"""Runs of equal period over the days of a bill: made once, used for every meter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.calendar import ResolvedCalendar, local_clock, period_numbers
from central.domain.tariff.version import TariffVersion


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which intervals belong to which period.

    Args:
        labels: Period names; one empty name where there is no split.
        numbers: Label number per interval.
        starts: Index at which each run of equal label begins.
        run_labels: Label number of each run.
        runs: Per label, (offset, length) of its runs; empty where it has no hours.
        minutes: Minute of the local day at the start of each interval.
        day_numbers: Local day of each interval, from 0.
    """

    labels: tuple[str, ...]
    numbers: NDArray[np.int16]
    starts: NDArray[np.int64]
    run_labels: tuple[int, ...]
    runs: tuple[tuple[tuple[int, int], ...], ...]
    minutes: NDArray[np.int64]
    day_numbers: NDArray[np.int64]


@lru_cache(maxsize=512)
def _plan(  # noqa: PLR0913, PLR0917 - everything a plan depends on
    sha256: str,
    by: str,
    first: int,
    end: int,
    step_s: int,
    resolved: ResolvedCalendar,
    holder: _Holder,
) -> Plan:
    del sha256, first, end
    return _made(holder.version, by, holder.days, step_s, resolved)


@dataclass(frozen=True, slots=True, eq=False)
class _Holder:
    """Carries what the cache key already says, without being hashed by content."""

    version: TariffVersion
    days: DayRange

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Holder)


def plan_of(
    version: TariffVersion, by: str, days: DayRange, step_s: int, resolved: ResolvedCalendar
) -> Plan:
    """The plan of a schedule over some days.

    Args:
        version: Tariff version in force.
        by: Schedule, "" for none.
        days: Local days.
        step_s: Length of the intervals. [s]
        resolved: Holidays.

    Raises:
        CalendarError: An interval lies in two periods, a day is not a whole number of intervals, or
            holidays are not resolved.
    """
    first, end = days.first.toordinal(), days.end.toordinal()
    return _plan(version.sha256, by, first, end, step_s, resolved, _Holder(version, days))


def _made(
    version: TariffVersion, by: str, days: DayRange, step_s: int, resolved: ResolvedCalendar
) -> Plan:
    document = version.document
    clock = local_clock(
        days.first, days.end, document.zone, document.clock, step_s, document.day_start
    )
    if by:
        schedule = document.calendar.schedule(by)
        labels = tuple(period.name for period in schedule.periods)
        numbers = period_numbers(document.calendar, schedule, clock, step_s, resolved)
    else:
        labels, numbers = ("",), np.zeros(len(clock.minutes), dtype=np.int16)
    changed = np.flatnonzero(np.diff(numbers)) + 1
    # A date that its zone left out has no intervals, and so no run.
    starts = np.concatenate(([0][: len(numbers)], changed)).astype(np.int64)
    lengths = np.diff(np.append(starts, len(numbers)))
    run_labels = tuple(numbers[starts].tolist())
    runs: list[list[tuple[int, int]]] = [[] for _ in labels]
    for label, start, length in zip(run_labels, starts.tolist(), lengths.tolist(), strict=True):
        runs[label].append((start, length))
    return Plan(
        labels,
        numbers,
        starts,
        run_labels,
        tuple(map(tuple, runs)),
        clock.minutes,
        clock.day_numbers,
    )
