"""Judge days of channels in a transaction: blocks where content is new, and the open findings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.errors import MeteringError
from central.domain.metering.installed_days import is_installed
from central.domain.metering.track import InstallationSegment
from central.domain.vee.channel_class import DEFAULT_POLICIES, default_class
from central.domain.vee.day import JudgedDay, Thresholds
from central.domain.vee.estimate import still_stands
from central.domain.vee.estimated_gap import estimated_gap
from central.domain.vee.finding import VeeFinding
from central.domain.vee.history import NO_HISTORY
from central.domain.vee.notices import UNREADABLE_DAY
from central.domain.vee.rules import meter_exchange, missing_intervals
from central.domain.vee.validate import measure_day, reading_window
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    Newest,
    PointChannelId,
    ValidationTransaction,
)
from central.service.validation.asked_history import AskingDay, asked_histories
from central.service.validation.reestimate import reestimate
from central.service.validation.tally import Tally
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import Interval

_ACTOR = Actor.job("validate")


async def judge_days(
    work: ValidationTransaction,
    locked: Mapping[PointChannelId, LockedChannel],
    days: Mapping[PointChannelId, Sequence[date]],
    limits: Thresholds,
    now: datetime,
) -> Tally:
    """Validate days of channels anew, and keep what differs from what is there.

    Args:
        work: The transaction.
        locked: The channels, under their locks.
        days: Of each, ascending.
        limits: Where rules draw their lines.
        now: When.
    """
    windows = {key: _window(locked[key], found, limits) for key, found in days.items() if found}
    segments = await work.segments(windows)
    conflicts = await work.conflicts(windows)
    keys = [ChannelDay(key, day) for key, found in days.items() for day in found]
    newest = await work.newest(keys)
    estimates = await work.estimates([key for key, known in newest.items() if known.estimated])
    measured: dict[ChannelDay, JudgedDay | VeeFinding] = {}
    for key in keys:
        one, known = locked[key.channel_id], newest.get(key)
        # A day whose meter turns out not to have been there must not keep its block.
        if known is None and not _is_installed(one, key.day):
            continue
        measured[key] = _measure(
            one,
            key.day,
            segments.get(key.channel_id, []),
            conflicts.get(key.channel_id, ()),
            known,
            limits,
        )
    stands = {
        key
        for key, estimated in estimates.items()
        if isinstance(day := measured.get(key), JudgedDay)
        and still_stands(estimated.block, day.block)
    }
    findings = await _findings(work, measured, stands)
    blocks: list[DayBlock] = []
    open_days, reopened = set(estimates), set[ChannelDay]()
    for key, day in measured.items():
        if isinstance(day, VeeFinding):
            continue
        known, estimated = newest.get(key), estimates.get(key)
        if day.block.missing:
            open_days.add(key)
        if estimated is not None and key in stands:
            findings[key] = (*_but_missing(findings[key]), estimated_gap(estimated))
        elif known is None or known.sha256 != day.block.sha256:
            blocks.append(day.block)
            if estimated is not None and not _has_no_meter(findings[key]):
                reopened.add(key)
    await work.add_blocks(blocks, _ACTOR, now)
    raised = await work.settle_findings(findings, now)
    again = await reestimate(work, locked, open_days, reopened, limits, now)
    return Tally(days=len(findings), versions=len(blocks) + again, findings=raised)


async def _findings(
    work: ValidationTransaction,
    measured: Mapping[ChannelDay, JudgedDay | VeeFinding],
    stands: Collection[ChannelDay],
) -> dict[ChannelDay, tuple[VeeFinding, ...]]:
    """What rules find in each day; the store is asked once for the history of those that need it.

    Args:
        work: The transaction.
        measured: The days, or why they cannot be read.
        stands: Those whose estimates stand, so that history has them as they are kept.
    """
    days = {key: day for key, day in measured.items() if isinstance(day, JudgedDay)}
    policies = {key: DEFAULT_POLICIES[default_class(day.channel)] for key, day in days.items()}
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
        findings[key] = policies[key].judge(result, asked, history)
    return findings


def _is_installed(one: LockedChannel, day: date) -> bool:
    return is_installed(one.installed, day, one.channel.point.zone, one.channel.day_start)


def _but_missing(findings: Sequence[VeeFinding]) -> Iterator[VeeFinding]:
    return (finding for finding in findings if finding.code != missing_intervals.RULE.code)


def _has_no_meter(findings: Sequence[VeeFinding]) -> bool:
    return any(finding.code == meter_exchange.NO_METER.code for finding in findings)


def _measure(  # noqa: PLR0913, PLR0917 - the facts of one day
    one: LockedChannel,
    day: date,
    segments: Sequence[InstallationSegment],
    conflicts: Sequence[datetime],
    known: Newest | None,
    limits: Thresholds,
) -> JudgedDay | VeeFinding:
    version = 1 if known is None else known.version + 1
    try:
        return measure_day(
            one.channel,
            day,
            segments,
            version=version,
            conflicts=conflicts,
            thresholds=limits,
            is_vacant=one.is_vacant(day),
        )
    except (MeteringError, InvalidValueError) as error:
        # One day that cannot be told must not stop the queue; it holds its bill instead.
        interval = one.channel.local_day(day)
        return UNREADABLE_DAY.finding(interval, error.message, {"error": error.code})


def _window(one: LockedChannel, days: Sequence[date], limits: Thresholds) -> Interval:
    first = reading_window(one.channel, days[0], limits)
    last = reading_window(one.channel, days[-1], limits)
    return Interval(first.start, last.end)
