"""An estimate of days by a method that a person chose."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from central.domain.metering.block import DayBlock
from central.domain.metering.intervals import Gap, Metered
from central.domain.rating.inputs.segments import DayRange
from central.domain.vee.allowed import AllowedEstimators
from central.domain.vee.day import Thresholds
from central.domain.vee.decided_day import taken_out
from central.domain.vee.estimate import estimate_days
from central.domain.vee.estimator import Estimator
from central.domain.vee.estimators import CHOSEN
from central.domain.vee.reopened import open_runs
from central.domain.vee.rule import Limits
from central.service.ports.validation import LockedChannel, PointChannelId, ValidationTransaction
from central.service.validation.gap_estimates import grounds
from firmware_bridge.contract.errors import InvalidValueError, OperatorError
from firmware_bridge.contract.reading import to_ms

METHODS = {estimator.name: estimator for estimator in CHOSEN}
"""What a person may choose, by name."""

_AROUND = timedelta(days=62)
_FINEST = -9
_ANY_LENGTH = {
    entry.longest.name: timedelta(days=10_000) for entry in CHOSEN if entry.longest is not None
}


class NotEstimatedError(OperatorError):
    """A method cannot say what a day used."""

    code = "NOT_ESTIMATED"
    default_remedy = "Choose another method, give the total, or edit the intervals."


@dataclass(frozen=True, slots=True)
class ChosenEstimate:
    """How days are to be estimated.

    Args:
        method: Name of an estimator; None for those that the class's policy allows, in its order,
            but of any length.
        total: What the days used in all, such as a reading on site says; None for what registers
            say, or nobody. [the channel's unit]
        over_readings: Whether intervals that were metered are estimated as well, and registers do
            not count: those of a meter that stood still, for instance.
    """

    method: str | None = None
    total: Fraction | None = None
    over_readings: bool = False

    def chain(self) -> tuple[Estimator, ...] | None:
        """The estimators of the method; None where none is named.

        Raises:
            InvalidValueError: There is none of that name.
        """
        if self.method is None:
            return None
        name = self.method.upper().replace("-", "_")
        if name not in METHODS:
            message = f"There is no method {self.method!r}."
            remedy = f"Choose one of {', '.join(METHODS)}."
            raise InvalidValueError(message, value=self.method, remedy=remedy)
        return (METHODS[name],)


async def estimated_by_choice(
    work: ValidationTransaction,
    locked: LockedChannel,
    judged: Mapping[date, DayBlock],
    chosen: ChosenEstimate,
    limits: Thresholds,
) -> list[tuple[DayBlock, dict[str, Any]]]:
    """Estimate what days lack, by a method.

    Args:
        work: The transaction.
        locked: The channel, under its lock.
        judged: What the readings of the days say, in a row.
        chosen: How.
        limits: How far from its boundary a reading may be.

    Returns:
        The days that lacked something, with what their estimates rest on.

    Raises:
        InvalidValueError: There is no such method.
        NotEstimatedError: It cannot say what one of the days used.
    """
    chain = chosen.chain()
    asked = {day: replace(block, version=block.version - 1) for day, block in judged.items()}
    if chosen.over_readings:
        asked = {day: taken_out(block, slice(None)) for day, block in asked.items()}
    span = await _with_neighbours(work, locked, asked)
    in_force = await work.policies_in_force(
        [PointChannelId(locked.channel.id)], DayRange(span[0].day, span[-1].day + _DAY)
    )
    policy = in_force.policy(locked.channel, min(judged))
    basis = await grounds(work, locked.channel, span, limits, policy)
    metered = replace(basis.metered, gaps=()) if chosen.over_readings else basis.metered
    if chosen.total is not None:
        metered = _with_total(metered, list(asked.values()), chosen.total)
    free = Limits({**policy.limits.values, **_ANY_LENGTH})
    allowed = AllowedEstimators(chain or basis.allowed.chain, free, basis.allowed.profile)
    estimated = {
        day.block.day: (day.block, json.loads(day.evidence))
        for day in estimate_days(span, metered, basis.history, basis.holidays, allowed)
    }
    if left := [day for day, block in asked.items() if block.missing and day not in estimated]:
        message = f"{chosen.method or 'No method of its policy'} does not say what {left[0]} used."
        raise NotEstimatedError(message, value=left[0])
    return [estimated[day] for day in asked if day in estimated]


_DAY = timedelta(days=1)


async def _with_neighbours(
    work: ValidationTransaction, locked: LockedChannel, asked: Mapping[date, DayBlock]
) -> Sequence[DayBlock]:
    """Days, with the open ones in a row around them: registers may stand at the ends of these."""
    first, last = min(asked), max(asked)
    key = PointChannelId(locked.channel.id)
    around = await work.days_of(key, first - _AROUND, last + _DAY + _AROUND)
    blocks = [asked.get(block.day, block) for block in around]
    span = dict(asked)
    for run in open_runs(blocks):
        if run[0].day <= last + _DAY and first - _DAY <= run[-1].day:
            span |= {block.day: block for block in run}
    return [span[day] for day in sorted(span)]


def _with_total(metered: Metered, asked: Sequence[DayBlock], total: Fraction) -> Metered:
    """Meters that say nothing but what some days used in all."""
    exponent = metered.exponent
    while exponent > _FINEST and (total / Fraction(10) ** exponent).denominator != 1:
        exponent -= 1
    advance = total / Fraction(10) ** exponent
    if advance < 0 or advance.denominator != 1:
        message = f"{total} is not what days can have used."
        remedy = f"Give a total from 0 on, with {-_FINEST} decimals at most."
        raise InvalidValueError(message, value=str(total), remedy=remedy)
    first = metered.grid.number_of(to_ms(asked[0].start))
    count = sum(len(block.values) for block in asked)
    gap = Gap(first, count, int(advance), firm=True)
    return replace(metered, exponent=exponent, gaps=(gap,))
