"""What an estimate of some days rests on, and how estimates are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.grid import grid_of, reach_of
from central.domain.metering.intervals import Metered
from central.domain.metering.service_point import PointChannel
from central.domain.metering.tariff_input import input_of
from central.domain.rating.determinants.align import inputs_of
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.allowed import AllowedEstimators
from central.domain.vee.catalogue import FILLED
from central.domain.vee.day import Thresholds
from central.domain.vee.decided_day import edited_over
from central.domain.vee.estimate import ESTIMATOR, EstimatedDay
from central.domain.vee.estimated_gap import estimated_gap
from central.domain.vee.estimator import like_day_reach
from central.domain.vee.notices import ESTIMATED_GAP, FIELD_ORDER
from central.domain.vee.own_days import REACH_DAYS
from central.domain.vee.policy import Policy
from central.domain.vee.reopened import is_open
from central.domain.vee.validate import measure
from central.service.billing.tariffs import Tariffs
from central.service.ports.validation import (
    ChannelDay,
    ChannelTariffs,
    PointChannelId,
    ValidationTransaction,
)

_REACH = timedelta(days=REACH_DAYS)
_DAY = timedelta(days=1)
_NO_LONGER = (*sorted(FILLED), FIELD_ORDER.code, ESTIMATED_GAP.code)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an estimate of some days rests on.

    Args:
        metered: What the meters say around them.
        history: Other days that they may be like.
        holidays: Public holidays among all of them.
        allowed: Which estimators may fill which gaps.
    """

    metered: Metered
    history: list[DayBlock]
    holidays: frozenset[date]
    allowed: AllowedEstimators


async def grounds(
    work: ValidationTransaction,
    channel: PointChannel,
    span: Sequence[DayBlock],
    limits: Thresholds,
    policy: Policy | None = None,
) -> Grounds:
    """What an estimate of some days rests on.

    Args:
        work: The transaction; it has the channel's lock.
        channel: Whose days.
        span: Newest blocks of days in a row.
        limits: How far from its boundary a reading may be.
        policy: Which estimators may fill them; None for that of the first day's class.
    """
    key, first, last = PointChannelId(channel.id), span[0], span[-1]
    grid = grid_of(channel, first.day, last.day, limits.linear_gap)
    window = reach_of(channel, first.day, last.day, limits.linear_gap)
    segments = (await work.segments({key: window})).get(key, [])
    _, metered = measure(channel, grid, segments, limits)
    if policy is None:
        in_force = await work.policies_in_force([key], DayRange(first.day, first.day + _DAY))
        policy = in_force.policy(channel, first.day)
    farthest = max(_REACH, like_day_reach(policy.limits))
    reach = DayRange(first.day - farthest, last.day + farthest)
    around = await work.days_of(key, reach.first, reach.end)
    spanned = {block.day for block in span if is_open(block)}
    history = [block for block in around if block.day not in spanned]
    holidays = _holidays(await work.tariffs_of(key, reach), reach)
    # A local day may begin on the UTC day before and end on the one after.
    days = DayRange(reach.first - _DAY, reach.end + 2 * _DAY)
    profile = await work.profile(policy.profile, days) if policy.profile else None
    allowed = AllowedEstimators(policy.estimators, policy.limits, profile)
    return Grounds(metered, history, holidays, allowed)


async def edited_days(work: ValidationTransaction, blocks: Sequence[DayBlock]) -> set[date]:
    """Those of some days that a person decided, whatever their readings say."""
    keys = [ChannelDay(PointChannelId(block.channel_id), block.day) for block in blocks]
    newest = await work.estimates(keys)
    return {key.day for key, day in newest.items() if edited_over(day) is not None}


async def is_read(work: ValidationTransaction, channel: PointChannel, days: DayRange) -> bool:
    """Whether a tariff that somebody is billed by on some days reads a channel, or a share in it.

    A tariff whose text is refused may read all.

    Args:
        work: The transaction.
        channel: What is counted.
        days: When.
    """
    key = PointChannelId(channel.id)
    shares = await work.shares_of(key)
    for counted, obis in ((key, channel.obis), *shares.items()):
        if await _reads(work, counted, input_of(obis), days):
            return True
    return False


async def _reads(
    work: ValidationTransaction, channel: PointChannelId, name: str, days: DayRange
) -> bool:
    given = await work.tariffs_of(channel, days)
    tariffs = Tariffs(given.records, days, given.holidays)
    read = (
        name in inputs_of(version)
        for tariff in given.records
        for version in tariffs.versions(tariff)
        if version.effective < days.end
    )
    return bool(tariffs.refused) or any(read)


def _holidays(given: ChannelTariffs, days: DayRange) -> frozenset[date]:
    """The days that any of some tariffs, as it is in force then, has as a public holiday."""
    tariffs = Tariffs(given.records, days, given.holidays)
    holidays = set[date]()
    for name in given.records:
        versions = tariffs.versions(name)
        ends = [version.effective for version in versions[1:]] + [date.max]
        for version, end in zip(versions, ends, strict=True):
            # The rule's dates are those of all its years, whichever day asks.
            dates = tariffs.calendar.dates(version.document.calendar.holidays, days.first)
            first, last = max(version.effective, days.first), min(end, days.end)
            holidays |= {day for day in dates if first <= day < last}
    return frozenset(holidays)


async def keep_estimates(
    work: ValidationTransaction,
    estimated: Sequence[EstimatedDay],
    now: datetime,
    actor: Actor = ESTIMATOR,
) -> None:
    """Add estimated days, each with its finding in place of what it had.

    Args:
        work: The transaction.
        estimated: Days of one or more channels.
        now: When.
        actor: Who makes them.
    """
    await work.add_estimates(estimated, actor, now)
    for day in estimated:
        key = ChannelDay(PointChannelId(day.block.channel_id), day.block.day)
        for code in _NO_LONGER:
            await work.close_finding(key, code, now)
        await work.raise_findings({key: (estimated_gap(day),)}, now)
