"""From intervals to determinants: sums in integers, maxima over windows, formulas in fractions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.baseline import compute_rebate
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    average_fact,
    known_series,
)
from central.domain.rating.determinants.demand import added_up, compute_maxima
from central.domain.rating.determinants.events import compute_events
from central.domain.rating.determinants.excess import ROOT, compute_excess, share_by_squares
from central.domain.rating.determinants.formula import compute_formula
from central.domain.rating.determinants.sums import compute_sums, raw_sums
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.input_series import InputSeries
from central.domain.rating.inputs.segments import Segment
from central.domain.rating.rounding import largest_remainder
from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    EventDeterminant,
    ExcessDeterminant,
    FormulaDeterminant,
    MaxDeterminant,
    RebateDeterminant,
    SumDeterminant,
)
from central.domain.tariff.determinant_rules import Determinant as Rule


def compute(segments: Sequence[Segment], context: RatingContext) -> None:
    """Fill the context: every determinant of every segment, then round each once.

    Raises:
        HeldError: Something is missing.
        CalendarError: The calendar cannot place an interval.
    """
    context.raw = lambda rule, segment: raw_sums(rule, segment, context)[0]
    fill(segments, context, lambda rule, segment: compute_rule(rule, segment, context))
    round_determinants(segments, context)


def fill(
    segments: Sequence[Segment],
    context: RatingContext,
    make: Callable[[Rule, Segment], Iterable[Determinant]],
) -> None:
    """Put every determinant of every segment into the context, unrounded, in order.

    Where the tariff bills the peak of the whole bill (`on_change.demand: bill_peak`), every segment
    has that of the segment with the highest one, the earliest among equals. Windows lie inside a
    segment all the same. Formulas are computed last: they may read what other segments have.

    Args:
        segments: Of the bill.
        context: Takes them.
        make: Gives the determinants of a rule in a segment; formulas may read what is in it.
    """
    context.segments = tuple(segments)
    rated = _measured(segments, make)
    _put(rated.values(), context)
    share_by_squares(context)
    for segment in segments:
        for number, rule in enumerate(segment.version.document.determinants):
            if isinstance(rule, FormulaDeterminant):
                rated[segment.number, number] = list(make(rule, segment))
                _put([rated[segment.number, number]], context)
    # In the order of the tariff, segment by segment.
    filled = context.found.copy()
    context.found.clear()
    for place in sorted(rated):
        keys = [(single.name, single.segment, single.label) for single in rated[place]]
        context.found.update({key: filled[key] for key in keys})


def _measured(
    segments: Sequence[Segment], make: Callable[[Rule, Segment], Iterable[Determinant]]
) -> dict[tuple[int, int], list[Determinant]]:
    """All but formulas, by number of the segment and of the rule."""
    early: Early = {}
    rated: dict[tuple[int, int], list[Determinant]] = {}
    for segment in segments:
        for number, rule in enumerate(segment.version.document.determinants):
            if isinstance(rule, MaxDeterminant):
                for peak in make(rule, segment):
                    early.setdefault((rule.name, segment.number, peak.label), []).append(peak)
            elif not isinstance(rule, FormulaDeterminant):
                rated[segment.number, number] = list(make(rule, segment))
    for segment in segments:
        for number, rule in enumerate(segment.version.document.determinants):
            if isinstance(rule, MaxDeterminant):
                rated[segment.number, number] = _maxima(rule, segment, early, len(segments))
    return rated


def _put(rated: Iterable[Iterable[Determinant]], context: RatingContext) -> None:
    for computed in rated:
        context.found.update(
            {(single.name, single.segment, single.label): single for single in computed}
        )


Early = dict[tuple[str, int, str], list[Determinant]]
"""Maxima by name, segment and label: one, or one of every meter."""


def _maxima(
    rule: MaxDeterminant, segment: Segment, early: Early, segments: int
) -> list[Determinant]:
    whole_bill = segment.version.document.on_change.demand == "bill_peak" and not rule.daily
    found = []
    for (name, number, label), parts in early.items():
        if (name, number) != (rule.name, segment.number):
            continue
        kept = parts
        if whole_bill:
            every = [early.get((name, other, label), []) for other in range(segments)]
            kept = [
                _highest([own[place] for own in every if own], made)
                for place, made in enumerate(parts)
            ]
        found.append(added_up(kept) if rule.meters == "each" else kept[0])
    return found


def _highest(every: Sequence[Determinant], made: Determinant) -> Determinant:
    return max(every, key=lambda other: other.exact)._replace(segment=made.segment)


def compute_rule(rule: Rule, segment: Segment, context: RatingContext) -> Iterator[Determinant]:
    """One determinant of a segment, by label.

    Raises:
        HeldError: Something is missing.
    """
    match rule:
        case SumDeterminant():
            yield from compute_sums(rule, segment, context)
        case MaxDeterminant():
            yield from compute_maxima(rule, segment, context)
        case ExcessDeterminant():
            yield from compute_excess(rule, segment, context)
        case FormulaDeterminant():
            yield compute_formula(rule, segment, context)
        case AllowanceDeterminant():
            per_day = rule.per_day.at(segment.season, "")
            if per_day is None:
                message = f"{rule.name!r} has no allowance in {segment.season!r}."
                raise HeldError(Hold("MISSING_PRICE", message))
            value = Fraction(per_day) * segment.days.count
            yield _plain(rule.name, segment, rule.unit, value, "allowance")
        case CounterDeterminant():
            value = average_fact(rule.counter, segment, context.facts)
            unit = segment.version.document.fact_units.get(rule.counter, rule.counter)
            yield _plain(rule.name, segment, unit, value, "counter")
        case RebateDeterminant():
            yield compute_rebate(rule, segment, context)
        case EventDeterminant():
            yield from compute_events(rule, segment, context)


def _plain(name: str, segment: Segment, unit: str, value: Fraction, how: str) -> Determinant:
    return Determinant(name, segment.number, "", unit, value, value, how)


def series_of(name: str, segment: Segment, context: RatingContext) -> InputSeries:
    """The series that a summed determinant is made of; what is surplus is above zero in it.

    Raises:
        HeldError: The determinant is not a sum of a series.
    """
    base = name.partition(".")[0]
    for rule in segment.version.document.determinants:
        if rule.name == base and isinstance(rule, SumDeterminant):
            known = known_series(rule.series, context)
            return replace(known, values=-known.values) if rule.side == "surplus" else known
    message = f"{name!r} is not a sum of intervals, so tiers cannot fill in order of time."
    raise HeldError(Hold("NO_INTERVALS", message, name))


def running_total(
    determinant: Determinant,
    together: Sequence[Determinant],
    low: Fraction,
    high: Fraction | None,
    series: InputSeries,
) -> Fraction:
    """How much of a period's sum falls between two bounds of the running total of all intervals.

    Args:
        determinant: The period's sum.
        together: Sums of all periods of the segment.
        low: Bound below. [unit of the determinant]
        high: Bound above, None for no bound.
        series: What the determinants are sums of.

    Raises:
        HeldError: The determinant is not a sum of a series.
    """
    rule = determinant.selection
    if rule is None:
        message = f"{determinant.name!r} has no intervals to fill tiers in order."
        raise HeldError(Hold("NO_INTERVALS", message, determinant.name))
    offset = series.place_of(rule.start)
    selections = [part.selection for part in together if part.selection is not None]
    count = max((start + length for own in selections for start, length in own.runs), default=0)
    bottom = Fraction(0) if low <= 0 else low / series.scale
    top = None if high is None else high / series.scale
    times = lcm(bottom.denominator, 1 if top is None else top.denominator)
    counted = np.zeros(count, dtype=np.bool_)
    for own in selections:
        for start, length in own.runs:
            counted[start : start + length] = True
    # Python's integers: a bound may be any fraction of a count.
    values = np.where(counted, series.values[offset : offset + count], 0).astype(object) * times
    after = np.cumsum(values)
    before = after - values
    floor = int(bottom * times)
    upper, lower = np.maximum(after, floor), np.maximum(before, floor)
    if top is not None:
        ceiling = int(top * times)
        upper, lower = np.minimum(upper, ceiling), np.minimum(lower, ceiling)
    inside = upper - lower
    total = sum(int(inside[start : start + length].sum()) for start, length in rule.runs)
    return Fraction(total, times) * series.scale


def round_determinants(segments: Sequence[Segment], context: RatingContext) -> None:
    """Round every determinant once, so that its parts sum to its rounded total.

    Sums are rounded together over segments and labels, roots over segments; maxima and formulas one
    by one.
    """
    groups: dict[tuple[str, int, str, int], list[tuple[str, int, str]]] = {}
    for key, found in context.found.items():
        digits = segments[found.segment].version.document.digits_of(found.unit)
        if digits is None:
            continue
        alone = 0 if found.how in {"sum", ROOT} else 1 + len(groups)
        label = found.label if found.how == ROOT else ""
        groups.setdefault((found.name, digits, label, alone), []).append(key)
    for (_, digits, _, _), keys in groups.items():
        exact = [context.found[key].exact for key in keys]
        for key, value in zip(keys, largest_remainder(exact, digits), strict=True):
            context.found[key] = context.found[key]._replace(value=value)
