"""Which of its days a line's amount is of.

    a sum of intervals:    as what they counted
    a percent of others:   as those
    anything else:         as its days, each alike

Source: docs/explanation/billing.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import accumulate

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays, joined_values
from central.domain.metering.quality import NULL
from central.domain.rating.bill_lines.line import Determinant, RatedLine
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import billing_scale
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


Shares = Mapping[date, Fraction]
"""By local day; they sum to one."""


def day_shares(
    lines: Sequence[RatedLine], blocks: Mapping[str, Sequence[DayBlock]]
) -> Mapping[str, Shares]:
    """The share that each day has of each line's amount, by the line's key.

    Days by which `share_before` would divide a line; the intervals are not proven here.

    Args:
        lines: All of a part.
        blocks: Input name to the blocks that they were rated from, by channel and day.
    """
    by_key = {line.key: line for line in lines}
    shares: dict[str, Shares] = {}

    def of(line: RatedLine) -> Shares:
        if line.key not in shares:
            shares[line.key] = _even(line)  # of a line that rests on itself
            shares[line.key] = shared(line)
        return shares[line.key]

    def shared(line: RatedLine) -> Shares:
        behind = [by_key[key] for key in line.of if key in by_key and key != line.key]
        total = sum((Fraction(other.amount) for other in behind), Fraction(0))
        if not total:
            return _by_use(line, blocks) or _even(line)
        sums: dict[date, Fraction] = {}
        for other in behind:
            for day, share in of(other).items():
                sums[day] = sums.get(day, Fraction(0)) + Fraction(other.amount) * share
        return {day: value / total for day, value in sorted(sums.items())}

    return {line.key: of(line) for line in lines}


def _even(line: RatedLine) -> Shares:
    count = max((line.end - line.first).days, 1)
    return {line.first + timedelta(days=number): Fraction(1, count) for number in range(count)}


def _by_use(line: RatedLine, blocks: Mapping[str, Sequence[DayBlock]]) -> Shares | None:
    """By what its intervals counted; None where it is not made of their sums alone."""
    behind = line.determinants
    if not behind or any(each.how != _SUM or each.selection is None for each in behind):
        return None
    sums: dict[date, Fraction] = {}
    for determinant in behind:
        for source in determinant.sources:
            if source.weights:
                return None
            for day, counted in _counted_by_day(determinant, source, blocks).items():
                sums[day] = sums.get(day, Fraction(0)) + counted
    total = sum(sums.values(), Fraction(0))
    return {day: sums[day] / total for day in sorted(sums)} if total else None


def _counted_by_day(
    determinant: Determinant, source: BlockSource, blocks: Mapping[str, Sequence[DayBlock]]
) -> dict[date, Fraction]:
    """What a source's chosen intervals sum to, by day. [billing unit]."""
    named = blocks.get(source.series, ())
    if isinstance(named, ChannelDays):
        named = named.between(source.first, source.end)
        counts, days = named.counts, named.days
        scales = [billing_scale(named)] * len(days)
    else:
        named = [
            block
            for block in named
            if block.channel_id == source.channel_id and source.first <= block.day < source.end
        ]
        counts, days = (
            tuple(len(block.values) for block in named),
            tuple(each.day for each in named),
        )
        scales = [billing_scale(block) for block in named]
    values = joined_values(named)
    chosen = np.zeros(len(values), dtype=bool)
    for offset, length in determinant.selection.runs if determinant.selection else ():
        chosen[offset : offset + length] = True
    counted = np.where(chosen & (values != NULL), values, 0)
    ends = [0, *accumulate(counts)]
    return {
        day: int(counted[begin:end].sum()) * scale * source.factor
        for day, begin, end, scale in zip(days, ends, ends[1:], scales, strict=False)
    }
