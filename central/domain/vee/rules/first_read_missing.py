"""Rule: a meter was installed, and nothing was ever heard of the channel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import MOST_DAYS, ChannelHistory, run_until
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule
from central.domain.vee.rules.zero_days import RUN_AGAIN

DAYS = Threshold(
    "first_read_days",
    ThresholdKind.COUNT,
    2,
    "days",
    "since the installation without any reading, from which on it asks",
)


def _screen(days: JudgedDays, _: Limits) -> Chosen:
    return days.which(days.missing == days.shape.intervals, _may_be_silent)


def _may_be_silent(day: JudgedDay) -> bool:
    """Whether nothing was read, and the meter is not there for longer than history knows."""
    if not day.segments:
        return False
    since = day.segments[0].installation.start
    return day.interval.end - since < timedelta(days=MOST_DAYS) and not any(
        len(series.at_ms) for segment in day.segments for series in segment.series
    )


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """A day since which nothing was ever heard; once, and again while it goes on."""
    if any(past.summary.missing < past.intervals for past in history.days):
        return
    run = run_until(day.day, history.days, lambda _: True)
    over = run.length - limits[DAYS]
    if over >= 0 and over % limits[RUN_AGAIN] == 0:
        installation = day.segments[-1].installation
        figures = {"meter": installation.meter, "installed": installation.start.isoformat()}
        message = f"Nothing was read in the {run.length} days since {installation.meter} is there."
        yield RULE.finding(day.interval, message, figures)


RULE = VeeRule(
    code=VeeCode("FIRST_READ_MISSING"),
    severity=Severity.WARNING,
    text=ClerkText(
        "a meter is installed, and nothing was ever heard of this channel",
        "hay un contador instalado y nunca se ha recibido nada de este canal",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(DAYS, RUN_AGAIN),
    history=HistoryNeed(days=MOST_DAYS),
)
