"""Sums of a series by period, in integers, before and after netting and banks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

import numpy as np

from central.domain.metering.block import exact_sum
from central.domain.rating.bill_lines.line import Determinant, Selection
from central.domain.rating.determinants.context import RatingContext, known_series, unit_of
from central.domain.rating.determinants.named_intervals import named_intervals
from central.domain.rating.determinants.netting import (
    Sums,
    begins_on,
    carried_over,
    crosses,
    level_key,
    netting_periods,
    one_side,
    segments_under,
    shared,
    together,
)
from central.domain.rating.inputs.energy_bank import net_with_bank
from central.domain.rating.inputs.input_series import run_sums
from central.domain.rating.inputs.interval_weights import runs_of
from central.domain.rating.inputs.period_runs import Plan, plan_of
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.determinant_rules import SumDeterminant


def raw_sums(
    rule: SumDeterminant, segment: Segment, context: RatingContext
) -> tuple[dict[str, Fraction], dict[str, Selection]]:
    """The sum of a series by label, and the intervals behind each, before any bank."""
    measured = context.measured(rule.name, segment)
    if measured:
        return (
            {each.label: each.exact for each in measured},
            {each.label: each.selection for each in measured if each.selection is not None},
        )
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


def compute_sums(
    rule: SumDeterminant, segment: Segment, context: RatingContext
) -> Iterator[Determinant]:
    """The sums of a segment by label, after netting and banks.

    Source: docs/reference/charges.md, "Usage"
    """
    raw, selections = raw_sums(rule, segment, context)
    measured = context.measured(rule.name, segment)
    sources = measured[0].sources if measured else context.series[rule.series].sources(segment.days)
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
    before = carried_over(rule, context) if rule.is_carried else {}
    after: Sums = {}

    def sums_of(days: Segment) -> Mapping[str, Fraction]:
        return context.raw(rule, days)

    for pieces in netting_periods(rule, context, sums_of):
        net = together(pieces)
        sign = -1 if rule.side == "surplus" else 1
        left, after = _since_before(rule, before, net)
        before = {}
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
    for cut in segments_under(rule, context):
        context.netted.setdefault((rule.name, cut.number), {})
    if rule.is_carried:
        _carry(rule, after, context)


def _since_before(rule: SumDeterminant, before: Sums, net: Sums) -> tuple[Sums, Sums]:
    """What a bill charges of a netting period that began before it, and its net with the bill."""
    after = before | {label: before.get(label, Fraction(0)) + net[label] for label in net}
    charged = {
        label: one_side(rule, after[label]) - one_side(rule, before.get(label, Fraction(0)))
        for label in net
    }
    return charged, after


def _carry(rule: SumDeterminant, net: Sums, context: RatingContext) -> None:
    """Leave the net so far to the next bill, unless a season or year begins with it."""
    for name, label in [key for key in context.levels if key[0] == rule.name]:
        del context.levels[name, label]
    last = segments_under(rule, context)[-1]
    if not begins_on(rule, last.version.document, last.days.end, context):
        for label, value in net.items():
            context.levels[rule.name, label] = {level_key(rule): value}


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
