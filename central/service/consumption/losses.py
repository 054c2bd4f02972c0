"""What a feeder delivers against what the points behind it use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from central.domain.consumption.percent import percent_text
from central.domain.consumption.step_totals import LoadTotal
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rounding import printed
from central.service.consumption.figures import ConsumptionBy, ConsumptionFigures
from central.service.ports.consumption import ChannelSpan, LoadOf
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis


@dataclass(frozen=True, slots=True)
class Loss:
    """What is lost in a step of time.

    Args:
        begin: Where it begins: local day, month or UTC instant.
        delivered: What the feeder counts in, less what flows back.
        used: What the points count in, less what they feed in.
        channels: How many channels of the points counted.
        missing: Intervals without a value, of the feeder or of a point: the loss is what is left
            without them.
        estimated: Intervals whose value is an estimate.
    """

    begin: str
    delivered: Fraction
    used: Fraction
    channels: int
    missing: int
    estimated: int

    @property
    def lost(self) -> Fraction:
        """What is delivered and not used; below zero where more is used."""
        return self.delivered - self.used

    @property
    def share(self) -> Fraction | None:
        """Of what is delivered; None where nothing is."""
        return self.lost / self.delivered if self.delivered > 0 else None

    def to_json(self, unit: str) -> dict[str, Any]:
        """As a JSON object; numbers as strings, exact."""
        return {
            "from": self.begin,
            "delivered": str(printed(self.delivered)),
            "used": str(printed(self.used)),
            "loss": str(printed(self.lost)),
            "loss_percent": percent_text(self.share),
            "unit": unit,
            "channels": self.channels,
            "missing": self.missing,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True)
class Losses:
    """What is lost, step by step.

    Args:
        unit: Of all.
        by: What a row is of.
        rows: Ascending.
        left_out: Channels whose intervals are longer than a step.
    """

    unit: str
    by: ConsumptionBy
    rows: Sequence[Loss]
    left_out: int

    def table(self) -> list[dict[str, Any]]:
        """As rows of a table."""
        return [row.to_json(self.unit) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"by": self.by.value, "left_out": self.left_out, "rows": self.table()}


async def show_losses(
    figures: ConsumptionFigures, group: str, feeder: str, days: DayRange, by: ConsumptionBy
) -> Losses:
    """Compare what a feeder delivers with what the points of a group use.

    Energy that points feed in, and that flows back over the feeder, is taken off on its side.

    Args:
        figures: What sums.
        group: Name of the group of the points, or accounts, behind the feeder.
        feeder: Name of the service point that counts for all of them; it may be in the group.
        days: Local.
        by: What a row is of.

    Raises:
        InvalidValueError: There are too many days or rows.
        MixedUnitsError: The channels count in several units.
        NotRegisteredError: There is no such group or point.
    """
    both = [ACTIVE_IMPORT, ACTIVE_EXPORT]
    above = await figures.loads.spans(LoadOf.POINT, feeder, days, both)
    below = await figures.loads.spans(LoadOf.GROUP, group, days, both)
    below = [span for span in below if span.point != feeder]
    sums = await figures.side_by_side(
        [_of(spans, obis) for spans in (above, below) for obis in both],
        days,
        by,
    )
    begins = sorted({begin for each in sums for begin in each.totals})
    rows = [
        _loss(begin, [each.totals.get(begin, LoadTotal()) for each in sums]) for begin in begins
    ]
    left_out = sum(each.left_out for each in sums)
    return Losses(next((each.unit for each in sums if each.unit), ""), by, rows, left_out)


def _of(spans: Sequence[ChannelSpan], obis: Obis) -> list[ChannelSpan]:
    return [span for span in spans if span.obis == obis]


def _loss(begin: str, totals: Sequence[LoadTotal]) -> Loss:
    delivered, returned, used, fed_in = totals
    return Loss(
        begin,
        delivered.total - returned.total,
        used.total - fed_in.total,
        used.channels,
        sum(each.missing for each in totals),
        sum(each.estimated for each in totals),
    )
