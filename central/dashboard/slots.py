"""The intervals of a day, as a dense list that reads down the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from central.dashboard.present import DASH, offset
from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import IntervalQuality
from central.service.views.billing import ProofDay, spell_fraction
from firmware_bridge.contract.interval import zone_info

_WORDS = {
    IntervalQuality.ACTUAL: "",
    IntervalQuality.ESTIMATED_LINEAR: "estimated, linear",
    IntervalQuality.ESTIMATED_LIKE_DAY: "estimated from like days",
    IntervalQuality.ESTIMATED_PROFILE: "estimated from a profile",
    IntervalQuality.EDITED: "edited",
    IntervalQuality.ESTIMATED_BY_METER: "estimated by the meter",
    IntervalQuality.POWER_FAILURE: "power failure",
    IntervalQuality.MISSING: "no value",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One interval.

    Args:
        time: Local time of its start; with the offset where that has just changed.
        value: What was consumed.
        kind: CSS classes: actual, estimated or missing, and turn where the offset changed.
        word: How the value came about; empty where it is simply metered.
    """

    time: str
    value: str
    kind: str
    word: str


def block_slots(block: DayBlock) -> Iterator[Slot]:
    """The intervals of a validated day."""
    step, seen = timedelta(seconds=block.period_s), _Clock(block.zone)
    unit = display_unit(block.unit)
    pairs = zip(block.values.tolist(), block.quality.tolist(), strict=True)
    for place, (value, quality) in enumerate(pairs):
        time, turn = seen.read(block.start + place * step)
        missing = quality == IntervalQuality.MISSING
        text = DASH if missing else f"{unit.decimal(value, block.exponent):,f}"
        yield _slot(time, text, IntervalQuality(quality), turn=turn)


def line_slots(row: ProofDay, zone: str) -> Iterator[Slot]:
    """The intervals of one day behind a bill line."""
    seen = _Clock(zone)
    digits = max(_digits(interval.value) for interval in row.intervals)
    for interval in row.intervals:
        time, turn = seen.read(interval.start)
        value = f"{interval.value:,.{digits}f}"
        if interval.price is not None:
            value = f"{value} at {spell_fraction(interval.price)}"
        yield _slot(time, value, interval.quality, turn=turn)


def _digits(value: Decimal) -> int:
    """How many digits stand after the point."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _slot(time: str, value: str, quality: IntervalQuality, *, turn: bool) -> Slot:
    kind = {IntervalQuality.ACTUAL: "actual", IntervalQuality.MISSING: "missing"}.get(
        quality, "estimated"
    )
    return Slot(time, value, f"{kind} turn" if turn else kind, _WORDS[quality])


class _Clock:
    """Tells local times, and the offset where it is not that of the time before."""

    def __init__(self, zone: str) -> None:
        self._zone = zone_info(zone)
        self._offset: timedelta | None = None

    def read(self, instant: datetime) -> tuple[str, bool]:
        there = instant.astimezone(self._zone)
        turn = self._offset is not None and there.utcoffset() != self._offset
        self._offset = there.utcoffset()
        return (f"{there:%H:%M} {offset(there)}" if turn else f"{there:%H:%M}"), turn
