"""The days of a transaction from readings to findings, before anything is kept of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from central.domain.metering.errors import MeteringError
from central.domain.metering.installed_days import is_installed
from central.domain.vee.day import DayReadings, JudgedDay, Thresholds
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import NO_HISTORY
from central.domain.vee.notices import UNREADABLE_DAY
from central.domain.vee.policies_in_force import PoliciesInForce
from central.domain.vee.policy import Policy
from central.domain.vee.regular import regular_days
from central.domain.vee.rule import VeeRule
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
    read = {
        key: DayReadings(
            locked[key.channel_id].channel,
            key.day,
            segments.get(key.channel_id, []),
            newest[key].version + 1 if key in newest else 1,
            conflicts.get(key.channel_id, ()),
            locked[key.channel_id].is_vacant(key.day),
        )
        for key in (ChannelDay(channel, day) for channel, chosen in days.items() for day in chosen)
        # A day whose meter turns out not to have been there must not keep its block.
        if key in newest or _is_installed(locked[key.channel_id], key.day)
    }
    regular = regular_days(list(read.values()), limits)
    return {
        key: regular[number] if number in regular else _measure(day, limits)
        for number, (key, day) in enumerate(read.items())
    }


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
    rules = _screened(days, policies)
    asking = {
        key: AskingDay(days[key], policies[key], asks)
        for key, chosen in rules.items()
        if (asks := [rule for rule in chosen if rule.history is not None])
    }
    fresh = {key: day for key, day in days.items() if key not in stands} if asking else {}
    histories = await asked_histories(work, asking, fresh)
    findings: dict[ChannelDay, tuple[VeeFinding, ...]] = {}
    for key, result in measured.items():
        if isinstance(result, VeeFinding):
            findings[key] = (result,)
            continue
        history = histories.get(key, NO_HISTORY)
        chosen = policies[key].judge(result, rules[key], history)
        findings[key] = in_force.raised(result.channel, result.interval, key.day, chosen)
    return findings


def _screened(
    days: Mapping[ChannelDay, JudgedDay], policies: Mapping[ChannelDay, Policy]
) -> dict[ChannelDay, tuple[VeeRule, ...]]:
    """The rules that have to judge each day, those of a policy asked of all its days at once."""
    alike: dict[int, list[ChannelDay]] = {}
    for key in days:
        alike.setdefault(id(policies[key]), []).append(key)
    rules: dict[ChannelDay, tuple[VeeRule, ...]] = {}
    for keys in alike.values():
        chosen = policies[keys[0]].screened([days[key] for key in keys])
        rules.update(zip(keys, chosen, strict=True))
    return rules


def _is_installed(counted: LockedChannel, day: date) -> bool:
    return is_installed(
        counted.installed, day, counted.channel.point.zone, counted.channel.day_start
    )


def _measure(read: DayReadings, limits: Thresholds) -> JudgedDay | VeeFinding:
    try:
        return measure_day(
            read.channel,
            read.day,
            read.segments,
            version=read.version,
            conflicts=read.conflicts,
            thresholds=limits,
            is_vacant=read.is_vacant,
        )
    except (MeteringError, InvalidValueError) as error:
        # One day that cannot be told must not stop the queue; it holds its bill instead.
        interval = read.channel.local_day(read.day)
        return UNREADABLE_DAY.finding(interval, error.message, {"error": error.code})


def _window(counted: LockedChannel, days: Sequence[date], limits: Thresholds) -> Interval:
    first = reading_window(counted.channel, days[0], limits)
    last = reading_window(counted.channel, days[-1], limits)
    return Interval(first.start, last.end)
