"""The peak, or the sum, of each calendar month that a bill touches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from fractions import Fraction

from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.determinants.context import HeldError, RatingContext
from central.domain.rating.determinants.demand import compute_maxima
from central.domain.rating.determinants.sums import compute_sums
from central.domain.rating.inputs.segments import DayRange, Segment, months_after
from central.domain.rating.rounding import half_away
from central.domain.tariff.determinant_rules import Determinant as Rule
from central.domain.tariff.determinant_rules import MaxDeterminant, SumDeterminant

MonthPeak = tuple[str, str, Fraction, date]
"""Determinant, period, value, and the first day of its calendar month."""


def peaks_by_month(
    name: str, segments: Sequence[Segment], context: RatingContext
) -> list[MonthPeak]:
    """A maximum's highest value in each calendar month, or a sum's; none where none is metered.

    Source: docs/reference/charges.md, "Ratchets"
    """
    peaks: dict[tuple[str, date], Fraction] = {}
    for segment in segments:
        document = segment.version.document
        rules = [rule for rule in document.determinants if rule.name == name]
        for rule, days in ((rule, days) for rule in rules for days in _months(segment.days)):
            month = days.first.replace(day=1)
            for measured in _measured(rule, replace(segment, days=days), context):
                value, key = measured.exact, (measured.label, month)
                if measured.how == "sum":
                    peaks[key] = peaks.get(key, Fraction(0)) + value
                    continue
                digits = document.digits_of(measured.unit)
                value = value if digits is None else Fraction(half_away(value, digits))
                peaks[key] = max(value, peaks.get(key, value))
    return [(name, label, value, month) for (label, month), value in sorted(peaks.items())]


def _measured(rule: Rule, segment: Segment, context: RatingContext) -> Sequence[Determinant]:
    with suppress(HeldError):
        if isinstance(rule, SumDeterminant):
            return tuple(compute_sums(rule, segment, context))
        if isinstance(rule, MaxDeterminant):
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
