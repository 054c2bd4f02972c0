"""Estimates that no longer sum to the registers around them are made again, and no others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date

from central.domain.metering.block import DayBlock
from central.domain.metering.intervals import Gap, Metered
from central.domain.metering.quality import IntervalQuality
from central.domain.vee.allowed import ALL_ALLOWED, AllowedEstimators
from central.domain.vee.estimate import (
    EstimatedDay,
    at_one_exponent,
    estimate_days,
    is_estimated,
    remaining,
    stretches,
    without_estimates,
)


def estimate_again(  # noqa: PLR0913, PLR0917 - what an estimate rests on, and what may change
    blocks: Sequence[DayBlock],
    metered: Metered,
    history: Sequence[DayBlock],
    reopened: Collection[date],
    issued: Collection[date],
    holidays: Collection[date] = (),
    allowed: AllowedEstimators = ALL_ALLOWED,
    edited: Collection[date] = (),
) -> tuple[EstimatedDay, ...]:
    """Estimate anew what readings that came since say otherwise.

    A gap whose intervals sum to its registers stays as it is, whatever other days say now. Else
    what was estimated of it is estimated anew, with what is missing behind it. Days of issued
    bills keep what was billed where other days of the gap can take the difference; where none can,
    they are estimated anew as well, and differ from their bill.

    Args:
        blocks: Newest blocks of days in a row that are estimated or have missing intervals.
        metered: What the meters say around them.
        history: Newest blocks of other days of the channel.
        reopened: Days that were estimated until other readings of them came.
        issued: Days of issued bills.
        holidays: Public holidays: they are like Sundays.
        allowed: Which estimators may fill which gaps.
        edited: Days that a person decided: they stay.

    Returns:
        The days that are complete and differ from what they were, ascending.

    Source: docs/reference/vee.md, "Estimation"
    """
    metered = at_one_exponent(metered, blocks)
    open_days = {block.day for block in blocks if block.day in reopened}
    loosened = list(blocks)
    for gap in metered.gaps:
        estimated = [blocks[of].day for of in _estimated(gap, blocks, metered, reopened)]
        if gap.firm and estimated and not _sums(gap, blocks, metered):
            _loosen(gap, loosened, metered, issued, edited)
            inside = (blocks[of].day for of, _ in stretches(gap, blocks, metered))
            open_days |= {day for day in inside if day >= estimated[0] and day not in edited}
    if not open_days:
        return ()
    before = {block.day: block.sha256 for block in blocks}
    return tuple(
        day
        for day in estimate_days(loosened, metered, history, holidays, allowed)
        if day.block.day in open_days and day.block.sha256 != before[day.block.day]
    )


def _estimated(
    gap: Gap, blocks: Sequence[DayBlock], metered: Metered, reopened: Collection[date]
) -> Iterator[int]:
    """The days of a gap that have estimates in it, or had until other readings came."""
    for of, where in stretches(gap, blocks, metered):
        if blocks[of].day in reopened or is_estimated(blocks[of])[where].any():
            yield of


def _sums(gap: Gap, blocks: Sequence[DayBlock], metered: Metered) -> bool:
    inside = stretches(gap, blocks, metered)
    return remaining(gap, blocks, metered) == 0 and not any(
        _has_missing(blocks[of], where) for of, where in inside
    )


def _loosen(
    gap: Gap,
    blocks: list[DayBlock],
    metered: Metered,
    issued: Collection[date],
    edited: Collection[date],
) -> None:
    """Take back the estimates of a gap: those that are not billed, or all where that must be."""
    inside = stretches(gap, blocks, metered)
    places = [(of, where) for of, where in inside if blocks[of].day not in edited]
    unbilled = [(of, where) for of, where in places if blocks[of].day not in issued]
    billed = [(of, where) for of, where in places if blocks[of].day in issued]
    # A day of an issued bill with other readings differs from its bill in any case.
    keeps = not any(_has_missing(blocks[of], where) for of, where in billed)
    for chosen in (unbilled, places) if keeps else (places,):
        tried = list(blocks)
        for of, where in chosen:
            tried[of] = without_estimates(blocks[of], where)
        fillable = any(_has_missing(tried[of], where) for of, where in places)
        if fillable and remaining(gap, tried, metered) is not None:
            blocks[:] = tried
            return


def _has_missing(block: DayBlock, where: slice) -> bool:
    return bool((block.quality[where] == IntervalQuality.MISSING).any())
