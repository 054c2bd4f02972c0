"""How far each estimator is off on real loads of which parts are cut out.

    METERLINE_DATA=FOLDER .venv/bin/python -m tests.benchmarks.estimator_accuracy --write

prints the table of docs/reference/vee.md, "How far estimates are off", and writes it there. A test
holds that the page has a row for each estimator; the figures are those of the last run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import fmean

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.metering.grid import Grid
from central.domain.metering.intervals import Gap, Metered
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.vee.allowed import AllowedEstimators
from central.domain.vee.class_profile import ClassProfile
from central.domain.vee.estimate import estimate_days
from central.domain.vee.estimator import Estimator
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.own_days import REACH_DAYS
from central.domain.vee.rule import Limits
from firmware_bridge.contract.reading import from_ms, to_ms
from tests.benchmarks.vee_findings import RealLoad, real_loads

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "vee.md"
BEGIN, END = "<!-- accuracy -->\n", "\n<!-- end of accuracy -->"
GAPS = (
    ("2 h", timedelta(hours=2)),
    ("12 h", timedelta(hours=12)),
    ("1 d", timedelta(days=1)),
    ("3 d", timedelta(days=3)),
    ("7 d", timedelta(days=7)),
    ("30 d", timedelta(days=30)),
)
GROUPS = {
    "households": ("load_residential", "greenbutton_2011"),
    "shops": ("load_commercial", "load_commercial_large"),
    "generation": ("gen_residential_1_year", "gen_commercial_1_year"),
}
PROFILES = {
    "load_residential": "greenbutton_2011",
    "greenbutton_2011": "load_residential",
    "load_commercial": "load_commercial_large",
    "load_commercial_large": "load_commercial",
    "gen_residential_1_year": "gen_commercial_1_year",
    "gen_commercial_1_year": "gen_residential_1_year",
}
"""Whose use is the profile of a load's class: never its own."""
CUTS = 6
_FREE = Limits({one.longest.name: timedelta(days=10_000) for one in CHOSEN if one.longest})
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def heading() -> list[str]:
    """The first lines of the table."""
    names = " | ".join(name for name, _ in GAPS)
    return [f"| of | estimator | {names} |", "|---|---|" + "---|" * len(GAPS)]


def rows() -> Iterator[str]:
    """The rows of the table: how far intervals are off between registers, and sums without any."""
    loads = _loads()
    for group, names in GROUPS.items():
        there = [(loads[name], loads[PROFILES[name]]) for name in names]
        for estimator in CHOSEN:
            cells = [_cell(there, estimator, gap) for _, gap in GAPS]
            yield f"| {group} | {estimator.name} | {' | '.join(cells)} |"


def _cell(loads: Sequence[tuple[RealLoad, RealLoad]], estimator: Estimator, gap: timedelta) -> str:
    between = [off for pair in loads for off in _off(*pair, estimator, gap, known=True)]
    sums = [off for pair in loads for off in _off(*pair, estimator, gap, known=False)]
    first = f"{fmean(between):.0%}" if between else "-"
    return f"{first}, {fmean(sums):.0%}" if sums else f"{first}, -"


def _off(
    load: RealLoad,
    other: RealLoad,
    estimator: Estimator,
    gap: timedelta,
    *,
    known: bool,
) -> Iterator[float]:
    """How far the estimates of each cut are off, as a share of what was used in it.

    Args:
        load: What is cut.
        other: The profile of its class.
        estimator: What fills it.
        gap: How long the cuts are.
        known: Whether registers stand at both ends: then that of the intervals, else of the sum.
    """
    blocks = days_of(load.name)
    days, period = -(-gap // _DAY), timedelta(seconds=load.channel.period_s)
    for cut in range(CUTS):
        first = REACH_DAYS + cut * (len(blocks) - 2 * REACH_DAYS - days) // CUTS
        begin = blocks[first].start + (timedelta(hours=2 * cut) if gap < _DAY else timedelta())
        if begin + gap > blocks[first + days - 1].end:
            begin = blocks[first + days - 1].end - gap
        span = [_without(block, begin, begin + gap) for block in blocks[first : first + days]]
        at = (begin - span[0].start) // period
        count = gap // period
        truth = np.concatenate([block.values for block in blocks[first : first + days]])
        used = truth[at : at + count]
        if not used.sum():
            continue
        grid = Grid(to_ms(span[0].start), load.channel.period_s * 1000, len(truth))
        gaps = (Gap(at, count, int(used.sum()), firm=True),) if known else ()
        nothing = np.full(len(truth), NULL), np.full(len(truth), IntervalQuality.MISSING)
        metered = Metered(grid, *nothing, 0, gaps)
        near = blocks[first - REACH_DAYS : first] + blocks[first + days :][:REACH_DAYS]
        profile = _profile(other, blocks[first])
        allowed = AllowedEstimators((estimator,), _FREE, profile)
        found = estimate_days(span, metered, near, (), allowed)
        if len(found) < days:
            continue
        made = np.concatenate([day.block.values for day in found])[at : at + count]
        error = np.abs(made - used).sum() if known else abs(int(made.sum() - used.sum()))
        yield float(error / used.sum())


@lru_cache
def _loads() -> dict[str, RealLoad]:
    return {load.name: load for load in real_loads()}


@lru_cache
def days_of(name: str) -> list[DayBlock]:
    """The whole local days of a load."""
    load = _loads()[name]
    channel, blocks = load.channel, list[DayBlock]()
    day = channel.local_date(from_ms(load.start_ms))
    if channel.local_day(day).start < from_ms(load.start_ms):
        day += _DAY
    period_ms = channel.period_s * 1000
    while True:
        span = channel.local_day(day)
        at = (to_ms(span.start) - load.start_ms) // period_ms
        values = load.energy[at : at + span.duration // timedelta(seconds=channel.period_s)]
        if to_ms(span.end) > load.start_ms + len(load.energy) * period_ms:
            return blocks
        marks = np.zeros(len(values), dtype=np.uint8)
        zone = channel.point.zone
        blocks.append(
            DayBlock(1, day, zone, span.start, channel.period_s, 0, channel.unit, values, marks)
        )
        day += _DAY


def _without(block: DayBlock, begin: datetime, end: datetime) -> DayBlock:
    step = timedelta(seconds=block.period_s)
    numbers = range(len(block.values))
    cut = np.array([begin <= block.start + number * step < end for number in numbers])
    values = np.where(cut, NULL, block.values)
    quality = np.where(cut, IntervalQuality.MISSING, block.quality)
    return replace(block, values=values, quality=quality)


def _profile(load: RealLoad, around: DayBlock) -> ClassProfile:
    """Another load of the class, moved by whole weeks to the days around one."""
    start = from_ms(load.start_ms).astimezone(UTC)
    weeks = round((around.start - start) / timedelta(days=365.25)) * 365.25 // 7
    moved = start + weeks * _WEEK
    rates = load.energy * 3600 // load.channel.period_s
    # A year follows itself, so that the days around any are there.
    week = 7 * 86_400 // load.channel.period_s
    known = min(len(rates) // week, 52)
    year = tuple(rates[: known * week].tolist())
    series = PriceSeries("class", moved - known * _WEEK, load.channel.period_s, year * 3, 0)
    return ClassProfile(series)


def written(page: str, table: Sequence[str]) -> str:
    """The page with a table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{chr(10).join(table)}{END}{after}"


def main() -> None:
    """Print the table, and write it."""
    table = [*heading(), *rows()]
    print("\n".join(table))
    if "--write" in sys.argv:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
