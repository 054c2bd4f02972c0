"""Peak-time rebates: how far use stayed below what earlier days let expect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import HeldError, RatingContext, unit_of
from central.domain.rating.determinants.named_intervals import named_intervals
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.interval_weights import Runs, product
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.calendar import day_type_on, local_clock
from central.domain.tariff.determinant_rules import Adjustment, RebateDeterminant

WEIGHTED = "weighted"
"""How a determinant is made whose sources' weights say which intervals count, and how much."""
Weights = dict[date, dict[int, Fraction]]


@dataclass(frozen=True, slots=True)
class _Day:
    """One local day of the series.

    Args:
        day: Local date.
        values: Exact, per interval. [billing unit]
        minutes: Minute of day at the start of each interval.
        series: Of that day.
    """

    day: date
    values: list[Fraction]
    minutes: list[int]
    series: InputSeries

    def at(self, minutes: Sequence[int]) -> list[int] | None:
        """The intervals that start at these minutes, the first of each; None where one lacks."""
        places = {minute: place for place, minute in reversed(list(enumerate(self.minutes)))}
        if any(minute not in places for minute in minutes):
            return None
        return [places[minute] for minute in minutes]

    def sum(self, places: Sequence[int]) -> Fraction:
        """Use of some intervals."""
        return sum((self.values[place] for place in places), Fraction(0))


def compute_rebate(
    rule: RebateDeterminant, segment: Segment, context: RatingContext
) -> Determinant:
    """The reduction of use in the hours of the segment's events.

        baseline  = average of the picked days at the same times of day x adjustment
        reduction = sum over the event's intervals of (baseline - use), not below zero

    The marked intervals of a local day are one event. Days are looked at backwards from the event:
    those of its day type that have no event and whole data, until there are `days`; the picked
    ones have the highest (or lowest) use at the event's times, the later day first among equals.
    The adjustment is use over baseline in the time before the event, within 1 -/+ cap. The result
    is a weighted sum of intervals, 1 / picked x adjustment for the days before and -1 for the
    event, and so proven from them. On a day whose clock is changed, times that come twice count
    once, the first time.

    Raises:
        HeldError: Fewer days than are to be picked are known, or the events are not known.

    Source: docs/reference/charges.md, "Prices per interval"; baselines of the "X highest of Y
        days" kind with day-of adjustment, as in NAESB WEQ-015 (Baseline Type 1) and Goldberg and
        Agnew, "Measurement and Verification for Demand Response" (2013)
    """
    unit = unit_of(segment, rule.series)
    total, weights = Fraction(0), Weights()
    days: dict[date, _Day] = {}
    for day in segment.days.days():
        event = _day(rule, day, segment, context)
        if event is None:
            raise HeldError(Hold("NO_INTERVALS", f"No interval exists on {day}.", str(day)))
        days[day] = event
        places = np.flatnonzero(_marks(rule, event, segment, context)).tolist()
        if places:
            found = _event(rule, event, places, segment, context, days)
            for own, places_of in found.items():
                row = weights.setdefault(own, {})
                for place, weight in places_of.items():
                    row[place] = row.get(place, Fraction(0)) + weight
                    total += days[own].values[place] * weight
    sources = tuple(
        source for day in sorted(weights) for source in _sources(days[day], weights[day])
    )
    return Determinant(rule.name, segment.number, "", unit, total, total, WEIGHTED, sources=sources)


def _event(  # noqa: PLR0913, PLR0917 - an event and what it is compared with
    rule: RebateDeterminant,
    event: _Day,
    places: list[int],
    segment: Segment,
    context: RatingContext,
    days: dict[date, _Day],
) -> Weights:
    minutes = list(dict.fromkeys(event.minutes[place] for place in places))
    picked = _picked(rule, event.day, minutes, segment, context)
    days |= {day.day: day for day in picked}
    share = _adjustment(rule.baseline.adjust, event, places[0], picked) / len(picked)
    found: Weights = {event.day: dict.fromkeys(places, Fraction(-1))}
    for day in picked:
        same = dict(zip(minutes, day.at(minutes) or (), strict=True))
        row = found.setdefault(day.day, {})
        for place in places:
            own = same[event.minutes[place]]
            row[own] = row.get(own, Fraction(0)) + share
    if rule.floor == "none":
        return found
    if rule.floor == "event":
        total = sum(days[d].values[p] * w for d, row in found.items() for p, w in row.items())
        return found if total > 0 else {}
    kept: Weights = {}
    for place in places:
        minute = event.minutes[place]
        same_time = {day.day: (day.at([minute]) or [0])[0] for day in picked}
        base = sum((days[d].values[p] for d, p in same_time.items()), Fraction(0)) * share
        if base > event.values[place]:
            kept.setdefault(event.day, {})[place] = Fraction(-1)
            for d, p in same_time.items():
                kept.setdefault(d, {})[p] = kept.get(d, {}).get(p, Fraction(0)) + share
    return kept


def _picked(
    rule: RebateDeterminant, day: date, minutes: list[int], segment: Segment, context: RatingContext
) -> list[_Day]:
    baseline, calendar = rule.baseline, segment.version.document.calendar
    kind = day_type_on(calendar, day, context.resolved)
    found: list[_Day] = []
    for back in range(1, baseline.reach + 1):
        other = day - timedelta(days=back)
        if baseline.like == "day_type" and day_type_on(calendar, other, context.resolved) != kind:
            continue
        known = _day(rule, other, segment, context)
        if known is None or known.at(minutes) is None:
            continue
        if _marks(rule, known, segment, context).any():
            continue
        found.append(known)
        if len(found) == baseline.days:
            break
    if len(found) < baseline.pick:
        message = f"{len(found)} days before the event of {day} are known, not {baseline.pick}."
        raise HeldError(Hold("NO_BASELINE", message, rule.name))
    if baseline.rank != "latest":
        sign = -1 if baseline.rank == "highest" else 1
        found.sort(key=lambda one: (sign * one.sum(one.at(minutes) or ()), -one.day.toordinal()))
    return found[: baseline.pick]


def _adjustment(rule: Adjustment | None, event: _Day, first: int, picked: list[_Day]) -> Fraction:
    if rule is None:
        return Fraction(1)
    end = event.minutes[first] - rule.gap
    minutes = sorted({minute for minute in event.minutes if end - rule.minutes <= minute < end})
    rows = [(day, day.at(minutes)) for day in (event, *picked)]
    if not minutes or any(places is None for _, places in rows):
        return Fraction(1)
    own, *others = [day.sum(places or ()) for day, places in rows]
    average = sum(others, Fraction(0)) / len(others)
    if average == 0:
        return Fraction(1)
    cap = Fraction(rule.cap) / 100
    return min(max(own / average, 1 - cap), 1 + cap)


def _marks(
    rule: RebateDeterminant, day: _Day, segment: Segment, context: RatingContext
) -> NDArray[np.bool_]:
    series = day.series
    return named_intervals(rule.during, segment, context, series, slice(0, len(series.values)))


def _day(
    rule: RebateDeterminant, day: date, segment: Segment, context: RatingContext
) -> _Day | None:
    """One day of the series: of the bill's own, or of the days before it."""
    key = (rule.series, day)
    if key not in context.days:
        try:
            context.days[key] = context.past(segment, rule.series, day)
        except HeldError:
            context.days[key] = None
    series = context.days[key]
    if series is None:
        return None
    document = segment.version.document
    one = DayRange(day, day + timedelta(days=1))
    clock = local_clock(
        one.first, one.end, document.zone, document.clock, series.step_s, document.day_start
    )
    values = [int(value) * series.scale for value in series.values.tolist()]
    return _Day(day, values, clock.minutes.tolist(), series)


def _sources(day: _Day, weights: dict[int, Fraction]) -> Iterator[BlockSource]:
    runs: Runs = tuple((place, 1, weight) for place, weight in sorted(weights.items()))
    one = DayRange(day.day, day.day + timedelta(days=1))
    for source in day.series.sources(one):
        own = product(runs, source.weights) if source.weights else runs
        yield source._replace(weights=_joined(own))


def _joined(runs: Runs) -> Runs:
    found: list[tuple[int, int, Fraction]] = []
    for offset, length, weight in runs:
        if found and found[-1][2] == weight and sum(found[-1][:2]) == offset:
            found[-1] = (found[-1][0], found[-1][1] + length, weight)
        elif weight:
            found.append((offset, length, weight))
    return tuple(found)
