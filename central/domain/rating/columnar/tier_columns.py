"""Tiers of many meters at once: how much of each quantity lies in each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm

import numpy as np

from central.domain.rating.charges.draft import VersionSpan
from central.domain.rating.charges.tiers import TierBlock
from central.domain.rating.columnar.determinant_columns import Measured, NotColumnarError
from central.domain.rating.columnar.exact_column import Column, Ints, Mask, added, plus, times
from central.domain.rating.inputs.segments import Segment
from central.domain.tariff.document import Charge

_MAX = 2**63 - 1


def parts_of(
    charge: Charge, blocks: Sequence[TierBlock], quantity: Column
) -> Iterator[tuple[TierBlock, Column, Mask | None]]:
    """How much of each meter's quantity each step takes, and which meters' lines show it."""
    bounds = [bound for block in blocks for bound in (block.low, block.high) if bound is not None]
    if charge.tiers.size:
        quantity = _whole(quantity, Fraction(charge.tiers.size))
    bottom = lcm(quantity.one_bottom, *(bound.denominator for bound in bounds))
    held = quantity.over(bottom)
    if charge.tiers.kind in {"volume", "stair"}:
        below: Mask = np.zeros(len(held), dtype=np.bool_)
        for block in blocks:
            reached: Mask = np.ones(len(held), dtype=np.bool_)
            if block.high is not None:
                reached = np.asarray(held <= _bound(block.high, bottom, held), dtype=np.bool_)
            yield block, quantity, reached & ~below
            below |= reached
        return
    for block in blocks:
        top = held
        if block.high is not None:
            top = np.minimum(held, _bound(block.high, bottom, held))
        part = np.maximum(plus(top, -_bound(block.low, bottom, held)), 0)
        first = block is blocks[0]
        yield block, Column(part, bottom), None if first else np.asarray(part != 0, dtype=np.bool_)


def begun(
    charge: Charge,
    span: VersionSpan,
    segment: Segment,
    measured: Sequence[Measured],
    numbers: Sequence[int],
) -> Column:
    """The packages that each meter begins in a segment: with it, less those before it.

    Raises:
        NotColumnarError: There are earlier segments under another version.
    """
    if span.days.first != span.bill.first:
        message = f"The packages of {charge.id!r} are those of several versions."
        raise NotColumnarError(message)
    name, _, label = (charge.qty or "").partition(".")
    by_label = charge.tiers.style == "per_period" or label not in {"", "total"}
    labels = {measured[number].model.label for number in numbers}
    before = [
        column.value
        for column in measured
        if column.model.name == name
        and column.model.segment < segment.number
        and (not by_label or column.model.label in labels)
    ]
    size, used = Fraction(charge.tiers.size or 1), [measured[n].value for n in numbers]
    if not before:
        return _whole(added(used), size)
    earlier = _whole(added(before), size).scaled(Fraction(-1))
    return added([_whole(added([*before, *used]), size), earlier])


def _whole(quantity: Column, size: Fraction) -> Column:
    """Each in whole packages; none is below zero."""
    packages = quantity.scaled(1 / size)
    return Column(-(-packages.top // packages.one_bottom)).scaled(size)


def share_of(part: Column, one: Measured, total: Column) -> Column:
    """A period's share of a step: part x own / total, nothing where the total is nothing."""
    value = one.value
    top = times(times(part.top, value.top), total.one_bottom)
    bottom = times(total.top, part.one_bottom * value.one_bottom)
    sign = np.where(bottom < 0, -1, 1)
    empty = total.top == 0
    return Column(np.where(empty, 0, top * sign), np.where(empty, 1, bottom * sign))


def _bound(value: Fraction, bottom: int, held: Ints) -> int:
    """A bound over `bottom`; no higher than 64 bits hold where no value is."""
    bound = int(value * bottom)
    return bound if held.dtype == object else min(bound, _MAX)
