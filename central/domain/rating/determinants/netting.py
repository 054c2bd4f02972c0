"""Netting: over which days use and surplus meet before either is charged, paid or banked.

A netting period that crosses segments is netted once, and what is left of it is shared by the
segments that brought it. So no season, version or agreed price makes a charge, or a credit, that
the netting period does not.

A season or year has many bills. Each charges what use comes to over it so far, less what the bills
before charged of it, and so gives back what their customer has fed in since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from central.domain.rating.determinants.context import RatingContext, date_fact
from central.domain.rating.inputs.segments import DayRange, Segment, months_after
from central.domain.tariff.calendar import season_on
from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import TariffDocument

Sums = dict[str, Fraction]
SumsOf = Callable[[Segment], Mapping[str, Fraction]]
"""Gives the sums of a rule in a segment, or in some days of one, before any netting."""


class Piece(NamedTuple):
    """What a segment brings into a netting period.

    Args:
        segment: Its days in that period.
        sums: Period of the day to energy, below zero for surplus.
    """

    segment: Segment
    sums: Mapping[str, Fraction]


def crosses(rule: SumDeterminant) -> bool:
    """Whether the netting period of a rule does not end with a segment."""
    return rule.netting in {"month", "bill"} or rule.is_carried


def netting_periods(
    rule: SumDeterminant, context: RatingContext, sums_of: SumsOf
) -> Iterator[tuple[Piece, ...]]:
    """The netting periods of a bill, each with what the segments bring into it.

    Args:
        rule: Nets over more than an interval.
        context: With the bill's segments; those of versions with another rule are left out.
        sums_of: Gives sums.
    """
    under = segments_under(rule, context)
    for span in _spans(rule, under, context):
        inside = ((cut, cut.days.within(span)) for cut in under)
        cuts = [replace(cut, days=days) for cut, days in inside if days is not None]
        if cuts:
            yield tuple(Piece(cut, sums_of(cut)) for cut in cuts)


def segments_under(rule: SumDeterminant, context: RatingContext) -> list[Segment]:
    """The segments of a bill whose version has a rule."""
    return [cut for cut in context.segments if rule in cut.version.document.determinants]


def _spans(
    rule: SumDeterminant, under: Sequence[Segment], context: RatingContext
) -> list[DayRange]:
    whole = DayRange(under[0].days.first, under[-1].days.end)
    match rule.netting:
        case "month":
            return list(context.months)
        case "season":
            runs = [list(cuts) for _, cuts in groupby(under, key=lambda cut: cut.season)]
            return [DayRange(run[0].days.first, run[-1].days.end) for run in runs]
        case "year":
            document = under[-1].version.document
            inside = whole.days()[1:]
            begins = [day for day in inside if begins_on(rule, document, day, context)]
            firsts = [whole.first, *begins]
            return [DayRange(*days) for days in zip(firsts, [*begins, whole.end], strict=True)]
        case _:
            return [whole]


def begins_on(
    rule: SumDeterminant, document: TariffDocument, day: date, context: RatingContext
) -> bool:
    """Whether a season or year that a rule nets over begins on a local day.

    Raises:
        HeldError: The agreement does not say when its year begins.
    """
    if rule.netting == "season":
        seasons = document.calendar
        return season_on(seasons, day) != season_on(seasons, day - timedelta(days=1))
    begins = date_fact(rule.begins, context.facts, day)
    return begins is not None and day == months_after(begins, 12 * (day.year - begins.year))


def level_key(rule: SumDeterminant) -> str:
    """The key of the levels that are a rule's nets so far: what nets otherwise is netted apart."""
    begins = "" if rule.begins is None else str(rule.begins)
    return f"{rule.netting}/{rule.side}/{rule.series}/{rule.by}/{begins}"


def carried_over(rule: SumDeterminant, context: RatingContext) -> Sums:
    """The net of a season or year before the bill; nothing where another has begun since."""
    first = segments_under(rule, context)[0]
    found: Sums = {}
    if first.number != context.segments[0].number:
        return found
    for level in context.opening.levels:
        if level.name == rule.name and level.key == level_key(rule):
            since = min(level.origin.end or first.days.first, first.days.first)
            days = DayRange(since, first.days.first + timedelta(days=1)).days()
            if not any(begins_on(rule, first.version.document, day, context) for day in days):
                found[level.label] = level.value
    return found


def one_side(rule: SumDeterminant, net: Fraction) -> Fraction:
    """What is charged of a net, or paid."""
    return max(Fraction(0), -net if rule.side == "surplus" else net)


def together(pieces: Sequence[Piece]) -> Sums:
    """The net of a netting period, by period of the day."""
    total: Sums = {}
    for piece in pieces:
        for label, value in piece.sums.items():
            total[label] = total.get(label, Fraction(0)) + value
    return total


def shared(pieces: Sequence[Piece], label: str, left: Fraction, sign: int) -> list[Fraction]:
    """What is left of a netting period, shared by the segments that brought it.

        part = left x what the segment brought / what all of them brought

    Args:
        pieces: Of the netting period.
        label: Period of the day.
        left: Of its net: what is charged, or paid; below zero, what is given back.
        sign: 1 shares by use, -1 by surplus; what is given back by the other.
    """
    sign = sign if left >= 0 else -sign
    brought = [max(Fraction(0), sign * piece.sums.get(label, Fraction(0))) for piece in pieces]
    whole = sum(brought, Fraction(0))
    return [left * energy / whole if whole else Fraction(0) for energy in brought]
