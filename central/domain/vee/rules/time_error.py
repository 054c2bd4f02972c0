"""Rule: readings that a meter dated by a clock that was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from central.domain.metering.clock_error import ClockError
from central.domain.metering.track import InstallationSegment
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import Limits, Threshold, ThresholdKind, VeeRule
from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.reading import from_ms, to_ms

TIME_ERROR_MOST = Threshold(
    "time_error",
    ThresholdKind.DURATION,
    timedelta(minutes=3),
    "",
    "how far from its gateway's clock a meter's may be that dates readings; gateways report what is"
    " beyond their own `clock_tolerance_s`",
)
_INSTANT = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


def _screen(days: JudgedDays, _: Limits) -> Chosen:
    counts = days.column(lambda day: sum(len(segment.clock_errors) for segment in day.segments))
    chosen: Chosen = counts != 0
    return chosen


def _judge(day: JudgedDay, limits: Limits, _: ChannelHistory) -> Iterator[VeeFinding]:
    """Readings of the day with the meter's own time, of when that was too far off."""
    for segment in day.segments:
        errors = [error for error in segment.clock_errors if _size(error) > limits[TIME_ERROR_MOST]]
        dated = {at: error for error in errors for at in _dated(segment, error, day.interval)}
        if not dated:
            continue
        worst, meter = max(dated.values(), key=_size), segment.installation.meter
        yield RULE.finding(
            Interval(from_ms(min(dated)), min(from_ms(max(dated)) + _INSTANT, day.interval.end)),
            f"The clock of {meter} was wrong when it dated {len(dated)} readings.",
            {
                "meter": meter,
                "readings": str(len(dated)),
                "offset_s": "unknown" if worst.offset is None else str(worst.offset // _SECOND),
                "seen_at": worst.seen_at.isoformat(),
                "until": _right_again(worst, day.interval),
            },
        )


def _right_again(error: ClockError, day: Interval) -> str:
    """When the clock was right again, on the day itself.

    What was seen later says nothing of the day: who accepted its finding is not asked again for it.
    """
    if error.until is None or not day.start <= error.until < day.end:
        return ""
    return error.until.isoformat()


def _size(error: ClockError) -> timedelta:
    """How far a clock was off; longer than any threshold where that is unknown."""
    return timedelta.max if error.offset is None else abs(error.offset)


def _dated(segment: InstallationSegment, error: ClockError, day: Interval) -> list[int]:
    """The times of readings of a day that the meter gave while its clock was wrong. [ms]."""
    stretch = error.dated.overlap(day)
    if stretch is None:
        return []
    start, end = to_ms(stretch.start), to_ms(stretch.end)
    return [
        at
        for series in segment.series
        for at in series.at_ms[
            series.meter_time & (series.at_ms >= start) & (series.at_ms < end)
        ].tolist()
    ]


RULE = VeeRule(
    code=VeeCode("TIME_ERROR"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "the meter's own clock dated readings while it was wrong, so that use may stand at other"
        " times than it was",
        "el propio reloj del contador fechó lecturas mientras iba mal, de modo que el consumo puede"
        " figurar a otras horas que las reales",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(TIME_ERROR_MOST,),
)
