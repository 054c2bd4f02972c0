"""Judge days of channels in a transaction: blocks where content is new, and the open findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.catalogue import FILLED
from central.domain.vee.day import JudgedDay, Thresholds
from central.domain.vee.decided_day import Standing, decided_findings, standing
from central.domain.vee.estimate import is_estimated
from central.domain.vee.finding import VeeFinding
from central.domain.vee.rules import meter_exchange
from central.service.ports.validation import (
    ChannelDay,
    LockedChannel,
    PointChannelId,
    ValidationTransaction,
)
from central.service.validation.measured_days import judged_findings, measured_days
from central.service.validation.reestimate import reestimate
from central.service.validation.tally import Tally

_ACTOR = Actor.job("validate")
_DAY = timedelta(days=1)
_DECIDED = (Standing.EDIT, Standing.OVERTAKEN)


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
    keys = [ChannelDay(key, day) for key, found in days.items() for day in found]
    if not keys:
        return Tally()
    newest = await work.newest(keys)
    estimates = await work.estimates([key for key, known in newest.items() if known.decided])
    measured = await measured_days(work, locked, days, newest, limits)
    stands = {
        key: stand
        for key, decided in estimates.items()
        if isinstance(day := measured.get(key), JudgedDay)
        and (stand := standing(decided, day.block)) is not Standing.READINGS
    }
    span = DayRange(min(key.day for key in keys), max(key.day for key in keys) + _DAY)
    in_force = await work.policies_in_force(list(locked), span)
    judged = {
        key: replace(day, block=estimates[key].block)
        if isinstance(day, JudgedDay) and stands.get(key) in _DECIDED
        else day
        for key, day in measured.items()
    }
    findings = await judged_findings(work, judged, stands, in_force)
    blocks: list[DayBlock] = []
    open_days, reopened = set(estimates), set[ChannelDay]()
    for key, day in measured.items():
        if isinstance(day, VeeFinding):
            continue
        known, estimated = newest.get(key), estimates.get(key)
        if day.block.missing:
            open_days.add(key)
        if estimated is not None and key in stands:
            also = decided_findings(estimated, stands[key])
            findings[key] = (*_but_filled(findings[key]), *also)
        elif known is None or known.sha256 != day.block.sha256:
            blocks.append(day.block)
            was_estimated = estimated is not None and bool(is_estimated(estimated.block).any())
            if was_estimated and not _has_no_meter(findings[key]):
                reopened.add(key)
    await work.add_blocks(blocks, _ACTOR, now)
    raised = await work.settle_findings(findings, now)
    again = await reestimate(work, locked, open_days, reopened, limits, now)
    return Tally(days=len(findings), versions=len(blocks) + again, findings=raised)


def _but_filled(findings: Sequence[VeeFinding]) -> Iterator[VeeFinding]:
    return (finding for finding in findings if finding.code not in FILLED)


def _has_no_meter(findings: Sequence[VeeFinding]) -> bool:
    return any(finding.code == meter_exchange.NO_METER.code for finding in findings)
