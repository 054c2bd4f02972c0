"""Findings of long gaps: that they were estimated, or that somebody has to read the meter."""

from __future__ import annotations

import json
from datetime import date

import numpy as np

from central.domain.metering.block import DayBlock
from central.domain.vee.estimate import EstimatedDay, is_estimated
from central.domain.vee.finding import VeeFinding
from central.domain.vee.notices import ESTIMATED_GAP, FIELD_ORDER


def estimated_gap(day: EstimatedDay) -> VeeFinding:
    """How much of a day is estimated by like days and registers, and on what evidence."""
    block = day.block
    count = int(np.count_nonzero(is_estimated(block)))
    grounds = json.loads(day.evidence)
    evidence = {name: json.dumps(value) for name, value in grounds.items()}
    why = grounds.get("reason", "they waited long enough.")
    message = f"{count} of {len(block.values)} intervals are estimated; {why}"
    return ESTIMATED_GAP.finding(block.interval, message, evidence)


def field_order(block: DayBlock, reason: str, bill_until: date) -> VeeFinding:
    """That somebody has to read the meter, since the bill is not estimated.

    Args:
        block: The first day with missing intervals.
        reason: Why it is not.
        bill_until: The day after the last of the bill.
    """
    message = f"{reason} Read the meter on site, and import its reading or exchange it."
    return FIELD_ORDER.finding(
        block.interval,
        message,
        {"missing": str(block.missing), "bill_until": bill_until.isoformat()},
    )
