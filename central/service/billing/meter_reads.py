"""The reads that a bill prints: what each register showed at the ends of the days billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np

from central.domain.billing.read import MeterRead
from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import joined_quality, present_sum
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.rounding import printed
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import NAMES, Obis
from firmware_bridge.contract.quantity import Unit

_METERED = (IntervalQuality.ACTUAL, IntervalQuality.POWER_FAILURE, IntervalQuality.EDITED)
_KNOWN = (*_METERED, IntervalQuality.MISSING)


@dataclass(frozen=True, slots=True)
class BilledSpan:
    """One register while it was installed and billed.

    Args:
        serial: Of the meter.
        obis: What it counts.
        unit: Of the reads below.
        within: The days billed, as far as the meter was there.
        multiplier: From register to usage.
        opening: What it showed at the start; None if unknown.
        closing: What it showed at the end.
    """

    serial: str
    obis: Obis
    unit: Unit
    within: Interval
    multiplier: Fraction
    opening: Decimal | None
    closing: Decimal | None


def meter_reads(spans: Sequence[BilledSpan], blocks: Sequence[DayBlock]) -> tuple[MeterRead, ...]:
    """Reads of the registers of one channel, with the usage as validated.

    Args:
        spans: The registers, ascending; several where meters were exchanged.
        blocks: Of the channel, for the days billed.
    """
    usages = [_usage(blocks)] if len(spans) == 1 else _usages(spans, blocks)
    return tuple(_read(span, blocks, usage) for span, usage in zip(spans, usages, strict=True))


def _read(span: BilledSpan, blocks: Sequence[DayBlock], usage: Fraction) -> MeterRead:
    name = NAMES.get(span.obis, str(span.obis))
    return MeterRead(
        serial=span.serial,
        register=f"{name}, {span.obis}",
        unit=display_unit(span.unit).name,
        opening=_displayed(span.opening, span.unit),
        opened=span.within.start,
        closing=_displayed(span.closing, span.unit),
        closed=span.within.end,
        usage=printed(usage),
        multiplier=printed(span.multiplier),
        estimated=_estimated(blocks, span.within),
    )


def _displayed(value: Decimal | None, unit: Unit) -> Decimal | None:
    if value is None:
        return None
    places = display_unit(unit).places
    return printed(Fraction(value) / 10**places) if places else value


def _usage(blocks: Sequence[DayBlock]) -> Fraction:
    return sum((present_sum([block]) * billing_scale(block) for block in blocks), Fraction(0))


def _usages(spans: Sequence[BilledSpan], blocks: Sequence[DayBlock]) -> list[Fraction]:
    """What each of several meters is billed: by its reads, else by the intervals of its time.

    Where the reads of one alone are not known, it has what the others leave.
    """
    advances = [_advance(span) for span in spans]
    if advances.count(None) == 1:
        rest = _usage(blocks) - sum(
            (advance for advance in advances if advance is not None), Fraction(0)
        )
        if rest >= 0:
            return [rest if advance is None else advance for advance in advances]
    return [
        _begun_in(blocks, span.within) if advance is None else advance
        for span, advance in zip(spans, advances, strict=True)
    ]


def _advance(span: BilledSpan) -> Fraction | None:
    if span.opening is None or span.closing is None:
        return None
    advance = (Fraction(span.closing) - Fraction(span.opening)) * span.multiplier
    return advance / Fraction(10) ** display_unit(span.unit).places


def _begun_in(blocks: Sequence[DayBlock], within: Interval) -> Fraction:
    """The sum of the intervals that begin while a meter was there."""
    total = Fraction(0)
    for block in blocks:
        first, end = (-_steps(block.start - at, block) for at in (within.start, within.end))
        values = block.values[max(first, 0) : max(end, 0)].tolist()
        total += sum(value for value in values if value != NULL) * billing_scale(block)
    return total


def _estimated(blocks: Sequence[DayBlock], within: Interval) -> bool:
    """Whether an interval that a meter was there for is estimated; a missing one is not."""
    days = [block for block in blocks if block.start < within.end]
    if not not_metered(days):
        return False
    return any(
        quality not in _KNOWN
        for block in days
        for quality in block.quality[
            max(_steps(within.start - block.start, block), 0) : max(
                -_steps(block.start - within.end, block), 0
            )
        ].tolist()
    )


def _steps(time: timedelta, block: DayBlock) -> int:
    """Whole intervals of a block in a time, rounded down."""
    return time // timedelta(seconds=block.period_s)


def not_metered(blocks: Sequence[DayBlock]) -> bool:
    """Whether an interval of some blocks is estimated or missing."""
    if not blocks:
        return False
    # Most months are metered throughout, and then every byte is 0.
    qualities = joined_quality(blocks)
    return bool(qualities.any()) and not bool(np.isin(qualities, _METERED).all())


def installed_within(start: datetime, end: datetime | None, days: Interval) -> Interval | None:
    """The part of the days billed in which a meter was there."""
    first = max(start, days.start)
    last = days.end if end is None else min(end, days.end)
    return Interval(first, last) if first < last else None
