"""Whatever a day's values and qualities are, they come back as they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from central.domain.metering.block import DayBlock
from central.domain.metering.day_summary import HIGHEST, DaySummary
from central.domain.metering.packed_day import pack_days, unpack_days
from central.domain.metering.quality import NULL, IntervalQuality, is_estimate
from tests.unit.central.domain.metering.test_day_block import block

Day = tuple[NDArray[np.int64], NDArray[np.uint8]]
_LEAST, _MOST = -(2**63) + 1, 2**63 - 1
_VALUE = st.one_of(
    st.integers(0, 400),
    st.integers(-3, 3),
    st.integers(10**6, 10**6 + 5),
    st.integers(_LEAST, _MOST),
    st.sampled_from((_LEAST, _MOST, 255, 256, 65_535, 65_536, 2**32, -(2**31))),
)
_QUALITIES = st.sampled_from(list(IntervalQuality))


@st.composite
def days(draw: st.DrawFn) -> Day:
    count = draw(st.sampled_from((1, 2, 7, 8, 9, 23, 24, 25, 96, 288, 300)))
    few = draw(st.lists(_VALUE, min_size=1, max_size=6))
    values = np.array(draw(st.permutations((few * count)[:count])), dtype=np.int64)
    marks = draw(st.lists(_QUALITIES, min_size=1, max_size=4)) if draw(st.booleans()) else [0]
    quality = np.repeat(np.array(marks, dtype=np.uint8), -(-count // len(marks)))[:count]
    return np.where(quality == IntervalQuality.MISSING, NULL, values), quality


@given(st.lists(days(), min_size=1, max_size=8))
def test_what_is_packed_unpacks(made: list[Day]) -> None:
    packed = pack_days([values for values, _ in made], [quality for _, quality in made])
    lengths = np.array([len(content) for content in packed])
    counts = np.array([len(values) for values, _ in made])
    values, quality = unpack_days(b"".join(packed), lengths, counts)
    assert values.tolist() == [value for day, _ in made for value in day.tolist()]
    assert quality.tolist() == [mark for _, day in made for mark in day.tolist()]
    assert not values.flags.writeable
    assert not quality.flags.writeable


@given(days())
def test_a_summary_is_what_its_day_amounts_to(day: Day) -> None:
    values, quality = day
    made: DayBlock = block(values.tolist(), quality.tolist())
    summary = DaySummary.of(made)
    there = [v for v, q in zip(values.tolist(), quality.tolist(), strict=True) if q != 255]
    assert summary == DaySummary(
        total=sum(there),
        highest=tuple(sorted(there, reverse=True)[:HIGHEST]),
        lowest=min(there, default=None),
        zeros=there.count(0),
        estimated=int(is_estimate(quality).sum()),
        missing=len(values) - len(there),
    )
    counts = summary.zeros, summary.estimated, summary.missing
    assert DaySummary.kept(summary.total, counts, summary.pack_extremes()) == summary
