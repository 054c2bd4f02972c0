"""The inputs of many meters as matrices, without the meters that have something of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from central.domain.rating.columnar.day_matrix import Days, InputRow, Shape, Stack, stack
from central.domain.rating.columnar.eligibility import leaves_out_estimates
from central.domain.rating.determinants.align import inputs_of
from central.domain.rating.inputs.segments import Segment


def inputs_for(segments: Sequence[Segment]) -> list[str]:
    """Inputs that any of a bill's versions reads."""
    return list(dict.fromkeys(name for segment in segments for name in inputs_of(segment.version)))


def stacked(
    shapes: Sequence[Shape],
    table: Sequence[Sequence[InputRow]],
    segments: Sequence[Segment],
    of: Days,
) -> tuple[dict[str, Stack], NDArray[np.int64]]:
    """Matrices of the meters that can be rated by them, and which those are."""
    stacks: dict[str, Stack] = {}
    good = np.ones(len(table), dtype=np.bool_)
    for place, name in enumerate(inputs_for(segments)):
        stacks[name], missing = stack(name, shapes[place], [row[place] for row in table], of)
        good &= ~missing
        if leaves_out_estimates([segment.version.document for segment in segments]):
            good &= ~stacks[name].estimated
    rows = np.flatnonzero(good)
    if not good.all():
        stacks = {name: one.only(rows) for name, one in stacks.items()}
    return stacks, rows
