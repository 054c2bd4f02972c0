"""The intervals of a day, as a dense list that reads down the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from central.dashboard.language import Language, marked
from central.dashboard.present import DASH, offset
from central.domain.metering.block import DayBlock
from central.domain.metering.display_unit import display_unit
from central.domain.metering.quality import IntervalQuality
from central.service.views.billing import ProofDay, spell_fraction
from firmware_bridge.contract.interval import zone_info

QUALITIES = {
    IntervalQuality.ACTUAL: "",
    IntervalQuality.ESTIMATED_LINEAR: marked("estimated, linear"),
    IntervalQuality.ESTIMATED_LIKE_DAY: marked("estimated from like days"),
    IntervalQuality.ESTIMATED_PROFILE: marked("estimated from a profile"),
    IntervalQuality.EDITED: marked("edited"),
    IntervalQuality.ESTIMATED_BY_METER: marked("estimated by the meter"),
    IntervalQuality.POWER_FAILURE: marked("power failure"),
    IntervalQuality.MISSING: marked("no value"),
}
"""How a value came about, in words; empty where it is simply metered."""


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


def quality_texts(language: Language) -> dict[str, str]:
    """How values came about, in words, by the name that the API gives them."""
    return {
        quality.name.lower(): text and language.gettext(text) for quality, text in QUALITIES.items()
    }


def block_slots(block: DayBlock, language: Language) -> Iterator[Slot]:
    """The intervals of a validated day."""
    step, seen = timedelta(seconds=block.period_s), _Clock(block.zone)
    unit = display_unit(block.unit)
    pairs = zip(block.values.tolist(), block.quality.tolist(), strict=True)
    for place, (value, quality) in enumerate(pairs):
        time, turn = seen.read(block.start + place * step)
        missing = quality == IntervalQuality.MISSING
        text = DASH if missing else f"{unit.decimal(value, block.exponent):,f}"
        text = language.numeral(text)
        yield _slot(language, time, text, IntervalQuality(quality), turn=turn)


def line_slots(row: ProofDay, zone: str, language: Language) -> Iterator[Slot]:
    """The intervals of one day behind a bill line."""
    seen = _Clock(zone)
    digits = max(_digits(interval.value) for interval in row.intervals)
    for interval in row.intervals:
        time, turn = seen.read(interval.start)
        value = language.numeral(f"{interval.value:,.{digits}f}")
        if interval.price is not None:
            price = language.numeral(spell_fraction(interval.price))
            value = language.gettext("%(energy)s at %(price)s") % {"energy": value, "price": price}
        yield _slot(language, time, value, interval.quality, turn=turn)


def _digits(value: Decimal) -> int:
    """How many digits stand after the point."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _slot(
    language: Language, time: str, value: str, quality: IntervalQuality, *, turn: bool
) -> Slot:
    kind = {IntervalQuality.ACTUAL: "actual", IntervalQuality.MISSING: "missing"}.get(
        quality, "estimated"
    )
    word = QUALITIES[quality] and language.gettext(QUALITIES[quality])
    return Slot(time, value, f"{kind} turn" if turn else kind, word)


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
