"""Rule: a channel that stands at zero for longer than it ever did."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import MOST_DAYS, ChannelHistory, PastDay, run_until
from central.domain.vee.judged_days import Chosen, JudgedDays
from central.domain.vee.rule import HistoryNeed, Limits, Threshold, ThresholdKind, VeeRule

ZERO_DAYS = Threshold(
    "zero_days", ThresholdKind.COUNT, 3, "days", "days in a row without use, from which on it asks"
)
RUN_AGAIN = Threshold(
    "run_named_again",
    ThresholdKind.COUNT,
    30,
    "days",
    "a run of days that goes on is named again after so many",
)


def _is_zero(past: PastDay) -> bool:
    summary = past.summary
    return summary.zeros > 0 and summary.zeros + summary.missing == past.intervals


def _screen(days: JudgedDays, _: Limits) -> Chosen:
    chosen: Chosen = (days.highest == 0) & (days.lowest == 0)
    return chosen


def _judge(day: JudgedDay, limits: Limits, history: ChannelHistory) -> Iterator[VeeFinding]:
    """A day that ends such a run; once a run, and again while it goes on."""
    run = run_until(day.day, history.days, _is_zero)
    if run.is_due(limits[ZERO_DAYS], limits[RUN_AGAIN]):
        used = next((past for past in reversed(history.days) if past.summary.total), None)
        figures = {
            "days": str(run.length),
            "longest_before": str(run.longest),
            "last_use": "" if used is None else used.day.isoformat(),
        }
        yield RULE.finding(day.interval, f"{run.length} days in a row have no use.", figures)


RULE = VeeRule(
    code=VeeCode("ZERO_DAYS"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "no use for days in a row, more than this channel had in 13 months: does the meter stand"
        " still, or is nobody there?",
        "días seguidos sin consumo, más de los que este canal tuvo en 13 meses: ¿está parado el"
        " contador o no hay nadie?",
    ),
    screen=_screen,
    judge=_judge,
    thresholds=(ZERO_DAYS, RUN_AGAIN),
    history=HistoryNeed(days=MOST_DAYS),
)
