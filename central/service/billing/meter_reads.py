"""The reads that a bill prints: what each register showed at the ends of the days billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np

from central.domain.billing.read import MeterRead
from central.domain.metering.block import DayBlock, present_sum
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.rounding import printed
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import NAMES, Obis
from firmware_bridge.contract.quantity import Unit

_METERED = (IntervalQuality.ACTUAL, IntervalQuality.POWER_FAILURE, IntervalQuality.EDITED)


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
    return tuple(_read(span, blocks, alone=len(spans) == 1) for span in spans)


def _read(span: BilledSpan, blocks: Sequence[DayBlock], *, alone: bool) -> MeterRead:
    name = NAMES.get(span.obis, str(span.obis))
    return MeterRead(
        serial=span.serial,
        register=f"{name}, {span.obis}",
        unit=display_unit(span.unit).name,
        opening=_displayed(span.opening, span.unit),
        opened=span.within.start,
        closing=_displayed(span.closing, span.unit),
        closed=span.within.end,
        usage=_usage(blocks) if alone else _advance(span),
        multiplier=printed(span.multiplier),
        estimated=_estimated(blocks, span.within),
    )


def _displayed(value: Decimal | None, unit: Unit) -> Decimal | None:
    if value is None:
        return None
    places = display_unit(unit).places
    return printed(Fraction(value) / 10**places) if places else value


def _usage(blocks: Sequence[DayBlock]) -> Decimal:
    return printed(
        sum((present_sum([block]) * billing_scale(block) for block in blocks), Fraction(0))
    )


def _advance(span: BilledSpan) -> Decimal:
    if span.opening is None or span.closing is None:
        return Decimal(0)
    advance = (Fraction(span.closing) - Fraction(span.opening)) * span.multiplier
    return printed(advance / 10 ** display_unit(span.unit).places)


def _estimated(blocks: Sequence[DayBlock], within: Interval) -> bool:
    return not_metered(
        [block for block in blocks if block.start < within.end and within.start < block.end]
    )


def not_metered(blocks: Sequence[DayBlock]) -> bool:
    """Whether an interval of some blocks is estimated or missing."""
    if not blocks:
        return False
    # Most months are metered throughout, and then every byte is 0.
    qualities = np.concatenate([block.quality for block in blocks])
    return bool(qualities.any()) and not bool(np.isin(qualities, _METERED).all())


def installed_within(start: datetime, end: datetime | None, days: Interval) -> Interval | None:
    """The part of the days billed in which a meter was there."""
    first = max(start, days.start)
    last = days.end if end is None else min(end, days.end)
    return Interval(first, last) if first < last else None
