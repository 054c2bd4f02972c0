"""Which of its days a line's amount is of.

    a sum of intervals:    as what they counted
    a percent of others:   as those
    anything else:         as its days, each alike

Source: docs/explanation/billing.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.lineage import prove

_SUM = "sum"


def share_before(
    line: RatedLine,
    day: date,
    start: datetime,
    lines: Sequence[RatedLine],
    blocks: Mapping[str, Sequence[DayBlock]],
) -> Fraction:
    """The share of a line's amount that is of days before one of its own.

    Args:
        line: That has days on both sides.
        day: Local.
        start: When that day begins. UTC.
        lines: All of its part.
        blocks: Input name to day blocks, among them the versions that its lines name.

    Raises:
        LineageError: A block is missing, or is another than the one billed.
    """
    behind = [other for other in lines if other.key in line.of and other.key != line.key]
    total = sum((Fraction(other.amount) for other in behind), Fraction(0))
    if total:
        early = (
            Fraction(other.amount) * _of_base(other, day, start, lines, blocks) for other in behind
        )
        return sum(early, Fraction(0)) / total
    counted = _counted(line, start, blocks)
    if counted is not None:
        return counted
    return Fraction((day - line.first).days, (line.end - line.first).days)


def _of_base(
    line: RatedLine,
    day: date,
    start: datetime,
    lines: Sequence[RatedLine],
    blocks: Mapping[str, Sequence[DayBlock]],
) -> Fraction:
    if line.end <= day:
        return Fraction(1)
    if line.first >= day:
        return Fraction(0)
    return share_before(line, day, start, lines, blocks)


def _counted(
    line: RatedLine, start: datetime, blocks: Mapping[str, Sequence[DayBlock]]
) -> Fraction | None:
    """By what its intervals counted; None where it is not made of their sums alone."""
    sums = [each for each in line.determinants if each.how == _SUM and each.selection is not None]
    if not sums or len(sums) < len(line.determinants):
        return None
    used = [interval for each in sums for interval in prove(each, blocks).intervals]
    total = sum((interval.counted for interval in used), Fraction(0))
    if not total:
        return None
    early = sum((interval.counted for interval in used if interval.start < start), Fraction(0))
    return early / total
