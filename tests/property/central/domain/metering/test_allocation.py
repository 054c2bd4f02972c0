"""Whatever is shared out sums to what was counted, interval by interval, in integers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from central.domain.metering.allocation import Allocation, Allocations, share_out
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from firmware_bridge.contract.quantity import Unit

DAY = date(2026, 10, 25)
WHOLE = 10**6


@st.composite
def blocks(draw: st.DrawFn) -> DayBlock:
    """Days with gaps, negative numbers, and numbers as large as a block takes."""
    bound = draw(st.sampled_from([50, 10**7, 2**63 - 1]))
    values = draw(st.lists(st.none() | st.integers(-bound, bound), min_size=1, max_size=25))
    qualities = [
        IntervalQuality.MISSING if value is None else draw(st.sampled_from([0, 2, 4]))
        for value in values
    ]
    return DayBlock(
        channel_id=1,
        day=DAY,
        zone="Europe/Madrid",
        start=datetime(2026, 10, 24, 22, tzinfo=UTC),
        period_s=3600,
        exponent=draw(st.integers(-3, 3)),
        unit=Unit.WATT_HOUR,
        values=np.array([NULL if value is None else value for value in values], dtype=np.int64),
        quality=np.array(qualities, dtype=np.uint8),
    )


@st.composite
def coefficients(draw: st.DrawFn) -> dict[int, Fraction]:
    """Shares of up to six decimals that sum to one, some of them zero."""
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), max_size=8)))
    bounds = [0, *cuts, WHOLE]
    return {
        10 + number: Fraction(end - first, WHOLE)
        for number, (first, end) in enumerate(pairwise(bounds))
    }


@given(blocks(), coefficients())
def test_shares_sum_to_each_interval(block: DayBlock, shares: dict[int, Fraction]) -> None:
    made = share_out(block, shares, dict.fromkeys(shares, 3))
    assert [day.channel_id for day in made] == list(shares)
    assert {day.version for day in made} == {3}
    is_exact = all(value == NULL or abs(value) < 2**63 // WHOLE for value in block.values.tolist())
    for number, value in enumerate(block.values.tolist()):
        assert {int(day.quality[number]) for day in made} == {int(block.quality[number])}
        if value == NULL:
            assert {int(day.values[number]) for day in made} == {NULL}
            continue
        exact = [int(day.values[number]) * Fraction(10) ** day.exponent for day in made]
        assert sum(exact) == value * Fraction(10) ** block.exponent
        if is_exact:
            unit = Fraction(10) ** block.exponent
            assert exact == [value * unit * share for share in shares.values()]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), coefficients()), max_size=8),
    st.integers(0, 5),
)
def test_the_newest_revision_of_the_last_day_holds_and_who_had_a_share_goes_on(
    entered: list[tuple[int, bool, dict[int, Fraction]]], asked: int
) -> None:
    versions = [
        Allocation(DAY + timedelta(days=after), number, {} if gone else shares, withdrawn=gone)
        for number, (after, gone, shares) in enumerate(entered, start=1)
    ]
    day = DAY + timedelta(days=asked)
    begun = [one for one in versions if one.effective <= day]
    standing = {one.effective: one for one in begun}
    holds = [standing[first] for first in sorted(standing) if not standing[first].withdrawn]
    shares = Allocations(versions).shares(day)
    assert set(shares) == {channel for one in begun for channel in one.shares}
    assert sum(shares.values()) == (1 if holds else 0)
    for channel, share in shares.items():
        assert share == (holds[-1].shares.get(channel, 0) if holds else 0)
