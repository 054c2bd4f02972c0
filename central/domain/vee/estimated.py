"""Rule: report the intervals of a day that were interpolated."""

from __future__ import annotations

from collections.abc import Iterator

from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Severity, VeeCode, VeeFinding


def estimated_linear(day: JudgedDay) -> Iterator[VeeFinding]:
    """Each interpolated gap that reaches into the day, with the advance it shares."""
    for gap in day.estimated:
        end = day.grid.edge_ms(gap.first + gap.count)
        inside = day.within(day.grid.edge_ms(gap.first), end)
        if inside is not None:
            yield VeeFinding(
                VeeCode.ESTIMATED_LINEAR,
                Severity.INFO,
                inside,
                f"{gap.count} intervals are estimated from the register's advance.",
                {"advance": str(gap.advance), "exponent": str(day.track.exponent)},
            )
