"""Rules: what a meter's own intervals sum to is what its register advanced meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from central.domain.metering.series import ReadingSeries
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.rule import Limits, Threshold, ThresholdKind, VeeRule, irregular
from firmware_bridge.contract.reading import Kind, Quality, to_ms

STEPS = Threshold(
    "sum_check_steps",
    ThresholdKind.COUNT,
    2,
    "steps",
    "of the coarser of both sources, times the multiplier, by which they may differ",
    may_be_zero=True,
)


@dataclass(frozen=True, slots=True)
class _Both:
    """What two sources of one meter say of a day, before the multiplier, in the channel's unit.

    Args:
        intervals: The sum of its own intervals.
        advance: What its register advanced.
        step: The coarser of the steps in which both count.
        multiplier: Of the meter.
    """

    intervals: Fraction
    advance: Fraction
    step: Fraction
    multiplier: Fraction

    def differ(self, steps: int, times: Fraction = Fraction(1)) -> bool:
        """Whether the sum, multiplied once more, is not the advance."""
        return abs(self.intervals * times - self.advance) > steps * self.step * max(
            times, Fraction(1)
        )

    def figures(self) -> dict[str, str]:
        return {
            "intervals": str(self.intervals * self.multiplier),
            "register": str(self.advance * self.multiplier),
            "step": str(self.step * self.multiplier),
            "multiplier": str(self.multiplier),
        }


def _both(day: JudgedDay) -> _Both | None:
    """Both sources; None where there are not two that say all of the day."""
    inside = [
        segment
        for segment in day.segments
        if segment.installation.start < day.interval.end
        and (segment.installation.end is None or segment.installation.end > day.interval.start)
    ]
    if len(inside) != 1 or not any(series.kind is Kind.INTERVAL for series in inside[0].series):
        return None
    usable = [series for series in inside[0].series if series.unit is day.channel.unit]
    summed = _sum([series for series in usable if series.kind is Kind.INTERVAL], day)
    advance = _advance([series for series in usable if series.kind is Kind.REGISTER], day)
    if summed is None or advance is None:
        return None
    step = max(summed[1], advance[1])
    return _Both(summed[0], advance[0], step, inside[0].installation.multiplier.ratio)


def _sum(sources: Sequence[ReadingSeries], day: JudgedDay) -> tuple[Fraction, Fraction] | None:
    """The sum of a meter's own intervals, all of them, and its step."""
    start, end = to_ms(day.interval.start), to_ms(day.interval.end)
    for series in sorted(sources, key=lambda series: -series.source):
        inside = series.between(start, end - 1)
        actual = inside.quality == Quality.ACTUAL
        if series.period_s == day.block.period_s and len(inside.at_ms) == len(day.block.values):
            if not bool(actual.all()):
                return None
            exponents = inside.exponent.astype(np.int64)
            low = int(exponents.min())
            total = sum(
                value * 10 ** (exponent - low)
                for value, exponent in zip(
                    inside.mantissa.tolist(), exponents.tolist(), strict=True
                )
            )
            return total * Fraction(10) ** low, Fraction(10) ** low
    return None


def _advance(sources: Sequence[ReadingSeries], day: JudgedDay) -> tuple[Fraction, Fraction] | None:
    """What a register advanced between actual reads at both ends of the day, and its step."""
    edges = [to_ms(day.interval.start), to_ms(day.interval.end)]
    for series in sorted(sources, key=lambda series: -series.source):
        places = np.searchsorted(series.at_ms, edges)
        if int(places[1]) >= len(series.at_ms) or series.at_ms[places].tolist() != edges:
            continue
        if bool((series.flags[places] != 0).any()):
            return None
        exponents = series.exponent[places].tolist()
        first, last = (
            value * Fraction(10) ** exponent
            for value, exponent in zip(series.mantissa[places].tolist(), exponents, strict=True)
        )
        return (last - first, Fraction(10) ** max(exponents)) if last >= first else None
    return None


def _is_multiplied(both: _Both, steps: int) -> bool:
    """Whether one source has the multiplier in it already, and the other has not."""
    ratio = both.multiplier
    if ratio == 1 or not both.advance:
        return False
    return not both.differ(steps, ratio) or not both.differ(steps, 1 / ratio)


def _sum_check(day: JudgedDay, limits: Limits, _: ChannelHistory) -> Iterator[VeeFinding]:
    """A day whose intervals are not its register's advance."""
    both = _both(day)
    if both is None or not both.differ(limits[STEPS]) or _is_multiplied(both, limits[STEPS]):
        return
    message = "The intervals of the day do not sum to what the register advanced."
    yield SUM_CHECK.finding(day.interval, message, both.figures())


def _multiplier(day: JudgedDay, limits: Limits, _: ChannelHistory) -> Iterator[VeeFinding]:
    """A day on which one source is the other times the multiplier."""
    both = _both(day)
    if both is not None and both.differ(limits[STEPS]) and _is_multiplied(both, limits[STEPS]):
        message = f"Intervals and register differ by the meter's multiplier of {both.multiplier}."
        yield MULTIPLIER_MISMATCH.finding(day.interval, message, both.figures())


SUM_CHECK = VeeRule(
    code=VeeCode("SUM_CHECK"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "a meter's own intervals do not sum to what its register advanced; judged where actual"
        " reads stand at both ends of the day and all intervals are there",
        "los intervalos propios de un contador no suman lo que avanzó su registro; se juzga donde"
        " hay lecturas reales en ambos extremos del día y están todos los intervalos",
    ),
    screen=irregular,
    judge=_sum_check,
    filled=True,
    thresholds=(STEPS,),
)
MULTIPLIER_MISMATCH = VeeRule(
    code=VeeCode("MULTIPLIER_MISMATCH"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "intervals and register of a meter differ by its multiplier: one of them is multiplied"
        " already",
        "los intervalos y el registro de un contador difieren en su multiplicador: uno de ellos ya"
        " está multiplicado",
    ),
    screen=irregular,
    judge=_multiplier,
    filled=True,
    thresholds=(STEPS,),
)
