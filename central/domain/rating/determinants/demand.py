"""Demand: the highest average power over a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.determinants.baseline import WEIGHTED
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    known_series,
    unit_of,
)
from central.domain.rating.determinants.named_intervals import named_intervals
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import InputSeries, of_each_channel
from central.domain.rating.inputs.interval_weights import Runs, product
from central.domain.rating.inputs.period_runs import Plan, plan_of
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.determinant_rules import (
    MaxDeterminant,
)
from central.domain.tariff.input_units import POWER

MEAN = "mean_max"
"""How the mean of the highest days' peaks is made."""


def compute_maxima(
    rule: MaxDeterminant, segment: Segment, context: RatingContext
) -> Iterator[Determinant]:
    """The highest average power of each period; the earliest window wins a tie.

        kW = energy of the window x 3600 / length of the window in seconds

    Meters of one input are added before the maximum is taken (conjunctive); with `meters: each`
    their maxima come one by one, for `added_up`. With `during`, only windows inside the intervals
    that the system names count: the coincident peak, zero where it names none. With `mean_of` the
    value is the mean of so many days' peaks, the highest, one of each day; of all days where there
    are fewer.

    Raises:
        HeldError: The window is not a multiple of the interval, none is complete, or the system's
            intervals are not known.

    Source: docs/reference/charges.md, "Demand"
    """
    if rule.meters == "each":
        yield from _of_each(rule, segment, context)
        return
    windows = windows_of(rule, segment, context)
    plan, begins, sums, width = windows.plan, windows.begins, windows.sums, windows.width
    for number, label in enumerate(plan.labels):
        if not plan.runs[number]:
            continue
        mine = np.flatnonzero(_counts_for(rule, plan, begins, width, number))
        asked = _counts_for(rule, plan, windows.every, width, number)
        if rule.during is not None and not asked.any():
            nothing, how = Fraction(0), "daily_max" if rule.daily else "max"
            yield Determinant(rule.name, segment.number, label, windows.unit, nothing, nothing, how)
            continue
        if mine.size == 0:
            raise no_window(rule.name, label)
        chosen = [int(sums[mine].argmax())]
        if rule.daily or rule.mean_of:
            chosen = _daily(plan, begins[mine], sums[mine])
        if rule.mean_of:
            chosen = _highest(chosen, sums[mine], rule.mean_of)
        peaks = [int(sums[mine[index]]) for index in chosen]
        value = sum(peaks) * windows.per_hour / (len(peaks) if rule.mean_of else 1)
        if rule.daily:
            context.daily[rule.name, segment.number, label] = (peaks, windows.per_hour)
        runs = tuple((int(begins[mine][index]), width) for index in chosen)
        how = "daily_max" if rule.daily else MEAN if rule.mean_of else "max"
        selection = Selection(windows.start, windows.step_s, runs)
        yield Determinant(
            rule.name,
            segment.number,
            label,
            windows.unit,
            value,
            value,
            how,
            selection,
            windows.sources,
        )


def no_window(name: str, label: str) -> HeldError:
    """Why a demand cannot be known in a period."""
    message = f"No window of {name!r} {label} is complete and metered."
    return HeldError(Hold("NO_DEMAND_WINDOW", message, name))


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a segment in which demand is measured.

    Args:
        plan: Periods.
        start: First instant of the segment. UTC.
        step_s: Length of an interval. [s]
        width: Of a window, in intervals.
        every: First interval of every window that the tariff asks for, ascending in time.
        begins: Of those that are metered as it wants them.
        sums: Energy of the latter, in counts of the series.
        per_hour: Average power per count.
        unit: Of the power.
        sources: Blocks behind them.
    """

    plan: Plan
    start: datetime
    step_s: int
    width: int
    every: NDArray[np.int64]
    begins: NDArray[np.int64]
    sums: NDArray[np.int64]
    per_hour: Fraction
    unit: str
    sources: tuple[BlockSource, ...]


def windows_of(rule: MaxDeterminant, segment: Segment, context: RatingContext) -> Windows:
    """The windows of a segment.

    Raises:
        HeldError: The window is not a multiple of the interval, or the system's intervals are not
            known.
    """
    series = known_series(rule.series, context)
    place = series.slice_of(segment.days)
    plan = plan_of(segment.version, rule.by, segment.days, series.step_s, context.resolved)
    window_s = rule.window_s or series.step_s
    width = window_s // series.step_s
    _need_windows(rule, series, place)
    every = window_begins(rule, plan, place.stop - place.start, width)
    if rule.during is not None:
        marks = named_intervals(rule.during, segment, context, series, place)
        every = _named(every, marks, width)
    values, estimated = series.values[place], series.estimated[place]
    begins, sums = _windows(rule, every, values, estimated, width)
    energy = unit_of(segment, rule.series)
    return Windows(
        plan,
        series.begin_of(place.start),
        series.step_s,
        width,
        every,
        begins,
        sums,
        series.scale * Fraction(3600, window_s),
        POWER.get(energy, f"{energy}/h"),
        series.sources(segment.days),
    )


def _need_windows(rule: MaxDeterminant, series: InputSeries, span: slice) -> None:
    """Refuse windows that are no whole number of intervals of one length."""
    if (rule.window_s or series.step_s) % series.step_s:
        message = f"The window of {rule.name!r} is not a multiple of {series.step_s} s."
        raise HeldError(Hold("BAD_WINDOW", message, rule.name))
    if not series.is_even(span):
        message = f"The days that {rule.name!r} compares have 23, 24 or 25 hours."
        raise HeldError(Hold("MIXED_INTERVALS", message, rule.name))


def _of_each(
    rule: MaxDeterminant, segment: Segment, context: RatingContext
) -> Iterator[Determinant]:
    alone = replace(rule, meters="together")
    for series in of_each_channel(context.series[rule.series]):
        own = replace(context, series={**context.series, rule.series: series})
        yield from compute_maxima(alone, segment, own)


def added_up(parts: Sequence[Determinant]) -> Determinant:
    """The maxima of single meters as one, a weighted sum of the intervals of their windows."""
    value = sum((made.exact for made in parts), Fraction(0))
    sources = tuple(source for made in parts for source in _window_sources(made))
    return parts[0]._replace(
        exact=value, value=value, how=WEIGHTED, selection=None, sources=sources
    )


def _window_sources(made: Determinant) -> Iterator[BlockSource]:
    if made.selection is None:
        return
    _, width = made.selection.runs[0]
    per_hour = Fraction(3600, width * made.selection.step_s)
    runs: Runs = tuple((*run, per_hour) for run in made.selection.runs)
    for source in made.sources:
        yield source._replace(weights=product(runs, source.weights) if source.weights else runs)


def _named(begins: NDArray[np.int64], counts: NDArray[np.bool_], width: int) -> NDArray[np.int64]:
    """The windows that lie wholly inside the intervals that count."""
    marks = np.concatenate(([0], np.cumsum(counts)))
    inside: NDArray[np.int64] = begins[marks[begins + width] - marks[begins] == width]
    return inside


def _windows(
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


def window_begins(rule: MaxDeterminant, plan: Plan, length: int, width: int) -> NDArray[np.int64]:
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


def _counts_for(
    rule: MaxDeterminant, plan: Plan, begins: NDArray[np.int64], width: int, number: int
) -> NDArray[np.bool_]:
    """Whether each window counts for a period: that of its first interval, its last, or of any."""
    offset = width - 1 if rule.astride == "last" else 0
    counts: NDArray[np.bool_] = plan.numbers[begins + offset] == number
    if rule.astride == "each":
        for offset in range(1, width):
            counts |= plan.numbers[begins + offset] == number
    return counts


def _daily(plan: Plan, begins: NDArray[np.int64], sums: NDArray[np.int64]) -> list[int]:
    """Index of each day's largest window; the earliest wins a tie."""
    days = plan.day_numbers[begins]
    chosen = []
    for day in np.unique(days):
        mine = np.flatnonzero(days == day)
        chosen.append(int(mine[sums[mine].argmax()]))
    return chosen


def _highest(days: Sequence[int], sums: NDArray[np.int64], count: int) -> list[int]:
    """The windows of the highest days, in order of time; the earliest win a tie."""
    ranked = sorted(days, key=lambda index: (-int(sums[index]), index))
    return sorted(ranked[:count])
