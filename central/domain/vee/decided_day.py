"""Days that a person decided: edited, estimated over their readings, or as readings say them again.

A day that was edited is left as long as the readings under it are the same; where they are not,
somebody is asked. So its evidence has the hash of what validation made of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import numpy as np

from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import NULL, IntervalQuality
from central.domain.reason_code import ReasonCode
from central.domain.vee.estimate import EstimatedDay, is_estimated, still_stands
from central.domain.vee.estimated_gap import estimated_gap
from central.domain.vee.finding import VeeFinding
from central.domain.vee.notices import EDIT_OVERTAKEN, EDITED_DAY
from central.domain.vee.validate import coarsest

_OVER = "over"


@dataclass(frozen=True, slots=True)
class DayNote:
    """Who decides what a day says, and why.

    Args:
        actor: Who.
        code: Why, for counting.
        text: Why, in their words.
    """

    actor: Actor
    code: ReasonCode
    text: str


class Standing(Enum):
    """What of a day counts, where its newest block rests on more than readings."""

    READINGS = auto()
    """What its readings say."""
    ESTIMATE = auto()
    """The estimate of what they lack."""
    EDIT = auto()
    """What a person decided."""
    OVERTAKEN = auto()
    """Likewise, but the readings under it have changed since."""


def standing(newest: EstimatedDay | None, judged: DayBlock) -> Standing:
    """What of a day counts.

    Args:
        newest: Its newest block, if that rests on more than readings.
        judged: What its readings say.
    """
    if newest is None:
        return Standing.READINGS
    over = edited_over(newest)
    if over is not None:
        return Standing.EDIT if over == judged.sha256 else Standing.OVERTAKEN
    if is_estimated(newest.block).any() and still_stands(newest.block, judged):
        return Standing.ESTIMATE
    return Standing.READINGS


def edited_over(day: EstimatedDay) -> bytes | None:
    """The hash of what a person decided over; None where nobody did."""
    over = json.loads(day.evidence).get(_OVER)
    return None if over is None else bytes.fromhex(over)


def decided(
    block: DayBlock, note: DayNote, over: DayBlock | None, grounds: dict[str, Any] | None = None
) -> EstimatedDay:
    """A day as a person decided it.

    Args:
        block: With its next version.
        note: Who decided it, and why.
        over: What its readings say, where the day stands whatever they say; None where it follows
            them.
        grounds: What its values rest on.
    """
    evidence = {**(grounds or {}), "reason_code": note.code.value, "reason": note.text}
    if over is not None:
        evidence[_OVER] = over.sha256.hex()
    return EstimatedDay(block, json.dumps(evidence, sort_keys=True))


def taken_out(block: DayBlock, where: slice) -> DayBlock:
    """A day of which some intervals are missing, whatever was there."""
    values, quality = block.values.copy(), block.quality.copy()
    values[where], quality[where] = NULL, IntervalQuality.MISSING
    values, exponent = coarsest(values, quality, block.exponent)
    return replace(block, values=values, quality=quality, exponent=exponent)


def decided_findings(day: EstimatedDay, stands: Standing) -> tuple[VeeFinding, ...]:
    """What is to be said of a day that stands as it was estimated or edited.

    Args:
        day: Its newest block, and what that rests on.
        stands: Anything but what its readings say.
    """
    if stands is Standing.ESTIMATE:
        return (estimated_gap(day),)
    facts = json.loads(day.evidence)
    evidence = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in facts.items()
    }
    block = day.block
    count = int(np.count_nonzero(block.quality == IntervalQuality.EDITED))
    estimates = int(np.count_nonzero(is_estimated(block)))
    message = (
        f"{count} of {len(block.values)} intervals were edited and {estimates} estimated by a"
        f" person: {facts['reason']}"
    )
    edited = EDITED_DAY.finding(block.interval, message, evidence)
    if stands is Standing.EDIT:
        return (edited,)
    message = "Readings under an edited day have changed; the edit still counts."
    return edited, EDIT_OVERTAKEN.finding(block.interval, message, evidence)
