"""Netting: over which days use and surplus meet before either is charged, paid or banked.

A netting period that crosses segments is netted once, and what is left of it is shared by the
segments that brought it. So no season, version or agreed price makes a charge, or a credit, that
the netting period does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.determinant_rules import SumDeterminant

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
    return rule.netting in {"month", "bill"}


def netting_periods(
    rule: SumDeterminant, segments: Sequence[Segment], months: Sequence[DayRange], sums_of: SumsOf
) -> Iterator[tuple[Piece, ...]]:
    """The netting periods of a bill, each with what the segments bring into it.

    Args:
        rule: Nets over a month or the bill.
        segments: Of the bill, ascending; those of versions with another rule are left out.
        months: Of the bill's period.
        sums_of: Gives sums.
    """
    under = [cut for cut in segments if rule in cut.version.document.determinants]
    spans = [DayRange(under[0].days.first, under[-1].days.end)]
    if rule.netting == "month":
        spans = list(months)
    for span in spans:
        inside = ((cut, cut.days.within(span)) for cut in under)
        cuts = [replace(cut, days=days) for cut, days in inside if days is not None]
        if cuts:
            yield tuple(Piece(cut, sums_of(cut)) for cut in cuts)


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
        left: Of its net, at least zero: what is charged, or paid.
        sign: 1 shares by use, -1 by surplus.
    """
    brought = [max(Fraction(0), sign * piece.sums.get(label, Fraction(0))) for piece in pieces]
    whole = sum(brought, Fraction(0))
    return [left * energy / whole if whole else Fraction(0) for energy in brought]
