"""Rule: a meter was there all day, and where one followed another the reads are known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from central.domain.metering.installation import Installation
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Severity, VeeCode, VeeFinding
from firmware_bridge.contract.interval import Interval

_INSTANT = timedelta(milliseconds=1)


def exchanges(day: JudgedDay) -> Iterator[VeeFinding]:
    """Exchanges within the day, exchanges without reads, and stretches without a meter."""
    reached = day.interval.start
    before: Installation | None = None
    for installation in (segment.installation for segment in day.segments):
        end = installation.end or day.interval.end
        if end < day.interval.start or installation.start >= day.interval.end:
            continue
        if installation.start > reached:
            yield _no_meter(Interval(reached, installation.start))
        elif before is not None and installation.start >= day.interval.start:
            yield from _takeover(day, before, installation)
        before, reached = installation, max(reached, end)
    if reached < day.interval.end:
        yield _no_meter(Interval(reached, day.interval.end))


def _no_meter(stretch: Interval) -> VeeFinding:
    return VeeFinding(
        VeeCode.NO_METER, Severity.CRITICAL, stretch, "No meter is installed at the service point."
    )


def _takeover(day: JudgedDay, old: Installation, new: Installation) -> Iterator[VeeFinding]:
    at = Interval(new.start, new.start + _INSTANT)
    closing, opening = old.facts(day.channel.obis).closing, new.facts(day.channel.obis).opening
    reads = {"old": old.meter, "new": new.meter, "closing": str(closing), "opening": str(opening)}
    yield VeeFinding(
        VeeCode.METER_EXCHANGE, Severity.INFO, at, f"{new.meter} replaced {old.meter}.", reads
    )
    if closing is None or opening is None:
        yield VeeFinding(
            VeeCode.EXCHANGE_READS_MISSING,
            Severity.WARNING,
            at,
            f"{new.meter} replaced {old.meter}, and a closing or opening read is missing.",
            reads,
        )
