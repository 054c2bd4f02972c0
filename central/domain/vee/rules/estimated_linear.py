"""Rule: report the intervals of a day that were interpolated."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import ClerkText, Severity, VeeCode, VeeFinding
from central.domain.vee.history import ChannelHistory
from central.domain.vee.rule import Limits, VeeRule, irregular


def _judge(day: JudgedDay, _: Limits, __: ChannelHistory) -> Iterator[VeeFinding]:
    """Each interpolated gap that reaches into the day, with the advance it shares."""
    for gap in day.estimated:
        end = day.grid.edge_ms(gap.first + gap.count)
        inside = day.within(day.grid.edge_ms(gap.first), end)
        if inside is not None:
            yield RULE.finding(
                inside,
                f"{gap.count} intervals are estimated from the register's advance.",
                {"advance": str(gap.advance), "exponent": str(day.track.exponent)},
            )


RULE = VeeRule(
    code=VeeCode("ESTIMATED_LINEAR"),
    severity=Severity.INFO,
    text=ClerkText(
        "intervals that were interpolated between registers",
        "intervalos interpolados entre lecturas del registro",
    ),
    screen=irregular,
    judge=_judge,
)
