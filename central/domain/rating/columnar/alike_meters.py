"""Meters that can share a matrix: their facts are the same, and the shapes of their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from central.domain.rating.columnar.day_matrix import Days, InputRow, Shape
from central.domain.rating.columnar.stacked_inputs import inputs_for
from central.domain.rating.columnar.terms import Meter, spelled_fact
from central.domain.rating.inputs.segments import DayRange, Segment

CHUNK = 128
"""Meters of one matrix: few enough for the cache."""
SHEET = 1024
"""Meters that are priced together: enough to hide what a batch costs."""
_FEW = 4


class AlikeMeters(NamedTuple):
    """Meters of one matrix.

    Args:
        numbers: Among all meters.
        shapes: Of each input.
        table: Of each meter the row of each input.
    """

    numbers: list[int]
    shapes: tuple[Shape, ...]
    table: list[list[InputRow]]


def alike_meters(
    meters: Sequence[Meter], among: Sequence[int], segments: Sequence[Segment], days: DayRange
) -> list[AlikeMeters]:
    """The meters that can share a matrix; those that are too few for one are left out.

    Args:
        meters: In any order.
        among: Numbers of those to look at.
        segments: Of their bill.
        days: Of it.
    """
    of = Days.of(days, segments[0].version.document)
    names = inputs_for(segments)
    groups: dict[object, AlikeMeters] = {}
    for number in among:
        meter = meters[number]
        rows = [of.row_of(meter.blocks.get(name, ())) for name in names]
        whole = [row for row in rows if row is not None]
        if len(whole) < len(names):
            continue
        shapes: tuple[Shape, ...] = tuple(shape for shape, _ in whole)
        facts = tuple(map(spelled_fact, meter.facts.facts)) if meter.facts.facts else ()
        group = groups.setdefault((shapes, facts), AlikeMeters([], shapes, []))
        group.numbers.append(number)
        group.table.append([row for _, row in whole])
    return [
        AlikeMeters(numbers[begin : begin + SHEET], shapes, table[begin : begin + SHEET])
        for numbers, shapes, table in groups.values()
        for begin in range(0, len(numbers), SHEET)
        if len(numbers) >= _FEW
    ]
