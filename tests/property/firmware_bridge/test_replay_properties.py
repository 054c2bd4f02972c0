"""A counter never runs back, and parts of a time sum to the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.simulator.load import from_kw
from firmware_bridge.simulator.replay import TimedReplay

START = datetime(2026, 1, 1, tzinfo=UTC)
KW = st.decimals(0, 500, places=5, allow_nan=False)
LOADS = st.lists(KW, min_size=1, max_size=20)
ELAPSED = st.integers(-10_000_000, 200_000_000)


@given(LOADS, st.lists(ELAPSED, min_size=2, max_size=20), st.booleans())
def test_a_counter_never_runs_back(kw: list[Decimal], elapsed: list[int], loop: bool) -> None:  # noqa: FBT001 - Hypothesis passes it
    replay = TimedReplay(from_kw(kw, 900), START, loop=loop)
    shown = [replay.energy_wh(START + timedelta(milliseconds=ms)) for ms in sorted(elapsed)]
    assert shown == sorted(shown)


@given(LOADS, st.integers(0, 18_000_000))
def test_the_register_is_the_exact_integral_rounded_down(kw: list[Decimal], ms: int) -> None:
    replay = TimedReplay(from_kw(kw, 900), START)
    exact = Fraction(0)
    for step, value in enumerate(kw):
        within = min(max(ms - step * 900_000, 0), 900_000)
        exact += Fraction(value) * within / 3600
    assert replay.energy_wh(START + timedelta(milliseconds=ms)) == exact // 1


@given(LOADS)
def test_steps_sum_to_the_register(kw: list[Decimal]) -> None:
    replay = TimedReplay(from_kw(kw, 3600), START)
    shown = [replay.energy_wh(START + timedelta(hours=hour)) for hour in range(len(kw) + 1)]
    steps = [after - before for before, after in pairwise(shown)]
    assert sum(steps) == sum(kw) * 1000 // 1
