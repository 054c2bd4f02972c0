"""The peak of each calendar month that a bill touches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.demand import compute_maxima
from central.domain.rating.inputs.segments import DayRange, Segment, months_after
from central.domain.rating.rounding import half_away
from central.domain.tariff.determinant_rules import MaxDeterminant

MonthPeak = tuple[str, str, Fraction, date]
"""Determinant, period, value, and the first day of its calendar month."""


def peaks_by_month(
    name: str, segments: Sequence[Segment], context: RatingContext
) -> list[MonthPeak]:
    """The highest value of a maximum in each calendar month; none where no window is metered.

    Source: docs/reference/charges.md, "Ratchets"
    """
    peaks: dict[tuple[str, date], Fraction] = {}
    for segment in segments:
        document = segment.version.document
        rules = [rule for rule in document.determinants if rule.name == name]
        for rule, days in ((rule, days) for rule in rules for days in _months(segment.days)):
            if not isinstance(rule, MaxDeterminant):
                continue
            month = days.first.replace(day=1)
            for peak in _maxima(rule, replace(segment, days=days), context):
                digits = document.digits_of(peak.unit)
                value = peak.exact if digits is None else Fraction(half_away(peak.exact, digits))
                before = peaks.get((peak.label, month), value)
                peaks[peak.label, month] = max(value, before)
    return [(name, label, value, month) for (label, month), value in sorted(peaks.items())]


def _maxima(
    rule: MaxDeterminant, segment: Segment, context: RatingContext
) -> Sequence[Determinant]:
    with suppress(HeldError):
        return tuple(compute_maxima(rule, segment, context))
    return ()


def _months(days: DayRange) -> Iterator[DayRange]:
    month = days.first.replace(day=1)
    while month < days.end:
        following = months_after(month, 1)
        inside = days.within(DayRange(month, following))
        if inside is not None:
            yield inside
        month = following
