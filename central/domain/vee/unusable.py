"""Rule: say which readings were not used, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from central.domain.metering.series import ReadingSeries
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Severity, VeeCode, VeeFinding
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import Kind, from_ms, to_ms

_INSTANT = timedelta(milliseconds=1)


def usable(series: ReadingSeries) -> ReadingSeries:
    """The readings of a series that validation may use unasked."""
    return series.where(~(series.unsynchronised | series.suspect))


def unusable_readings(day: JudgedDay) -> Iterator[VeeFinding]:
    """Readings of the day with an unsynchronised time, doubted ones, other units, odd starts."""
    for series in (one for segment in day.segments for one in segment.series):
        if series.unit is not day.channel.unit:
            yield _about(
                day,
                VeeCode.UNIT_MISMATCH,
                Severity.CRITICAL,
                f"A channel has the unit {series.unit}.",
            )
            continue
        yield from _marked(day, series, series.unsynchronised, VeeCode.UNSYNCHRONISED_READING)
        yield from _marked(day, series, series.suspect, VeeCode.SUSPECT_READING)
        if series.kind is Kind.INTERVAL:
            off = ~day.grid.is_edge(series.at_ms)
            yield from _marked(day, series, off, VeeCode.EXTRA_INTERVALS)


def _marked(
    day: JudgedDay, series: ReadingSeries, mask: NDArray[np.bool_], code: VeeCode
) -> Iterator[VeeFinding]:
    start, end = to_ms(day.interval.start), to_ms(day.interval.end)
    found = series.at_ms[mask & (series.at_ms >= start) & (series.at_ms < end)]
    if len(found):
        first, last = from_ms(int(found[0])), from_ms(int(found[-1]))
        yield VeeFinding(
            code,
            Severity.WARNING,
            Interval(first, min(last + _INSTANT, day.interval.end)),
            f"{len(found)} readings were ignored.",
            {"readings": str(len(found)), "source": series.source.name.lower()},
        )


def _about(day: JudgedDay, code: VeeCode, severity: Severity, message: str) -> VeeFinding:
    return VeeFinding(code, severity, day.interval, message, {"expected": day.channel.unit.value})
