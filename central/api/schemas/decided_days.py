"""What a person decides of days, and every version of them."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from central.api.schemas.base import Exact, Schema, When
from central.api.schemas.writes import Name, Order, Reason
from central.domain.actor import Actor
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.domain.rating.inputs.segments import DayRange
from central.domain.reason_code import ReasonCode
from central.domain.vee.decided_day import DayNote
from central.service.ports.validation import BlockVersion
from central.service.validation.chosen_estimate import ChosenEstimate
from central.service.validation.decide_days import MOST_DAYS, DaysDecision, DecidedDay

_MOST = MOST_DAYS * 300
Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}(\.[0-9]{1,9})?$")]


class _Decision(Order):
    reason_code: ReasonCode = ReasonCode.OTHER
    reason: Reason
    preview: bool = Field(default=False, description="Show what would change; change nothing.")

    def note(self, actor: Actor) -> DayNote:
        """Who decides, and why."""
        return DayNote(actor, self.reason_code, self.reason)


class _DaysIn(_Decision):
    first: date
    end: date = Field(description="The local day after the last.")

    def days(self) -> DayRange:
        """The days; none where they end before they begin."""
        return DayRange(self.first, max(self.first, self.end))


class MethodIn(Order):
    """How days are to be estimated."""

    method: Name | None = Field(
        default=None, description="Such as like-day; default: those of the class's policy."
    )
    total: Amount | None = Field(default=None, description="What they used in all. [unit]")
    over_readings: bool = Field(default=False, description="Estimate what was metered as well.")

    def chosen(self) -> ChosenEstimate:
        """How."""
        total = None if self.total is None else Fraction(self.total)
        return ChosenEstimate(self.method, total, over_readings=self.over_readings)


class EstimateIn(_DaysIn, MethodIn):
    """Days that are to be estimated."""


class RestoreIn(_DaysIn):
    """Days that are to say again what their readings say."""


class IntervalIn(Order):
    """An interval's value."""

    start: When
    value: Amount = Field(description="[unit]")

    def number(self) -> Fraction:
        """The value, exact."""
        return Fraction(self.value)


class IntervalsIn(Order):
    """What intervals are to say."""

    intervals: list[IntervalIn] = Field(min_length=1, max_length=_MOST)

    def values(self) -> dict[datetime, Fraction]:
        """Values by their start, in the channel's unit."""
        return {interval.start: interval.number() for interval in self.intervals}


class EditIn(_Decision, IntervalsIn):
    """Intervals that are to have other values."""


class DayFiguresOut(Schema):
    """A version of a day."""

    version: int
    total: Exact | None = Field(description="[unit]; null where an interval is missing.")
    unit: str
    values: list[Exact | None] = Field(description="[unit]; null where missing.")
    quality: list[str]

    @classmethod
    def of(cls, block: DayBlock) -> Self:
        """Those of a block."""
        missing = block.quality == IntervalQuality.MISSING
        return cls(
            version=block.version,
            total=None if block.missing else Decimal(block.total()).scaleb(block.exponent),
            unit=block.unit.value,
            values=[
                None if gone else Decimal(value).scaleb(block.exponent)
                for value, gone in zip(block.values.tolist(), missing.tolist(), strict=True)
            ],
            quality=[IntervalQuality(value).name.lower() for value in block.quality.tolist()],
        )


class DecidedDayOut(Schema):
    """A day before and after."""

    day: date
    before: DayFiguresOut
    after: DayFiguresOut
    evidence: dict[str, Any]

    @classmethod
    def of(cls, day: DecidedDay) -> Self:
        """Of a decision."""
        return cls(
            day=day.after.day,
            before=DayFiguresOut.of(day.before),
            after=DayFiguresOut.of(day.after),
            evidence=json.loads(day.evidence),
        )


class DecidedDaysOut(Schema):
    """What became of days."""

    preview: bool
    days: list[DecidedDayOut]
    issued: list[date] = Field(description="Those of issued bills, which become candidates.")

    @classmethod
    def of(cls, decision: DaysDecision, *, preview: bool) -> Self:
        """Of a decision, or its preview."""
        days = [DecidedDayOut.of(day) for day in decision.days]
        return cls(preview=preview, days=days, issued=list(decision.issued))


class BlockVersionOut(DayFiguresOut):
    """A version of a day, who made it, and what it rests on beside readings."""

    day: date
    made_by: str
    made_at: When
    evidence: dict[str, Any] | None

    @classmethod
    def of_version(cls, version: BlockVersion) -> Self:
        """Of the store."""
        return cls(
            **DayFiguresOut.of(version.block).model_dump(),
            day=version.block.day,
            made_by=version.actor,
            made_at=version.made_at,
            evidence=json.loads(version.evidence) if version.evidence else None,
        )
