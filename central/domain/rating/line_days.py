"""Which of its days a line's amount is of.

    a sum of intervals:    as what they counted
    a percent of others:   as those
    anything else:         as its days, each alike

Source: docs/explanation/billing.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class DayWeights:
    """How the amount of a line is divided among days.

    Args:
        by_day: Whole numbers by local day, ascending.
        total: Their sum, above zero; a day's share is its weight of it.
    """

    by_day: Mapping[date, int]
    total: int


def day_weights(
    lines: Sequence[RatedLine], blocks: Mapping[str, Sequence[DayBlock]]
) -> Mapping[str, DayWeights]:
    """The weight that each day has in each line's amount, by the line's key.

    Days by which `share_before` would divide a line; the intervals are not proven here. Whole
    numbers of one sum take a third of the time that as many fractions do.

    Args:
        lines: All of a part.
        blocks: Input name to the blocks that they were rated from, by channel and day.
    """
    by_key = {line.key: line for line in lines}
    weights: dict[str, DayWeights] = {}
    even: dict[tuple[date, date], DayWeights] = {}
    joined: dict[BlockSource, _Joined] = {}

    def alike(line: RatedLine) -> DayWeights:
        span = line.first, line.end
        if span not in even:
            even[span] = _even(*span)
        return even[span]

    def of(line: RatedLine) -> DayWeights:
        if line.key not in weights:
            weights[line.key] = alike(line)  # of a line that rests on itself
            weights[line.key] = weighed(line)
        return weights[line.key]

    def weighed(line: RatedLine) -> DayWeights:
        behind = [by_key[key] for key in line.of if key in by_key and key != line.key]
        if sum((other.amount for other in behind), Decimal(0)):
            shared = [(other.amount, of(other)) for other in behind if other.amount]
            counts = [(Fraction(amount) / share.total, share.by_day) for amount, share in shared]
            return _together(counts) or alike(line)
        return _by_use(line, blocks, joined) or alike(line)

    return {line.key: of(line) for line in lines}


def _even(first: date, end: date) -> DayWeights:
    count = max((end - first).days, 1)
    return DayWeights({first + timedelta(days=number): 1 for number in range(count)}, count)


def _together(some: Sequence[tuple[Fraction, Mapping[date, int]]]) -> DayWeights | None:
    """The sum of counts, each of its own unit, over one denominator; None where that is zero."""
    denominator = lcm(*(unit.denominator for unit, _ in some))
    factors = [unit.numerator * (denominator // unit.denominator) for unit, _ in some]
    common = gcd(*factors)
    sums: dict[date, int] = {}
    for factor, (_, counts) in zip(factors, some, strict=True):
        for day, count in counts.items():
            sums[day] = sums.get(day, 0) + count * (factor // common)
    total = sum(sums.values())
    if not total:
        return None
    common = gcd(*sums.values()) * (1 if total > 0 else -1)
    return DayWeights({day: sums[day] // common for day in sorted(sums)}, total // common)


def _by_use(
    line: RatedLine,
    blocks: Mapping[str, Sequence[DayBlock]],
    joined: dict[BlockSource, _Joined],
) -> DayWeights | None:
    """By what its intervals counted; None where it is not made of their sums alone."""
    behind = line.determinants
    if not behind or any(each.how != _SUM or each.selection is None for each in behind):
        return None
    counted: list[tuple[Fraction, Mapping[date, int]]] = []
    for determinant in behind:
        for source in determinant.sources:
            if source.weights:
                return None
            if source not in joined:
                joined[source] = _join(source, blocks)
            counted += joined[source].counted(determinant)
    return _together(counted)


@dataclass(frozen=True, slots=True)
class _Joined:
    """The values of a source, end to end.

    Args:
        values: Of all its days; zero where there is none.
        days: Local.
        ends: Where each day ends among the values, after a zero.
        units: What a count of days is worth, and which days these are. [billing unit]
    """

    values: NDArray[np.int64]
    days: Sequence[date]
    ends: NDArray[np.int64]
    units: Sequence[tuple[Fraction, Sequence[int]]]

    def counted(self, determinant: Determinant) -> Iterator[tuple[Fraction, Mapping[date, int]]]:
        """What the chosen intervals of a determinant sum to, by day, of one unit each."""
        chosen = np.zeros(len(self.values), dtype=bool)
        for offset, length in determinant.selection.runs if determinant.selection else ():
            chosen[offset : offset + length] = True
        reached = np.concatenate(([0], np.cumsum(np.where(chosen, self.values, 0))))[self.ends]
        sums = np.diff(reached).tolist()
        for unit, numbers in self.units:
            yield unit, {self.days[number]: sums[number] for number in numbers}


def _alike(units: Sequence[Fraction]) -> list[tuple[Fraction, Sequence[int]]]:
    """Each of some units, and the numbers of those that are it."""
    numbers: dict[Fraction, list[int]] = {}
    for number, unit in enumerate(units):
        numbers.setdefault(unit, []).append(number)
    return list(numbers.items())


def _join(source: BlockSource, blocks: Mapping[str, Sequence[DayBlock]]) -> _Joined:
    named = blocks.get(source.series, ())
    if isinstance(named, ChannelDays):
        named = named.between(source.first, source.end)
        counts, days = named.counts, named.days
        units: Sequence[tuple[Fraction, Sequence[int]]]
        units = [(billing_scale(named) * source.factor, range(len(days)))]
    else:
        named = [
            block
            for block in named
            if block.channel_id == source.channel_id and source.first <= block.day < source.end
        ]
        counts = tuple(len(block.values) for block in named)
        days = tuple(each.day for each in named)
        units = _alike([billing_scale(block) * source.factor for block in named])
    values = joined_values(named)
    return _Joined(
        np.where(values == NULL, 0, values),
        days,
        np.concatenate(([0], np.cumsum(np.array(counts, dtype=np.int64)))),
        units,
    )
