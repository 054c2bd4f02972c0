"""Estimate what a channel used in long gaps, scaled to the registers at both ends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.exact import INT64_MAX
from central.domain.metering.intervals import Gap, Metered
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.vee.allowed import ALL_ALLOWED, AllowedEstimators
from central.domain.vee.estimator import Basis, Estimator, Expectation, GapSlot
from central.domain.vee.own_days import OwnDays
from central.domain.vee.shares import shares
from central.domain.vee.validate import coarsest
from firmware_bridge.contract.reading import from_ms, to_ms

ESTIMATED = frozenset({IntervalQuality.ESTIMATED_LIKE_DAY, IntervalQuality.ESTIMATED_PROFILE})
"""Qualities that are estimated here and nowhere else."""


ESTIMATOR = Actor.job("estimate")
"""Who makes blocks with them."""

_SHORTEST_DAY = timedelta(hours=22)


@dataclass(frozen=True, slots=True)
class EstimatedDay:
    """A day without missing intervals, and what its estimates rest on.

    Args:
        block: With the next version.
        evidence: Like days with the versions of their blocks, the registers' advance, and that
            it is a public holiday.
    """

    block: DayBlock
    evidence: str


@dataclass(frozen=True, slots=True)
class _Slot(GapSlot):
    """A missing interval: of which block, at which index there and on the grid, in how long a gap.

    Args:
        gap: How long the stretch around it is of which nothing was metered.
    """

    block: int
    number: int
    index: int
    gap: timedelta


_Filled = tuple[int, Estimator, Expectation]
"""Counts of an interval, by which estimator, and what that expected."""


def estimate_days(
    blocks: Sequence[DayBlock],
    metered: Metered,
    history: Sequence[DayBlock],
    holidays: Collection[date] = (),
    allowed: AllowedEstimators = ALL_ALLOWED,
) -> tuple[EstimatedDay, ...]:
    """Fill the missing intervals of days.

    Each interval has the value of the first estimator that may fill its gap and can say one. Where
    registers stand at both ends of a gap, its estimates sum to their advance exactly. Without
    registers what is expected stands, rounded so that its sum is kept.

    Args:
        blocks: Newest blocks of the days with missing intervals, ascending.
        metered: What the meters say around them; gaps that reach further are left out.
        history: Newest blocks of other days of the channel.
        holidays: Public holidays: they are like Sundays.
        allowed: Which estimators may fill which gaps.

    Returns:
        The days that are complete now, ascending; a day that has nothing to go by is left out.

    Source: docs/reference/vee.md, "Estimation"
    """
    if not blocks:
        return ()
    metered = at_one_exponent(metered, blocks)
    days = OwnDays(blocks[0].zone, history, holidays)
    basis = Basis(days, allowed.profile, limits=allowed.limits)
    slots = list(_missing(blocks, metered))
    values: dict[_Slot, _Filled] = {}
    anchors: dict[_Slot, Gap] = {}
    for gap in metered.gaps:
        inside = [slot for slot in slots if gap.first <= slot.index < gap.first + gap.count]
        rest = remaining(gap, blocks, metered)
        if inside and gap.firm and rest is not None:
            values |= _anchored(inside, rest, basis, allowed)
            anchors |= dict.fromkeys(inside, gap)
    anchored_places = {
        index for gap in metered.gaps for index in range(gap.first, gap.first + gap.count)
    }
    free = [slot for slot in slots if slot.index not in anchored_places]
    values |= _unanchored(free, basis, allowed, metered.exponent)
    return tuple(
        replace(day, evidence=_with_holiday(day.evidence)) if day.block.day in holidays else day
        for day in _complete(blocks, slots, values, anchors, metered)
    )


def is_estimated(block: DayBlock) -> NDArray[np.bool_]:
    """Which intervals of a day are estimated here."""
    return np.isin(block.quality, list(ESTIMATED))


def without_estimates(block: DayBlock, where: slice = slice(None)) -> DayBlock:
    """A day as validation knows it: what was estimated here is missing.

    Args:
        block: The day.
        where: Only what was estimated of these intervals.
    """
    guessed = np.zeros(len(block.quality), dtype=np.bool_)
    guessed[where] = is_estimated(block)[where]
    if not guessed.any():
        return block
    quality = np.where(guessed, IntervalQuality.MISSING, block.quality)
    values, exponent = coarsest(np.where(guessed, NULL, block.values), quality, block.exponent)
    return replace(block, values=values, quality=quality, exponent=exponent)


def still_stands(estimated: DayBlock, judged: DayBlock) -> bool:
    """Whether validation finds in a day what its estimates were made from, and nothing more."""
    return judged.missing > 0 and without_estimates(estimated).sha256 == judged.sha256


def at_one_exponent(metered: Metered, blocks: Sequence[DayBlock]) -> Metered:
    """Gaps at an exponent at which the values of all blocks are whole, too."""
    exponent = min(metered.exponent, *(block.exponent for block in blocks))
    factor = 10 ** (metered.exponent - exponent)
    gaps = tuple(replace(gap, advance=gap.advance * factor) for gap in metered.gaps)
    return replace(metered, exponent=exponent, gaps=gaps)


def _missing(blocks: Sequence[DayBlock], metered: Metered) -> Iterator[_Slot]:
    for of, (block, gaps) in enumerate(zip(blocks, _unmetered_s(blocks), strict=True)):
        step = timedelta(seconds=block.period_s)
        for number in np.flatnonzero(block.quality == IntervalQuality.MISSING).tolist():
            start = block.start + number * step
            index = metered.grid.number_of(to_ms(start))
            gap = timedelta(seconds=int(gaps[number]))
            yield _Slot(start, start + step, block.day, of, number, index, gap)


def _unmetered_s(blocks: Sequence[DayBlock]) -> list[NDArray[np.int64]]:
    """Of each interval how long the stretch around it is of which nothing was metered. [s]."""
    starts = [block.start for block in blocks]
    ends = [None, *(block.end for block in blocks[:-1])]
    apart = np.zeros(sum(len(block.values) for block in blocks), dtype=np.bool_)
    edges = np.cumsum([0, *(len(block.values) for block in blocks)])
    apart[edges[:-1]] = [start != end for start, end in zip(starts, ends, strict=True)]
    unknown = np.concatenate([_is_unmetered(block) for block in blocks])
    seconds = np.concatenate([np.full(len(block.values), block.period_s) for block in blocks])
    runs = np.cumsum(apart | ~unknown)
    lengths = np.bincount(runs, weights=seconds * unknown).astype(np.int64)[runs]
    return np.split(lengths, edges[1:-1])


def _is_unmetered(block: DayBlock) -> NDArray[np.bool_]:
    return np.isin(block.quality, [*ESTIMATED, IntervalQuality.MISSING])


def stretches(
    gap: Gap, blocks: Sequence[DayBlock], metered: Metered
) -> Iterator[tuple[int, slice]]:
    """Where a gap lies in blocks: in which of them, and in which intervals of its day."""
    for of, block in enumerate(blocks):
        begin = metered.grid.number_of(to_ms(block.start))
        low = max(gap.first, begin)
        high = min(gap.first + gap.count, begin + len(block.values))
        if low < high:
            yield of, slice(low - begin, high - begin)


def remaining(gap: Gap, blocks: Sequence[DayBlock], metered: Metered) -> int | None:
    """What of a gap's advance no interval has yet; None where nobody can say, or it is below zero.

    Args:
        gap: Where only the sum is known.
        blocks: Days around it; None is said where a part of the gap lies elsewhere.
        metered: At an exponent at which their values are whole.
    """
    covered, metered_sum = 0, 0
    for of, where in stretches(gap, blocks, metered):
        stretch = blocks[of].values[where]
        scale = 10 ** (blocks[of].exponent - metered.exponent)
        metered_sum += sum(value * scale for value in stretch.tolist() if value != NULL)
        covered += len(stretch)
    rest = gap.advance - metered_sum
    return rest if covered == gap.count and 0 <= rest <= INT64_MAX else None


def _anchored(
    slots: Sequence[_Slot], rest: int, basis: Basis, allowed: AllowedEstimators
) -> dict[_Slot, _Filled]:
    """What registers leave, in the shape that estimators expect, or evenly where one cannot say."""
    for ask in (allowed.expected, allowed.between_registers):
        expected = [ask(slot, basis, slot.gap, daily=_is_daily(slot)) for slot in slots]
        answers = [answer for answer in expected if answer is not None]
        if len(answers) == len(slots):
            counts = shares([expectation.value for _, expectation in answers], rest)
            return {
                slot: (count, *answer)
                for slot, count, answer in zip(slots, counts, answers, strict=True)
            }
    return {}


def _unanchored(
    slots: Sequence[_Slot], basis: Basis, allowed: AllowedEstimators, exponent: int
) -> dict[_Slot, _Filled]:
    expected = [
        (slot, answer)
        for slot in slots
        if (answer := allowed.expected(slot, basis, slot.gap, daily=_is_daily(slot))) is not None
    ]
    scale = Fraction(10) ** -exponent
    counts = shares([expectation.value * scale for _, (_, expectation) in expected], None)
    return {slot: (count, *answer) for (slot, answer), count in zip(expected, counts, strict=True)}


def _is_daily(slot: _Slot) -> bool:
    return slot.end - slot.start >= _SHORTEST_DAY


def _complete(
    blocks: Sequence[DayBlock],
    slots: Sequence[_Slot],
    values: Mapping[_Slot, _Filled],
    anchors: Mapping[_Slot, Gap],
    metered: Metered,
) -> Iterator[EstimatedDay]:
    for index, block in enumerate(blocks):
        mine = [slot for slot in slots if slot.block == index]
        if not mine or any(slot not in values for slot in mine):
            continue
        scale = 10 ** (block.exponent - metered.exponent)
        filled = np.where(block.values == NULL, NULL, block.values * scale)
        quality = block.quality.copy()
        for slot in mine:
            count, estimator, _ = values[slot]
            filled[slot.number] = count
            quality[slot.number] = estimator.quality
        exact, exponent = coarsest(filled, quality, metered.exponent)
        version = block.version + 1
        estimated = replace(
            block, values=exact, quality=quality, exponent=exponent, version=version
        )
        yield EstimatedDay(estimated, _evidence(mine, values, anchors, metered))


def _evidence(
    slots: Sequence[_Slot],
    values: Mapping[_Slot, _Filled],
    anchors: Mapping[_Slot, Gap],
    metered: Metered,
) -> str:
    days: set[tuple[date, int]] = set()
    for slot in slots:
        days |= set(values[slot][2].days)
    methods = Counter(values[slot][1].name for slot in slots)
    sources = sorted({source for slot in slots if (source := values[slot][2].source)})
    gaps = sorted({anchors[slot] for slot in slots if slot in anchors}, key=lambda gap: gap.first)
    grid = metered.grid
    return json.dumps(
        {
            "intervals": len(slots),
            "like_days": [f"{day}:{version}" for day, version in sorted(days)],
            "methods": dict(methods),
            **({"profile": sources} if sources else {}),
            "registers": [
                {
                    "from": from_ms(grid.edge_ms(gap.first)).isoformat(),
                    "to": from_ms(grid.edge_ms(gap.first + gap.count)).isoformat(),
                    "advance": f"{gap.advance}e{metered.exponent}",
                }
                for gap in gaps
            ],
        },
        sort_keys=True,
    )


def _with_holiday(evidence: str) -> str:
    return json.dumps({**json.loads(evidence), "holiday": True}, sort_keys=True)
