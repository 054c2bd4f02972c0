"""Rule: every interval that the local day should have is there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from central.domain.metering.quality import IntervalQuality
from central.domain.vee.day import JudgedDay
from central.domain.vee.finding import Severity, VeeCode, VeeFinding


def missing_intervals(day: JudgedDay) -> Iterator[VeeFinding]:
    """Each stretch of the day without a value, against the DST-aware expected count."""
    mask = day.block.quality == IntervalQuality.MISSING
    count = int(np.count_nonzero(mask))
    if count <= day.thresholds.missing:
        return
    for stretch in day.runs(mask):
        absent = int(stretch.duration.total_seconds()) // day.block.period_s
        yield VeeFinding(
            VeeCode.MISSING_INTERVALS,
            Severity.CRITICAL,
            stretch,
            f"{absent} of {len(mask)} intervals have no value.",
            {"missing": str(absent), "expected": str(len(mask))},
        )
