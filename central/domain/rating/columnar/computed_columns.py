"""Series that a tariff computes from inputs, for many meters at once.

Sums are sums of matrices. A product is a matrix times a row: what an interval is multiplied by is
the same for meters that share facts and factor series, and is computed for a series of ones as for
any meter, so that there is one way to do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

import numpy as np

from central.domain.metering.service_point import DAY_S
from central.domain.rating.columnar.day_matrix import InputRow, Stack
from central.domain.rating.columnar.determinant_columns import NotColumnarError
from central.domain.rating.determinants.context import RatingContext
from central.domain.rating.determinants.factor_series import multiply
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import (
    Feed,
    InputSeries,
    combine,
    common_scale,
    magnitude,
)
from central.domain.rating.inputs.interval_weights import Runs, constant, cut
from central.domain.rating.inputs.segments import DayRange, Segment
from central.domain.tariff.document import Series, TariffDocument

_MAX = 2**63 - 1


class Multiplied(NamedTuple):
    """What becomes of one input in a computed series, for every meter.

    Args:
        input: Its name.
        factor: What all its values are multiplied by.
        weights: What each is multiplied by as well; None for nothing.
        day_starts: First interval of each day, and their number at the end.
    """

    input: str
    factor: Fraction
    weights: Runs | None
    day_starts: tuple[int, ...]


class ComputedRow(NamedTuple):
    """An input of a computed series of one meter: its row, and what that is multiplied by."""

    row: InputRow
    how: Multiplied

    @property
    def channel_id(self) -> int:
        """Of the input."""
        return self.row.channel_id

    @property
    def versions(self) -> tuple[int, ...]:
        """Of each day's block of the input."""
        return self.row.versions

    @property
    def sha256(self) -> bytes:
        """Of each day's block of the input, 32 bytes."""
        return self.row.sha256

    def source(self, _: str, days: DayRange, first: int = 0) -> BlockSource:
        """The lineage of some of the days, as that of a single meter's series."""
        how = self.how
        source = self.row.source(how.input, days, first)._replace(factor=how.factor)
        if how.weights is None:
            return source
        begin, end = how.day_starts[first], how.day_starts[first + days.count]
        runs = cut(how.weights, begin, end)
        alike = constant(runs, end - begin)
        if alike is not None:
            return source._replace(factor=source.factor * alike)
        return source._replace(weights=runs)


def fits_matrix(document: TariffDocument) -> bool:
    """Whether every series of a tariff is a sum of inputs, or one of them times factors."""
    return all(_is_of_inputs(rule, document) for rule in document.series)


def _is_of_inputs(rule: Series, document: TariffDocument) -> bool:
    computed = {series.name for series in document.series}
    if computed & {name for name, _ in rule.terms}:
        return False
    return len(rule.terms) == 1 or (bool(rule.terms) and not rule.factors)


def computed_stacks(
    segments: Sequence[Segment], stacks: Mapping[str, Stack], constants: RatingContext
) -> dict[str, tuple[Stack, tuple[Multiplied, ...]]]:
    """The computed series of a bill by name, each with what becomes of its inputs.

    Args:
        segments: Of the bill.
        stacks: Input to its matrix.
        constants: Facts and factor series that all meters share.

    Raises:
        NotColumnarError: Versions compute them otherwise, an interval is multiplied by zero, inputs
            differ in the length of their intervals, or a value may need more than 64 bits.
        HeldError: A factor is not known.
    """
    rules = segments[0].version.document.series
    if any(segment.version.document.series != rules for segment in segments):
        message = "The versions of the tariff compute series in different ways."
        raise NotColumnarError(message)
    return {
        rule.name: _multiplied(rule, stacks[rule.terms[0][0]], constants)
        if len(rule.terms) == 1
        else _summed(rule, [stacks[name] for name, _ in rule.terms])
        for rule in rules
    }


def _summed(rule: Series, stacks: Sequence[Stack]) -> tuple[Stack, tuple[Multiplied, ...]]:
    """A weighted sum of inputs, as `combine` makes it of those of one meter."""
    first = stacks[0]
    if any(stack.step_s != first.step_s for stack in stacks):
        message = f"The inputs of {rule.name!r} differ in interval length."
        raise NotColumnarError(message)
    factors = [factor for _, factor in rule.terms]
    weights = [stack.scale * factor for stack, factor in zip(stacks, factors, strict=True)]
    scale = common_scale(weights)
    numbers = [int(weight / scale) for weight in weights]
    bounds = [stack.largest * abs(each) for stack, each in zip(stacks, numbers, strict=True)]
    if max(*numbers, sum(bounds)) > _MAX or min(numbers) < -_MAX:
        message = f"What {rule.name!r} comes to may not fit 64 bits."
        raise NotColumnarError(message)
    values = reduce(
        np.add, (stack.values * each for stack, each in zip(stacks, numbers, strict=True))
    )
    matrix = replace(
        first,
        name=rule.name,
        values=values,
        largest=magnitude(values),
        scale=scale,
        estimated=np.logical_or.reduce([stack.estimated for stack in stacks]),
    )
    return matrix, tuple(
        Multiplied(name, factor, None, first.day_starts) for name, factor in rule.terms
    )


def _multiplied(
    rule: Series, stack: Stack, constants: RatingContext
) -> tuple[Stack, tuple[Multiplied, ...]]:
    """One input times factors."""
    if stack.step_s == DAY_S:
        message = "Factors of intervals that are days come one by one."
        raise NotColumnarError(message)
    ((name, weight),) = rule.terms
    count = stack.values.shape[1]
    ones = InputSeries(
        name,
        stack.days,
        stack.begin_of(0),
        stack.step_s,
        np.ones(count, dtype=np.int64),
        stack.scale,
        np.zeros(count, dtype=np.bool_),
        stack.day_starts,
        (Feed(name, Fraction(1), ()),),
    )
    series = combine(rule.name, [(ones, weight)])
    if not isinstance(series, InputSeries):
        raise NotColumnarError(series.message)
    if rule.factors:
        series = multiply(series, rule.factors, constants.facts, constants.prices)
    numbers = [abs(int(number)) for number in series.values.tolist()]
    if min(numbers) == 0 or stack.largest * max(numbers) > _MAX:
        message = f"What {rule.name!r} comes to may not fit 64 bits, or is nothing."
        raise NotColumnarError(message)
    feed = series.feeds[0]
    matrix = replace(
        stack,
        name=rule.name,
        values=stack.values * series.values.astype(np.int64),
        largest=stack.largest * max(numbers),
        scale=series.scale,
    )
    return matrix, (Multiplied(name, feed.factor, feed.weights, stack.day_starts),)
