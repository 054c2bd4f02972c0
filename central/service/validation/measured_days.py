"""The days of a transaction from readings to findings, before anything is kept of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from central.domain.metering.errors import MeteringError
from central.domain.metering.installed_days import is_installed
from central.domain.metering.track import InstallationSegment
from central.domain.vee.day import JudgedDay, Thresholds
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import NO_HISTORY
from central.domain.vee.notices import UNREADABLE_DAY
from central.domain.vee.policies_in_force import PoliciesInForce
from central.domain.vee.validate import measure_day, reading_window
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    Newest,
    PointChannelId,
    ValidationTransaction,
)
from central.service.validation.asked_history import AskingDay, asked_histories
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval


async def measured_days(
    work: ValidationTransaction,
    locked: Mapping[PointChannelId, LockedChannel],
    days: Mapping[PointChannelId, Sequence[date]],
    newest: Mapping[ChannelDay, Newest],
    limits: Thresholds,
) -> dict[ChannelDay, JudgedDay | VeeFinding]:
    """Each day from its readings, or why it cannot be read.

    Args:
        work: The transaction.
        locked: The channels.
        days: Of each, ascending.
        newest: Their newest blocks, as far as they have any.
        limits: How readings become intervals.
    """
    windows = {key: _window(locked[key], chosen, limits) for key, chosen in days.items() if chosen}
    segments = await work.segments(windows)
    conflicts = await work.conflicts(windows)
    measured: dict[ChannelDay, JudgedDay | VeeFinding] = {}
    for key in (ChannelDay(channel, day) for channel, chosen in days.items() for day in chosen):
        counted, newest_block = locked[key.channel_id], newest.get(key)
        # A day whose meter turns out not to have been there must not keep its block.
        if newest_block is None and not _is_installed(counted, key.day):
            continue
        measured[key] = _measure(
            counted,
            key.day,
            segments.get(key.channel_id, []),
            conflicts.get(key.channel_id, ()),
            newest_block,
            limits,
        )
    return measured


async def judged_findings(
    work: ValidationTransaction,
    measured: Mapping[ChannelDay, JudgedDay | VeeFinding],
    stands: Collection[ChannelDay],
    in_force: PoliciesInForce,
) -> dict[ChannelDay, tuple[VeeFinding, ...]]:
    """What rules find in each day; the store is asked once for the history of those that need it.

    Args:
        work: The transaction.
        measured: The days, or why they cannot be read.
        stands: Those whose estimates stand, so that history has them as they are kept.
        in_force: What judges them.
    """
    days = {key: day for key, day in measured.items() if isinstance(day, JudgedDay)}
    policies = {key: in_force.policy(day.channel, key.day) for key, day in days.items()}
    asking: dict[ChannelDay, AskingDay] = {}
    for key, day in days.items():
        if rules := policies[key].rules_asking(day):
            asking[key] = AskingDay(day, policies[key], rules)
    fresh = {key: day for key, day in days.items() if key not in stands} if asking else {}
    histories = await asked_histories(work, asking, fresh)
    findings: dict[ChannelDay, tuple[VeeFinding, ...]] = {}
    for key, result in measured.items():
        if isinstance(result, VeeFinding):
            findings[key] = (result,)
            continue
        asked = asking[key].rules if key in asking else ()
        history = histories.get(key, NO_HISTORY)
        chosen = policies[key].judge(result, asked, history)
        findings[key] = in_force.raised(result.channel, result.interval, key.day, chosen)
    return findings


def _is_installed(counted: LockedChannel, day: date) -> bool:
    return is_installed(
        counted.installed, day, counted.channel.point.zone, counted.channel.day_start
    )


def _measure(  # noqa: PLR0913, PLR0917 - the facts of one day
    counted: LockedChannel,
    day: date,
    segments: Sequence[InstallationSegment],
    conflicts: Sequence[datetime],
    newest_block: Newest | None,
    limits: Thresholds,
) -> JudgedDay | VeeFinding:
    version = 1 if newest_block is None else newest_block.version + 1
    try:
        return measure_day(
            counted.channel,
            day,
            segments,
            version=version,
            conflicts=conflicts,
            thresholds=limits,
            is_vacant=counted.is_vacant(day),
        )
    except (MeteringError, InvalidValueError) as error:
        # One day that cannot be told must not stop the queue; it holds its bill instead.
        interval = counted.channel.local_day(day)
        return UNREADABLE_DAY.finding(interval, error.message, {"error": error.code})


def _window(counted: LockedChannel, days: Sequence[date], limits: Thresholds) -> Interval:
    first = reading_window(counted.channel, days[0], limits)
    last = reading_window(counted.channel, days[-1], limits)
    return Interval(first.start, last.end)
