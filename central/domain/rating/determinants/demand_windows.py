"""The windows in which demand is measured: of a segment, and across its borders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.bill_lines.line import Selection
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    known_series,
    unit_of,
)
from central.domain.rating.determinants.named_intervals import named_intervals
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.period_runs import Plan, plan_of
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.determinant_rules import MaxDeterminant
from central.domain.tariff.input_units import POWER

_DAY = timedelta(days=1)
_ELSEWHERE = -1
"""Number of an interval that is in none of the segment's periods."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The intervals that windows of a segment may lie in.

    Args:
        days: Of the segment, and of those beside it that a window may reach into.
        inside: The segment's own intervals among them.
        plan: Periods of the intervals, by the segment's names.
    """

    days: DayRange
    inside: slice
    plan: Plan


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows in which demand is measured for a segment.

    Args:
        series: Whose intervals.
        reach: Which of them.
        width: Of a window, in intervals.
        every: First interval of every window that the tariff asks for, ascending in time.
        begins: Of those that are metered as it wants them.
        sums: Energy of the latter, in counts of the series.
        per_hour: Average power per count.
        unit: Of the power.
    """

    series: InputSeries
    reach: Reach
    width: int
    every: NDArray[np.int64]
    begins: NDArray[np.int64]
    sums: NDArray[np.int64]
    per_hour: Fraction
    unit: str

    @property
    def plan(self) -> Plan:
        """Periods of the intervals."""
        return self.reach.plan

    @property
    def sources(self) -> tuple[BlockSource, ...]:
        """The blocks behind the intervals."""
        return self.series.sources(self.reach.days)

    def selection(self, begins: Iterable[int]) -> Selection:
        """Which intervals some windows are.

        Args:
            begins: Their first intervals, ascending.
        """
        start = self.series.begin_of(self.series.slice_of(self.reach.days).start)
        runs = tuple((begin, self.width) for begin in begins)
        return Selection(start, self.series.step_s, runs)


def windows_of(rule: MaxDeterminant, segment: Segment, context: RatingContext) -> Windows:
    """The windows that count for a segment.

    A rolling window may lie across the border of two segments of a bill, where both measure the
    demand alike. It counts for the one in which it begins; with `astride: last` for that in which
    it ends, and with `each` for both, but for peaks of days, which are of one day. Without a word,
    and with `none`, its intervals are all of one period, on both sides of the border.

    Raises:
        HeldError: The window is not a multiple of the interval, or the system's intervals are not
            known.

    Source: docs/reference/charges.md, "Demand"
    """
    series = known_series(rule.series, context)
    window_s = rule.window_s or series.step_s
    width = window_s // series.step_s
    _need_windows(rule, series, series.slice_of(segment.days))
    reach = reach_of(rule, segment, context.segments, series.step_s, context.resolved)
    place = series.slice_of(reach.days)
    every = begins_for(rule, reach, width)
    if rule.during is not None:
        marks = named_intervals(rule.during, segment, context, series, place)
        every = _named(every, marks, width)
    begins, sums = _metered(rule, every, series.values[place], series.estimated[place], width)
    energy = unit_of(segment, rule.series)
    return Windows(
        series,
        reach,
        width,
        every,
        begins,
        sums,
        series.scale * Fraction(3600, window_s),
        POWER.get(energy, f"{energy}/h"),
    )


def reach_of(
    rule: MaxDeterminant,
    segment: Segment,
    segments: Sequence[Segment],
    step_s: int,
    resolved: ResolvedCalendar,
) -> Reach:
    """The intervals that windows of a segment may lie in.

    Args:
        rule: The demand.
        segment: Of the bill, or days of one.
        segments: All of the bill.
        step_s: Length of an interval. [s]
        resolved: Holidays.
    """

    def plan_on(there: Segment, days: DayRange) -> Plan:
        return plan_of(there.version, rule.by, days, step_s, resolved)

    alone = plan_on(segment, segment.days)
    width = (rule.window_s or step_s) // step_s
    if rule.mode != "rolling" or width == 1:
        return Reach(segment.days, slice(0, len(alone.numbers)), alone)
    sides: list[list[Plan]] = []
    for first, step in ((segment.days.first - _DAY, -_DAY), (segment.days.end, _DAY)):
        side: list[Plan] = []
        for there, day in _days_beside(rule, first, step, segments):
            if sum(len(plan.numbers) for plan in side) >= width - 1:
                break
            side.append(plan_on(there, day))
        sides.append(side)
    before, after = sides[0][::-1], sides[1]
    days = DayRange(segment.days.first - len(before) * _DAY, segment.days.end + len(after) * _DAY)
    begin = sum(len(plan.numbers) for plan in before)
    inside = slice(begin, begin + len(alone.numbers))
    plan = _joined(rule, before, alone, after) if before or after else alone
    return Reach(days, inside, plan)


def _days_beside(
    rule: MaxDeterminant, first: date, step: timedelta, segments: Sequence[Segment]
) -> Iterator[tuple[Segment, DayRange]]:
    """Days of a bill that follow one another, with their segments, as long as these have a rule."""
    day = first
    while True:
        segment = next(
            (there for there in segments if there.days.first <= day < there.days.end), None
        )
        if segment is None or not _measures(rule, segment):
            return
        yield segment, DayRange(day, day + _DAY)
        day += step


def _measures(rule: MaxDeterminant, segment: Segment) -> bool:
    """Whether a segment's version has a rule as well, be it for all meters or for each."""
    return any(
        isinstance(other, MaxDeterminant) and replace(other, meters=rule.meters) == rule
        for other in segment.version.document.determinants
    )


def _joined(
    rule: MaxDeterminant, before: Sequence[Plan], alone: Plan, after: Sequence[Plan]
) -> Plan:
    """The periods of a segment, and of intervals beside it by the names of the segment's."""
    every = [*before, alone, *after]
    number_of = {label: number for number, label in enumerate(alone.labels)}
    names = [
        np.array([number_of.get(label, _ELSEWHERE) for label in plan.labels], dtype=np.int16)
        for plan in every
    ]
    numbers = np.concatenate([name[plan.numbers] for name, plan in zip(names, every, strict=True)])
    starts = np.concatenate(([0], np.flatnonzero(np.diff(numbers)) + 1)).astype(np.int64)
    if rule.astride == "each":
        # Each segment counts what lies in it.
        begin = sum(len(plan.numbers) for plan in before)
        numbers[:begin] = numbers[begin + len(alone.numbers) :] = _ELSEWHERE
    days = [-len(before) + number for number in range(len(before))]
    days += [0] + [alone.day_numbers[-1] + 1 + number for number in range(len(after))]
    return replace(
        alone,
        numbers=numbers,
        starts=starts,
        minutes=np.concatenate([plan.minutes for plan in every]),
        day_numbers=np.concatenate(
            [plan.day_numbers + day for plan, day in zip(every, days, strict=True)]
        ),
    )


def begins_for(rule: MaxDeterminant, reach: Reach, width: int) -> NDArray[np.int64]:
    """First interval of every window that counts for a segment, ascending in time.

    Args:
        rule: The demand.
        reach: Intervals of the segment and beside it.
        width: Of a window, in intervals.
    """
    begins = _window_begins(rule, reach.plan, len(reach.plan.numbers), width)
    last, inside = begins + width - 1, reach.inside
    if rule.astride == "last":
        counts = (last >= inside.start) & (last < inside.stop)
    elif rule.astride == "each" and not rule.daily and rule.mean_of is None:
        counts = (last >= inside.start) & (begins < inside.stop)
    else:
        counts = (begins >= inside.start) & (begins < inside.stop)
    chosen: NDArray[np.int64] = begins[counts]
    return chosen


def _need_windows(rule: MaxDeterminant, series: InputSeries, span: slice) -> None:
    """Refuse windows that are no whole number of intervals of one length."""
    if (rule.window_s or series.step_s) % series.step_s:
        message = f"The window of {rule.name!r} is not a multiple of {series.step_s} s."
        raise HeldError(Hold("BAD_WINDOW", message, rule.name))
    if not series.is_even(span):
        message = f"The days that {rule.name!r} compares have 23, 24 or 25 hours."
        raise HeldError(Hold("MIXED_INTERVALS", message, rule.name))


def _named(begins: NDArray[np.int64], counts: NDArray[np.bool_], width: int) -> NDArray[np.int64]:
    """The windows that lie wholly inside the intervals that count."""
    marks = np.concatenate(([0], np.cumsum(counts)))
    inside: NDArray[np.int64] = begins[marks[begins + width] - marks[begins] == width]
    return inside


def _metered(
    rule: MaxDeterminant,
    begins: NDArray[np.int64],
    values: NDArray[np.int64],
    estimated: NDArray[np.bool_],
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start index and energy of every window that counts, ascending in time."""
    if rule.estimated == "exclude" and estimated.any():
        marks = np.concatenate(([0], np.cumsum(estimated)))
        begins = begins[marks[begins + width] == marks[begins]]
    sums = values[begins].copy()
    for offset in range(1, width):
        sums += values[begins + offset]
    return begins, sums


def _window_begins(rule: MaxDeterminant, plan: Plan, length: int, width: int) -> NDArray[np.int64]:
    """First interval of every window that counts for a period, ascending in time.

    A window that lies in several periods is among them where the tariff says for which it counts.

    Args:
        rule: Block or rolling.
        plan: Periods.
        length: Number of intervals.
        width: Of a window, in intervals.
    """
    count = length - width + 1
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    begins = np.arange(count, dtype=np.int64)
    if width == 1:
        return begins
    if rule.mode == "block":
        step = int((plan.minutes[1] - plan.minutes[0]) % 1440)
        begins = begins[plan.minutes[:count] % (step * width) == 0]
    if rule.astride not in {"", "none"}:
        return begins
    run_of = np.zeros(length, dtype=np.int64)
    run_of[plan.starts[1:]] = 1
    run_of = np.cumsum(run_of)
    inside: NDArray[np.int64] = begins[run_of[begins] == run_of[begins + width - 1]]
    return inside
