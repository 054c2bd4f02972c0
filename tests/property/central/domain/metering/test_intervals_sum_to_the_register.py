from __future__ import annotations

import itertools
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import Grid
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.metering.register import RolloverLimits, advances
from central.domain.metering.snap import snap
from central.domain.vee.shares import spread
from central.domain.vee.validate import validate_day
from firmware_bridge.contract.interval import expected_count, local_day
from firmware_bridge.contract.reading import Source
from tests.support.metering import QUARTER_MS, boundaries, channel, one_meter, registers

# Ordinary days, and days on which clocks change, skip midnight or move by half an hour.
DAYS = st.sampled_from(
    [
        (date(2026, 10, 14), "Europe/Madrid"),
        (date(2026, 10, 25), "Europe/Madrid"),
        (date(2026, 3, 29), "Europe/Madrid"),
        (date(2026, 10, 4), "Australia/Lord_Howe"),
        (date(2026, 9, 6), "America/Santiago"),
        (date(2026, 3, 8), "America/New_York"),
        (date(2026, 10, 14), "Asia/Kathmandu"),
    ]
)
STEPS = st.lists(st.integers(0, 5_000), min_size=5, max_size=13)
GAPS = st.lists(st.tuples(st.integers(1, 110), st.integers(1, 12)), max_size=8)
SHIFTS = st.integers(-10_000, 10_000)


def counter(at: list[int], steps: list[int]) -> dict[int, int]:
    total, values = 77_000, {}
    for place, ms in enumerate(at):
        values[ms] = total
        total += steps[place % len(steps)]
    return values


def left_out(at: list[int], gaps: list[tuple[int, int]]) -> set[int]:
    return {
        at[place]
        for first, count in gaps
        for place in range(first, min(first + count, len(at) - 1))
    }


@given(DAYS, STEPS, GAPS)
def test_known_intervals_sum_to_what_the_register_advanced(
    where: tuple[date, str], steps: list[int], gaps: list[tuple[int, int]]
) -> None:
    day, zone = where
    at = boundaries(day, zone)
    full = counter(at, steps)
    gone = {
        at[place]
        for first, count in gaps
        for place in range(first, first + count)
        if place < len(at) - 1
    }
    kept = {ms: value for ms, value in full.items() if ms not in gone}
    block = validate_day(channel(zone), day, one_meter(registers(kept))).block
    assert len(block.values) == expected_count(local_day(day, zone), 900)
    first = at[8]
    values = block.values.tolist()
    # Between any two registers that are there, the intervals give their difference or nothing.
    inside = [ms for ms in sorted(kept) if first <= ms <= at[-9]]
    for opening, closing in itertools.pairwise(inside):
        span = values[(opening - first) // QUARTER_MS : (closing - first) // QUARTER_MS]
        assert sum(span) == kept[closing] - kept[opening] or set(span) == {NULL}
        longest = closing - opening > 8 * QUARTER_MS
        assert (NULL in span) is longest


@given(DAYS, STEPS)
def test_a_whole_day_is_the_last_register_less_the_first(
    where: tuple[date, str], steps: list[int]
) -> None:
    day, zone = where
    at = boundaries(day, zone)
    values = counter(at, steps)
    block = validate_day(channel(zone), day, one_meter(registers(values))).block
    assert block.total() == values[at[-9]] - values[at[8]]
    assert block.end == local_day(day, zone).end


@given(STEPS, GAPS, st.integers(0, 7))
def test_two_days_of_one_gap_agree(
    steps: list[int], gaps: list[tuple[int, int]], before: int
) -> None:
    zone, day = "Europe/Madrid", date(2026, 10, 14)
    at = boundaries(day, zone, margin=96)
    full = counter(at, steps)
    gone = {at[96 - before + place] for place in range(7)}
    gone |= left_out(at, gaps)
    kept = {ms: value for ms, value in full.items() if ms not in gone or ms in {at[0], at[-1]}}
    series = one_meter(registers(kept))
    eve = validate_day(channel(zone), day - timedelta(days=1), series).block
    both = eve.values.tolist() + validate_day(channel(zone), day, series).block.values.tolist()
    inside = [ms for ms in sorted(kept) if ms <= at[2 * 96]]
    for opening, closing in itertools.pairwise(inside):
        span = both[(opening - at[0]) // QUARTER_MS : (closing - at[0]) // QUARTER_MS]
        assert set(span) == {NULL} or sum(span) == kept[closing] - kept[opening]


@given(DAYS, STEPS, GAPS)
def test_validating_again_gives_the_same_content(
    where: tuple[date, str], steps: list[int], gaps: list[tuple[int, int]]
) -> None:
    day, zone = where
    at = boundaries(day, zone)
    gone = left_out(at, gaps)
    kept = {ms: value for ms, value in counter(at, steps).items() if ms not in gone}
    first = validate_day(channel(zone), day, one_meter(registers(kept)))
    again = validate_day(channel(zone), day, one_meter(registers(kept)), version=2)
    assert again.block.sha256 == first.block.sha256
    assert again.findings == first.findings


@given(st.integers(0, 10**15), st.integers(1, 8))
def test_estimation_never_invents(advance: int, count: int) -> None:
    shares = spread(advance, count)
    assert sum(shares) == advance
    assert max(shares) - min(shares) <= 1
    assert min(shares) >= 0


@given(STEPS, st.lists(SHIFTS, min_size=7, max_size=7))
def test_live_readings_near_their_boundaries_are_as_good_as_the_profile(
    steps: list[int], shifts: list[int]
) -> None:
    zone, day = "Europe/Madrid", date(2026, 10, 14)
    values = counter(boundaries(day, zone), steps)
    moved = {
        ms + shifts[place % len(shifts)]: value for place, (ms, value) in enumerate(values.items())
    }
    plain = validate_day(channel(zone), day, one_meter(registers(values)))
    live = validate_day(channel(zone), day, one_meter(registers(moved, source=Source.LIVE)))
    assert live.block.sha256 == plain.block.sha256


@given(STEPS, st.integers(1, 10**9))
def test_a_rollover_changes_no_interval(steps: list[int], start: int) -> None:
    modulus = 10**9
    at = boundaries(date(2026, 10, 14), "Europe/Madrid")
    straight = {ms: start + value for ms, value in counter(at, steps).items()}
    rolled = registers({ms: value % modulus for ms, value in straight.items()})
    grid = Grid(at[0], QUARTER_MS, len(at) - 1)
    points = snap([rolled], grid=grid, exponent=0, tolerance_ms=0)
    result = advances(points, RolloverLimits(modulus, per_hour(20_000)))
    expected = [straight[b] - straight[a] for a, b in itertools.pairwise(at)]
    assert result.step.tolist() == expected
    assert result.known.all()


def per_hour(most: int) -> Fraction:
    return Fraction(most)


@given(STEPS, st.lists(st.sampled_from([0, 1, 2]), min_size=11, max_size=11))
def test_a_register_that_misbehaves_never_adds_energy(steps: list[int], faults: list[int]) -> None:
    zone, day = "Europe/Madrid", date(2026, 10, 14)
    at = boundaries(day, zone)
    honest = counter(at, steps)
    shown = {
        ms: 0 if faults[place % 11] == 1 and place % 5 == 0 else value
        for place, (ms, value) in enumerate(honest.items())
    }
    block: DayBlock = validate_day(channel(zone), day, one_meter(registers(shown))).block
    present = block.values[block.quality != IntervalQuality.MISSING]
    assert int(present.sum()) <= honest[at[-9]] - honest[at[8]] + max(steps) * 2
    assert (present >= 0).all()
