"""What crosses from one bill to the next: read at the opening, left at the closing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from central.domain.rating.determinants.compute import metered_peaks
from central.domain.rating.determinants.context import Credits, RatingContext
from central.domain.rating.inputs.carried_state import CarriedState, Level, Peak, YearSum
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.rating.inputs.usage_event import Levels
from central.domain.tariff.determinant_rules import EventDeterminant


def month_of(days: DayRange) -> date:
    """First day of the month that a bill belongs to: that of its last day."""
    last = days.days()[-1]
    return last.replace(day=1)


def credits_of(state: CarriedState) -> Credits:
    """The banks of a state, by bank and label."""
    found: Credits = {}
    for credit in state.credits:
        found.setdefault(credit.bank, {}).setdefault(credit.label, []).append(credit)
    return found


def levels_of(state: CarriedState) -> dict[tuple[str, str], Levels]:
    """The levels of a state, by determinant and label, then key."""
    found: dict[tuple[str, str], Levels] = {}
    for level in state.levels:
        found.setdefault((level.name, level.label), {})[level.key] = level.value
    return found


def closing_of(
    segments: Sequence[Segment], context: RatingContext, sums: Mapping[str, Decimal]
) -> CarriedState:
    """What the bill leaves to later ones."""
    kept = {entry.name for s in segments for entry in s.version.document.history}
    reach = max((entry.months for s in segments for entry in s.version.document.history), default=0)
    now = context.month.year * 12 + context.month.month
    peaks = {
        (peak.name, peak.label, peak.month): peak
        for peak in context.opening.peaks
        if now - (peak.month.year * 12 + peak.month.month) < reach
    }
    for name, label, value in metered_peaks(segments, context):
        if name in kept:
            before = peaks.get((name, label, context.month))
            highest = value if before is None else max(value, before.value)
            peaks[name, label, context.month] = Peak(name, label, context.month, highest)
    year_sums = []
    for minimum in segments[-1].version.document.minimums:
        if minimum.per == "year":
            total = context.opening.sum_of(minimum.id) + sums.get(minimum.id, Decimal(0))
            ends = context.month.month == minimum.year_end
            year_sums.append(YearSum(minimum.id, Decimal(0) if ends else total))
    year_sums += [YearSum(identifier, amount) for identifier, amount in context.sums.items()]
    credits_left = sorted(
        credit
        for labels in context.credits.values()
        for found in labels.values()
        for credit in found
        if credit.amount
    )
    rules = segments[-1].version.document.determinants
    counted = {rule.name for rule in rules if isinstance(rule, EventDeterminant)}
    levels = [
        Level(name, label, key, value)
        for (name, label), kept_levels in context.levels.items()
        if name in counted
        for key, value in kept_levels.items()
    ]
    return CarriedState(
        tuple(sorted(peaks.values())),
        tuple(credits_left),
        tuple(sorted(year_sums)),
        context.totals,
        tuple(sorted(levels)),
    )
