"""From intervals to determinants: sums in integers, maxima over windows, formulas in fractions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from math import lcm

import numpy as np

from central.domain.metering.block import exact_sum
from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.determinants.baseline import compute_rebate
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    average_fact,
    known_series,
    unit_of,
)
from central.domain.rating.determinants.demand import added_up, compute_maxima
from central.domain.rating.determinants.events import compute_events
from central.domain.rating.determinants.formula import compute_formula
from central.domain.rating.determinants.named_intervals import named_intervals
from central.domain.rating.determinants.netting import (
    crosses,
    netting_periods,
    shared,
    together,
)
from central.domain.rating.hold import Hold
from central.domain.rating.inputs.energy_bank import net_with_bank
from central.domain.rating.inputs.input_series import InputSeries, run_sums
from central.domain.rating.inputs.interval_weights import runs_of
from central.domain.rating.inputs.period_runs import Plan, plan_of
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.rating.rounding import largest_remainder
from central.domain.tariff.determinant_rules import (
    AllowanceDeterminant,
    CounterDeterminant,
    EventDeterminant,
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
    segment all the same.

    Args:
        segments: Of the bill.
        context: Takes them.
        make: Gives the determinants of a rule in a segment; formulas may read what is in it.
    """
    context.segments = tuple(segments)
    early: Early = {}
    for segment in segments:
        for rule in segment.version.document.determinants:
            if isinstance(rule, MaxDeterminant):
                for made in make(rule, segment):
                    early.setdefault((rule.name, segment.number, made.label), []).append(made)
    for segment in segments:
        for rule in segment.version.document.determinants:
            if isinstance(rule, MaxDeterminant):
                found = _maxima(rule, segment, early, len(segments))
            else:
                found = list(make(rule, segment))
            context.found.update({(made.name, made.segment, made.label): made for made in found})


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
            yield from _sums(rule, segment, context)
        case MaxDeterminant():
            yield from compute_maxima(rule, segment, context)
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
            unit = dict(segment.version.document.needs).get(rule.counter, rule.counter)
            yield _plain(rule.name, segment, unit, value, "counter")
        case RebateDeterminant():
            yield compute_rebate(rule, segment, context)
        case EventDeterminant():
            yield from compute_events(rule, segment, context)


def _plain(name: str, segment: Segment, unit: str, value: Fraction, how: str) -> Determinant:
    return Determinant(name, segment.number, "", unit, value, value, how)


def raw_sums(
    rule: SumDeterminant, segment: Segment, context: RatingContext
) -> tuple[dict[str, Fraction], dict[str, Selection]]:
    """The sum of a series by label, and the intervals behind each, before any bank."""
    series = context.series[rule.series]
    place = series.slice_of(segment.days)
    plan = plan_of(segment.version, rule.by, segment.days, series.step_s, context.resolved)
    start = series.begin_of(place.start)
    if rule.during is not None or rule.outside is not None or _one_side(rule):
        return _some_sums(rule, segment, context, plan, start)
    totals = [0] * len(plan.labels)
    sums = run_sums(series.values[place], plan.starts)
    for run_label, run_sum in zip(plan.run_labels, sums, strict=True):
        totals[run_label] += run_sum
    used = [(number, label) for number, label in enumerate(plan.labels) if plan.runs[number]]
    return (
        {label: totals[number] * series.scale for number, label in used},
        {label: Selection(start, series.step_s, plan.runs[number]) for number, label in used},
    )


def _one_side(rule: SumDeterminant) -> bool:
    """Whether only the intervals above zero, or those below it, are summed."""
    return rule.by_interval and rule.side != "both"


def _some_sums(
    rule: SumDeterminant, segment: Segment, context: RatingContext, plan: Plan, start: datetime
) -> tuple[dict[str, Fraction], dict[str, Selection]]:
    """Of the intervals that a series names, or of all others; of one side of each interval."""
    series = context.series[rule.series]
    place = series.slice_of(segment.days)
    values = series.values[place]
    marks = np.ones(len(values), dtype=np.bool_)
    name = rule.during or rule.outside
    if name is not None:
        marks = named_intervals(name, segment, context, series, place)
        marks = marks if rule.during is not None else ~marks
    if _one_side(rule):
        marks &= values > 0 if rule.side == "use" else values < 0
    sums, selections = {}, {}
    for number, label in enumerate(plan.labels):
        if plan.runs[number]:
            chosen = marks & (plan.numbers == number)
            runs = runs_of(chosen.astype(object), Fraction(1))
            sums[label] = exact_sum(values[chosen]) * series.scale
            selections[label] = Selection(start, series.step_s, tuple(run[:2] for run in runs))
    return sums, selections


def _sums(rule: SumDeterminant, segment: Segment, context: RatingContext) -> Iterator[Determinant]:
    raw, selections = raw_sums(rule, segment, context)
    sources = context.series[rule.series].sources(segment.days)
    unit = unit_of(segment, rule.series)
    for label, value in settle_sums(rule, raw, segment, context).items():
        yield Determinant(
            rule.name,
            segment.number,
            label,
            unit,
            value,
            value,
            "sum",
            selections[label],
            sources,
            adjusted=value - raw[label],
            bank=rule.bank or "",
        )


def settle_sums(
    rule: SumDeterminant, raw: Mapping[str, Fraction], segment: Segment, context: RatingContext
) -> dict[str, Fraction]:
    """The sums after a bank, or of one side only.

    What is netted over a month or the bill is so once, for all segments that it crosses.
    """
    if crosses(rule):
        if (rule.name, segment.number) not in context.netted:
            _net_over(rule, context)
        return context.netted.get((rule.name, segment.number), {})
    if rule.bank is not None:
        steps = _in_time(rule, segment, context) if rule.by_interval else None
        return _with_bank(rule.bank, raw, segment, context, steps)
    if rule.side == "use":
        return {label: max(Fraction(0), value) for label, value in raw.items()}
    if rule.side == "surplus":
        return {label: max(Fraction(0), -value) for label, value in raw.items()}
    return dict(raw)


def _with_bank(
    name: str,
    sums: Mapping[str, Fraction],
    segment: Segment,
    context: RatingContext,
    steps: Mapping[str, Sequence[Fraction]] | None = None,
) -> dict[str, Fraction]:
    banks = segment.version.document.energy_banks
    bank = next(rule for rule in banks if rule.name == name)
    credits_of_bank = context.credits.setdefault(bank.name, {})
    charged, lapsed = net_with_bank(bank, sums, segment, context.month, credits_of_bank, steps)
    if lapsed:
        context.lapsed[bank.name] = context.lapsed.get(bank.name, Fraction(0)) + lapsed
    return charged


def _net_over(rule: SumDeterminant, context: RatingContext) -> None:
    """Net over each netting period of a bill, and share what is left of it."""
    charged: dict[tuple[int, str], Fraction] = {}

    def sums_of(days: Segment) -> Mapping[str, Fraction]:
        return context.raw(rule, days)

    for pieces in netting_periods(rule, context.segments, context.months, sums_of):
        net = together(pieces)
        sign = -1 if rule.side == "surplus" else 1
        left = {label: max(Fraction(0), sign * value) for label, value in net.items()}
        if rule.bank is not None:
            whole = DayRange(pieces[0].segment.days.first, pieces[-1].segment.days.end)
            at = replace(pieces[-1].segment, days=whole)
            left = _with_bank(rule.bank, net, at, context)
        for label, value in left.items():
            for piece, energy in zip(pieces, shared(pieces, label, value, sign), strict=True):
                if label in piece.sums:
                    key = piece.segment.number, label
                    charged[key] = charged.get(key, Fraction(0)) + energy
    for (number, label), value in charged.items():
        context.netted.setdefault((rule.name, number), {})[label] = value


def _in_time(
    rule: SumDeterminant, segment: Segment, context: RatingContext
) -> dict[str, list[Fraction]]:
    """The intervals of each period in order of time."""
    series = known_series(rule.series, context)
    chosen = series.slice_of(segment.days)
    plan = plan_of(segment.version, rule.by, segment.days, series.step_s, context.resolved)
    values = series.values[chosen]
    return {
        label: [value * series.scale for value in values[plan.numbers == number].tolist()]
        for number, label in enumerate(plan.labels)
        if plan.runs[number]
    }


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

    Sums are rounded together over segments and labels; maxima and formulas one by one.
    """
    groups: dict[tuple[str, int, int], list[tuple[str, int, str]]] = {}
    for key, found in context.found.items():
        digits = segments[found.segment].version.document.digits_of(found.unit)
        if digits is None:
            continue
        alone = 0 if found.how == "sum" else 1 + len(groups)
        groups.setdefault((found.name, digits, alone), []).append(key)
    for (_, digits, _), keys in groups.items():
        exact = [context.found[key].exact for key in keys]
        for key, value in zip(keys, largest_remainder(exact, digits), strict=True):
            context.found[key] = context.found[key]._replace(value=value)


def metered_peaks(
    segments: Sequence[Segment], context: RatingContext
) -> list[tuple[str, str, Fraction]]:
    """Largest metered value of every maximum over the segments of the bill."""
    peaks: dict[tuple[str, str], Fraction] = {}
    for found in context.found.values():
        if found.how == "max" and found.segment < len(segments):
            key = (found.name, found.label)
            peaks[key] = max(found.value, peaks.get(key, found.value))
    return [(name, label, value) for (name, label), value in sorted(peaks.items())]
