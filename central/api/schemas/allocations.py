"""What is shared out to other points: what is given, what is kept, and the days it makes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from central.api.schemas.base import Day, Exact, Schema, When
from central.api.schemas.writes import Name, Order, Reason
from central.domain.actor import printed_name
from central.domain.metering.allocation_document import (
    AllocationDocument,
    allocation_of,
    share_text,
)
from central.domain.metering.block import DayBlock
from central.service.ports.allocations import EnteredAllocation, SharedDay
from central.service.validation.allocate import AllocationEffect

_Code = Annotated[str, StringConstraints(min_length=1, max_length=30)]
_Share = Annotated[str, StringConstraints(min_length=1, max_length=12)]


class AllocationIn(Order):
    """Whose share in what a channel counts is how much, from a day on."""

    source: Name
    counts: _Code | None = None
    """What it counts, an OBIS code; may be left out where that is one thing."""
    first: Day
    """The first local day."""
    shares: Annotated[dict[Name, _Share], Field(max_length=5_000)]
    """By service point, decimals of at most six digits."""
    remainder: Name | None = None
    """The point that has what the shares leave of 1."""
    counted_as: _Code | None = None
    """What the shares count at their points; default: the source's code with 65 as second group."""
    reason: Reason
    preview: bool = False
    """Whether to change nothing."""

    def document(self) -> AllocationDocument:
        """As its file says it."""
        node = {
            "source": self.source,
            "counts": self.counts,
            "from": self.first.isoformat(),
            "shares": self.shares,
            "remainder": self.remainder,
            "as": self.counted_as,
        }
        return allocation_of({name: value for name, value in node.items() if value is not None})


class AllocationWithdrawIn(Order):
    """That what was entered for a day is taken back."""

    counts: _Code | None = None
    """What the source counts, an OBIS code; may be left out where that is one thing."""
    reason: Reason
    preview: bool = False
    """Whether to change nothing."""


class BilledDaysOut(Schema):
    """Days of an issued bill that have a share."""

    point: str
    first: date
    end: date


class AllocationEffectOut(Schema):
    """What entering an allocation did."""

    revision: int
    days: int
    """Closed days of points that were shared out anew."""
    billed: list[BilledDaysOut]
    """Days of issued bills from that day on: candidates for a correction."""
    preview: bool

    @classmethod
    def of(cls, effect: AllocationEffect, *, preview: bool) -> Self:
        """The schema of what was done."""
        billed = [
            BilledDaysOut(point=point, first=days.first, end=days.end)
            for point, days in effect.billed
        ]
        return cls(revision=effect.revision, days=effect.days, billed=billed, preview=preview)


class ShareOut(Schema):
    """The share of a point."""

    point: str
    counts: str
    share: str


class AllocationOut(Schema):
    """An allocation as it was entered."""

    point: str
    counts: str
    first: date
    revision: int
    holds: bool
    """Whether it is the newest of its day, and not withdrawn."""
    shares: list[ShareOut]
    remainder: str | None
    recorded_at: When
    recorded_by: str
    reason: str

    @classmethod
    def of(cls, entry: EnteredAllocation) -> Self:
        """The schema of an entry."""
        shares = [
            ShareOut(
                point=entry.names[channel][0],
                counts=str(entry.names[channel][1]),
                share=share_text(share),
            )
            for channel, share in entry.allocation.shares.items()
        ]
        return cls(
            point=entry.point,
            counts=str(entry.obis),
            first=entry.allocation.effective,
            revision=entry.allocation.revision,
            holds=entry.holds,
            shares=shares,
            remainder=entry.remainder,
            recorded_at=entry.at,
            recorded_by=printed_name(entry.actor),
            reason=entry.reason,
        )


class SharedBlockOut(Schema):
    """A version of a day, interval by interval."""

    point: str
    counts: str
    version: int
    sha256: str
    unit: str
    values: list[Exact | None]

    @classmethod
    def of(cls, point: str, counts: str, block: DayBlock) -> Self:
        """The schema of a block."""
        missing = set((block.quality == 255).nonzero()[0].tolist())  # noqa: PLR2004 - the code
        values = [
            None if number in missing else Decimal(value).scaleb(block.exponent)
            for number, value in enumerate(block.values.tolist())
        ]
        return cls(
            point=point,
            counts=counts,
            version=block.version,
            sha256=block.sha256.hex(),
            unit=block.unit.value,
            values=values,
        )


class SharedDayOut(Schema):
    """A closed day of what is shared out, and what each share of it is."""

    day: date
    source: SharedBlockOut
    shares: list[SharedBlockOut]

    @classmethod
    def of(cls, point: str, counts: str, day: SharedDay) -> Self:
        """The schema of a day."""
        shares = [
            SharedBlockOut.of(name, str(obis), block) for (name, obis), block in day.shares.items()
        ]
        source = SharedBlockOut.of(point, counts, day.source)
        return cls(day=day.source.day, source=source, shares=shares)
