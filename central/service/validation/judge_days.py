"""Judge days of channels in a transaction: blocks where content is new, and the open findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.errors import MeteringError
from central.domain.metering.installed_days import is_installed
from central.domain.metering.track import InstallationSegment
from central.domain.vee.day import Thresholds
from central.domain.vee.estimate import still_stands
from central.domain.vee.estimated_gap import estimated_gap
from central.domain.vee.finding import VeeFinding
from central.domain.vee.notices import UNREADABLE_DAY
from central.domain.vee.rules import meter_exchange, missing_intervals
from central.domain.vee.validate import reading_window, validate_day
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    Newest,
    PointChannelId,
    ValidationTransaction,
)
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
    blocks: list[DayBlock] = []
    findings: dict[ChannelDay, tuple[VeeFinding, ...]] = {}
    open_days, reopened = set(estimates), set[ChannelDay]()
    for key in keys:
        one, known = locked[key.channel_id], newest.get(key)
        # A day whose meter turns out not to have been there must not keep its block.
        if known is None and not _is_installed(one, key.day):
            continue
        block, findings[key] = _judge(
            one,
            key.day,
            segments.get(key.channel_id, []),
            conflicts.get(key.channel_id, ()),
            known,
            limits,
        )
        estimated = estimates.get(key)
        if block is not None and block.missing:
            open_days.add(key)
        if block is not None and estimated is not None and still_stands(estimated.block, block):
            findings[key] = (*_but_missing(findings[key]), estimated_gap(estimated))
        elif block is not None and (known is None or known.sha256 != block.sha256):
            blocks.append(block)
            if estimated is not None and not _has_no_meter(findings[key]):
                reopened.add(key)
    await work.add_blocks(blocks, _ACTOR, now)
    raised = await work.settle_findings(findings, now)
    again = await reestimate(work, locked, open_days, reopened, limits, now)
    return Tally(days=len(findings), versions=len(blocks) + again, findings=raised)


def _is_installed(one: LockedChannel, day: date) -> bool:
    return is_installed(one.installed, day, one.channel.point.zone, one.channel.day_start)


def _but_missing(findings: Sequence[VeeFinding]) -> Iterator[VeeFinding]:
    return (finding for finding in findings if finding.code != missing_intervals.RULE.code)


def _has_no_meter(findings: Sequence[VeeFinding]) -> bool:
    return any(finding.code == meter_exchange.NO_METER.code for finding in findings)


def _judge(  # noqa: PLR0913, PLR0917 - the facts of one day
    one: LockedChannel,
    day: date,
    segments: Sequence[InstallationSegment],
    conflicts: Sequence[datetime],
    known: Newest | None,
    limits: Thresholds,
) -> tuple[DayBlock | None, tuple[VeeFinding, ...]]:
    version = 1 if known is None else known.version + 1
    try:
        result = validate_day(
            one.channel, day, segments, version=version, conflicts=conflicts, thresholds=limits
        )
    except (MeteringError, InvalidValueError) as error:
        # One day that cannot be told must not stop the queue; it holds its bill instead.
        interval = one.channel.local_day(day)
        return None, (UNREADABLE_DAY.finding(interval, error.message, {"error": error.code}),)
    return result.block, result.findings


def _window(one: LockedChannel, days: Sequence[date], limits: Thresholds) -> Interval:
    first = reading_window(one.channel, days[0], limits)
    last = reading_window(one.channel, days[-1], limits)
    return Interval(first.start, last.end)
