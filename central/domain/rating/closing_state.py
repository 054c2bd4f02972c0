"""What crosses from one bill to the next: read at the opening, left at the closing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from central.domain.rating.charges.counted_quantity import counted_over, rules_of
from central.domain.rating.charges.ending import GOES_ON, PartEnding
from central.domain.rating.determinants.context import (
    HeldError,
    RatingContext,
    unknown_sums,
)
from central.domain.rating.determinants.history import is_sum, metered
from central.domain.rating.determinants.monthly_peaks import peaks_by_month
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Level,
    Origin,
    Peak,
    YearSum,
)
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.determinant_rules import EventDeterminant, SumDeterminant
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.state_rules import Owner


def month_of(days: DayRange) -> date:
    """First day of the month that a bill belongs to: that of its last day."""
    last = days.days()[-1]
    return last.replace(day=1)


def closing_of(
    segments: Sequence[Segment],
    context: RatingContext,
    period: BillingPeriod,
    sums: Sequence[YearSum] = (),
    ending: PartEnding = GOES_ON,
) -> CarriedState:
    """What the bill leaves to later ones.

    Args:
        segments: Of the bill.
        context: As pricing left it.
        period: Of the bill.
        sums: Of yearly minimums.
        ending: What ends with the bill.

    Raises:
        HeldError: What the next tariff takes over does not fit where it goes.
    """
    document = segments[-1].version.document
    days, owners = DayRange(segments[0].days.first, segments[-1].days.end), document.owners

    def origin(name: str, first: date | None = None) -> Origin:
        return Origin(first or days.first, days.end, owners.get(name, Owner.OCCUPANCY))

    others = [
        YearSum(name, amount, replace(origin(name), first=context.since.get(name, days.first)))
        for name, amount in context.sums.items()
    ]
    others += sums_of_others(context, document)
    entries = [
        replace(entry, quantity=_quantity(entry.id, segments, context))
        if entry.id in owners
        else entry
        for entry in (*sums, *others)
    ]
    credits_left = [
        credit
        for labels in context.credits.values()
        for found in labels.values()
        for credit in found
        if credit.amount
    ]
    rules = document.determinants
    counted = {rule.name for rule in rules if isinstance(rule, EventDeterminant)}
    counted |= {rule.name for rule in rules if isinstance(rule, SumDeterminant) and rule.is_carried}
    levels = [
        Level(name, label, key, value, origin(name))
        for (name, label), kept_levels in context.levels.items()
        if name in counted
        for key, value in kept_levels.items()
    ]
    state = CarriedState(
        tuple(sorted(_peaks(segments, context, period, origin))),
        tuple(sorted(credits_left)),
        tuple(sorted(entries)),
        context.totals,
        tuple(sorted(levels)),
        tuple(sorted(context.advances)),
    )
    lapsed = CarriedState(credits=tuple(sorted(context.not_taken)))
    return ending.carried(state.named_by(document.tariff), document, lapsed)


def sums_of_others(context: RatingContext, document: TariffDocument) -> list[YearSum]:
    """Sums of the account that other tariffs of it may go on with, and this one does not have."""
    return [
        entry
        for entry in unknown_sums(context, document)
        if entry.origin.owner is Owner.ACCOUNT and entry.id not in context.sums
    ]


def _quantity(
    identifier: str, segments: Sequence[Segment], context: RatingContext
) -> Fraction | None:
    """What a minimum or commitment would be multiplied by if it ended with the bill."""
    rules = rules_of(segments[-1].version.document)
    rule = next((rule for rule in rules if rule.id == identifier), None)
    if rule is None or rule.qty is None:
        return None
    if context.closed.get(identifier) == segments[-1].days.end:
        # What comes after it has no days yet.
        context = replace(context, closed={})
    try:
        return counted_over(rule, segments, context)
    except HeldError:
        return None


def _peaks(
    segments: Sequence[Segment],
    context: RatingContext,
    period: BillingPeriod,
    origin: Callable[[str], Origin],
) -> list[Peak]:
    """Peaks, and months' sums, in reach, with those that the bill has metered."""
    histories = [entry for s in segments for entry in s.version.document.history]
    apart = {entry.name for entry in histories if period.is_longer or entry.by == "calendar"}
    reach = max((entry.months for entry in histories), default=0)
    now = _number(context.month)
    peaks = {
        (peak.name, peak.label, peak.month): peak
        for peak in context.opening.peaks
        if now - _number(peak.month) < reach
    }
    billed = [peak for peak in metered(segments, context) if peak[0] not in apart]
    billed += [peak for name in sorted(apart) for peak in peaks_by_month(name, segments, context)]
    kept = {entry.name for entry in histories}
    document = segments[-1].version.document
    for name, label, value, month in billed:
        if name in kept:
            before = peaks.get((name, label, month))
            joined = value if before is None else before.value
            if before is not None:
                joined = joined + value if is_sum(name, document) else max(joined, value)
            peaks[name, label, month] = Peak(name, label, month, joined, origin(name))
    return list(peaks.values())


def _number(month: date) -> int:
    return month.year * 12 + month.month
