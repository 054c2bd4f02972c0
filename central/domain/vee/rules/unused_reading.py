"""Rules: say which readings were not used, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.series import ReadingSeries
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.rule import Limits, VeeRule, irregular
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import Kind, from_ms, to_ms

_INSTANT = timedelta(milliseconds=1)
_Mask = Callable[[JudgedDay, ReadingSeries], NDArray[np.bool_]]


def _all_series(day: JudgedDay) -> Iterator[ReadingSeries]:
    return (series for segment in day.segments for series in segment.series)


def _other_units(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Channels of meters that count in another unit."""
    for series in _all_series(day):
        if series.unit is not day.channel.unit:
            message = f"A channel has the unit {series.unit}."
            figures = {"expected": day.channel.unit.value}
            yield UNIT_MISMATCH.finding(day.interval, message, figures)


def _rule(code: str, text: ClerkText, mask: _Mask) -> VeeRule:
    """The rule that names the readings of a mask."""

    def judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
        """Readings of the day that were not used."""
        start, end = to_ms(day.interval.start), to_ms(day.interval.end)
        for series in _all_series(day):
            if series.unit is not day.channel.unit:
                continue
            unused = mask(day, series)
            if not unused.any():
                continue
            at_ms = series.at_ms[unused & (series.at_ms >= start) & (series.at_ms < end)]
            if len(at_ms):
                first, last = from_ms(int(at_ms[0])), from_ms(int(at_ms[-1]))
                yield rule.finding(
                    Interval(first, min(last + _INSTANT, day.interval.end)),
                    f"{len(at_ms)} readings were ignored.",
                    {"readings": str(len(at_ms)), "source": series.source.name.lower()},
                )

    rule = VeeRule(
        code=VeeCode(code), severity=Severity.WARNING, text=text, screen=irregular, judge=judge
    )
    return rule


def _off_boundary(day: JudgedDay, series: ReadingSeries) -> NDArray[np.bool_]:
    if series.kind is not Kind.INTERVAL:
        return np.zeros(0, dtype=np.bool_)
    return ~day.grid.is_edge(series.at_ms)


UNIT_MISMATCH = VeeRule(
    code=VeeCode("UNIT_MISMATCH"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "a device channel has another unit", "un canal del contador cuenta en otra unidad"
    ),
    screen=irregular,
    judge=_other_units,
)
UNSYNCHRONISED_READING = _rule(
    "UNSYNCHRONISED_READING",
    ClerkText(
        "readings without a synchronised time, which were not used",
        "lecturas sin hora sincronizada, que no se usaron",
    ),
    lambda _, series: series.unsynchronised,
)
SUSPECT_READING = _rule(
    "SUSPECT_READING",
    ClerkText(
        "readings that the device itself doubts, which were not used",
        "lecturas de las que el propio contador duda, que no se usaron",
    ),
    lambda _, series: series.suspect,
)
EXTRA_INTERVALS = _rule(
    "EXTRA_INTERVALS",
    ClerkText(
        "interval readings that start on no boundary",
        "lecturas de intervalos que no empiezan en un límite",
    ),
    _off_boundary,
)
