"""Demand: the highest average power over a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.baseline import WEIGHTED
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
)
from central.domain.rating.determinants.demand_windows import windows_of
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import of_each_channel
from central.domain.rating.inputs.interval_weights import Runs, product
from central.domain.rating.inputs.period_runs import Plan
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.determinant_rules import (
    MaxDeterminant,
)

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
    measured = context.measured(rule.name, segment)
    if measured:
        yield from measured
        return
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
            days = plan.day_numbers[begins[mine] + (width - 1 if rule.astride == "last" else 0)]
            chosen = _daily(days, sums[mine])
        if rule.mean_of:
            chosen = _highest(chosen, sums[mine], rule.mean_of)
        peaks = [int(sums[mine[index]]) for index in chosen]
        value = sum(peaks) * windows.per_hour / (len(peaks) if rule.mean_of else 1)
        if rule.daily:
            context.daily[rule.name, segment.number, label] = (peaks, windows.per_hour)
        how = "daily_max" if rule.daily else MEAN if rule.mean_of else "max"
        selection = windows.selection(int(begins[mine][index]) for index in chosen)
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


def _daily(days: NDArray[np.int64], sums: NDArray[np.int64]) -> list[int]:
    """Index of each day's largest window; the earliest wins a tie.

    Args:
        days: Day of each window.
        sums: Energy of each.
    """
    chosen = []
    for day in np.unique(days):
        mine = np.flatnonzero(days == day)
        chosen.append(int(mine[sums[mine].argmax()]))
    return chosen


def _highest(days: Sequence[int], sums: NDArray[np.int64], count: int) -> list[int]:
    """The windows of the highest days, in order of time; the earliest win a tie."""
    ranked = sorted(days, key=lambda index: (-int(sums[index]), index))
    return sorted(ranked[:count])
