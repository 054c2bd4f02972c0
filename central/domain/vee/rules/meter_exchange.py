"""Rules: a meter was there all day, and where one followed another the reads are known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from central.domain.metering.installation import Installation
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.rule import Limits, VeeRule, irregular
from firmware_bridge.contract.interval import Interval

_INSTANT = timedelta(milliseconds=1)


def _installed(day: JudgedDay) -> Iterator[Installation]:
    """The installations that touch the day, ascending."""
    for installation in (segment.installation for segment in day.segments):
        ended = installation.end is not None and installation.end < day.interval.start
        if not ended and installation.start < day.interval.end:
            yield installation


def _no_meter(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Stretches without a meter."""
    message = "No meter is installed at the service point."
    reached = day.interval.start
    for installation in _installed(day):
        if installation.start > reached:
            yield NO_METER.finding(Interval(reached, installation.start), message)
        reached = max(reached, installation.end or day.interval.end)
    if reached < day.interval.end:
        yield NO_METER.finding(Interval(reached, day.interval.end), message)


def _takeovers(day: JudgedDay) -> Iterator[tuple[Installation, Installation]]:
    """Meters that followed one another within the day, without a stretch between them."""
    reached = day.interval.start
    before: Installation | None = None
    for installation in _installed(day):
        if before and reached >= installation.start >= day.interval.start:
            yield before, installation
        before, reached = installation, max(reached, installation.end or day.interval.end)


def _reads(day: JudgedDay, old: Installation, new: Installation) -> dict[str, str]:
    closing, opening = old.facts(day.channel.obis).closing, new.facts(day.channel.obis).opening
    return {"old": old.meter, "new": new.meter, "closing": str(closing), "opening": str(opening)}


def _exchanges(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Exchanges within the day."""
    for old, new in _takeovers(day):
        at = Interval(new.start, new.start + _INSTANT)
        message = f"{new.meter} replaced {old.meter}."
        yield METER_EXCHANGE.finding(at, message, _reads(day, old, new))


def _without_reads(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Exchanges within the day that lack a read."""
    for old, new in _takeovers(day):
        facts = old.facts(day.channel.obis), new.facts(day.channel.obis)
        if facts[0].closing is None or facts[1].opening is None:
            at = Interval(new.start, new.start + _INSTANT)
            message = f"{new.meter} replaced {old.meter}, and a closing or opening read is missing."
            yield EXCHANGE_READS_MISSING.finding(at, message, _reads(day, old, new))


NO_METER = VeeRule(
    code=VeeCode("NO_METER"),
    severity=Severity.CRITICAL,
    text=ClerkText("no meter was installed", "no había ningún contador instalado"),
    screen=irregular,
    judge=_no_meter,
)
METER_EXCHANGE = VeeRule(
    code=VeeCode("METER_EXCHANGE"),
    severity=Severity.INFO,
    text=ClerkText(
        "a meter replaced another; validation has handled it",
        "un contador sustituyó a otro; la validación lo ha tratado",
    ),
    screen=irregular,
    judge=_exchanges,
)
EXCHANGE_READS_MISSING = VeeRule(
    code=VeeCode("EXCHANGE_READS_MISSING"),
    severity=Severity.WARNING,
    text=ClerkText(
        "a meter replaced another, and the closing or opening read is missing",
        "un contador sustituyó a otro y falta la lectura de cierre o de apertura",
    ),
    screen=irregular,
    judge=_without_reads,
)
