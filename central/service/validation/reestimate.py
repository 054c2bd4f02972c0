"""Make the estimates of gaps again that readings reached since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.day import Thresholds
from central.domain.vee.estimate_again import estimate_again
from central.domain.vee.reopened import open_runs
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    PointChannelId,
    ValidationTransaction,
)
from central.service.validation.gap_estimates import edited_days, grounds, keep_estimates

_DAY = timedelta(days=1)
_REACH_DAYS = 62
# No older reading is taken, so no gap is longer that registers end.
_FARTHEST_DAYS = 1_200


async def reestimate(  # noqa: PLR0913, PLR0917 - what validation found of some days
    work: ValidationTransaction,
    locked: Mapping[PointChannelId, LockedChannel],
    open_days: Collection[ChannelDay],
    reopened: Collection[ChannelDay],
    limits: Thresholds,
    now: datetime,
) -> int:
    """Make estimates again that no longer sum to the registers around them.

    Args:
        work: The transaction, in which days have been validated.
        locked: The channels, under their locks.
        open_days: Those of the validated days that have missing or estimated intervals, or had.
        reopened: Those of them that were estimated until other readings of them came.
        limits: How far from its boundary a reading may be.
        now: When.

    Returns:
        How many days have another estimate.
    """
    channels = {key.channel_id for key in open_days}
    channels &= await work.with_estimates(channels) | {key.channel_id for key in reopened}
    count = 0
    for channel in sorted(channels):
        days = {key.day for key in open_days if key.channel_id == channel}
        again = {key.day for key in reopened if key.channel_id == channel}
        for run in await _runs(work, channel, days):
            if not locked[channel].is_open(run[0].day):
                continue  # it stays as it is: what stands before it may be gone
            basis = await grounds(work, locked[channel].channel, run, limits)
            span = DayRange(run[0].day, run[-1].day + _DAY)
            issued = {day for billed in await work.issued(channel, span) for day in billed.days()}
            edited = await edited_days(work, run)
            estimated = estimate_again(
                run,
                basis.metered,
                basis.history,
                again - edited,
                issued,
                basis.holidays,
                basis.allowed,
                edited,
            )
            await keep_estimates(work, estimated, now)
            count += len(estimated)
    return count


async def _runs(
    work: ValidationTransaction, channel: PointChannelId, days: Collection[date]
) -> list[list[DayBlock]]:
    """The days in a row that are open, as far as they reach, around some days."""
    reach = _REACH_DAYS
    while True:
        first, end = min(days) - reach * _DAY, max(days) + (reach + 1) * _DAY
        blocks = await work.days_of(channel, first, end)
        runs = [run for run in open_runs(blocks) if any(block.day in days for block in run)]
        cut = any(run[0].day == first or run[-1].day == end - _DAY for run in runs)
        if not cut or reach >= _FARTHEST_DAYS:
            return runs
        reach *= 2
