"""Usage per local day and period, as charts show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from central.domain.metering.block import DayBlock, exact_sum
from central.domain.metering.quality import is_estimate
from central.domain.rating.bill_lines.line import Determinant
from central.domain.rating.inputs.block_source import BlockSource
from central.domain.rating.inputs.input_series import billing_scale
from central.domain.rating.inputs.interval_weights import Runs, cut, product
from central.domain.rating.rounding import printed


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """A quantity per local day, split by period.

    Args:
        unit: Of the values.
        labels: Period names, in the order of the tariff; one empty name where there is no split.
        days: Local days, ascending.
        values: Per day, one value per label.
        service_point: Of which, where there are several; "" for the only one.
        estimated: The days of which an interval is estimated, ascending.
    """

    unit: str
    labels: tuple[str, ...]
    days: tuple[date, ...]
    values: tuple[tuple[Decimal, ...], ...]
    service_point: str = ""
    estimated: tuple[date, ...] = ()

    @property
    def totals(self) -> tuple[Decimal, ...]:
        """The sum of each day."""
        return tuple(sum(row, Decimal(0)) for row in self.values)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; values as strings."""
        return {
            "unit": self.unit,
            "labels": list(self.labels),
            "days": [day.isoformat() for day in self.days],
            "values": [[format(value, "f") for value in row] for row in self.values],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> DailyUsage:
        """The usage that `to_json` wrote."""
        return cls(
            value["unit"],
            tuple(value["labels"]),
            tuple(map(date.fromisoformat, value["days"])),
            tuple(tuple(map(Decimal, row)) for row in value["values"]),
        )


def daily_usage(
    determinants: Sequence[Determinant], name: str, blocks: Mapping[str, Sequence[DayBlock]]
) -> DailyUsage:
    """Split a summed determinant over the days it was summed from.

    Args:
        determinants: Of a rated bill.
        name: Of the one to show (`kwh`).
        blocks: Input name to the day blocks that were rated.
    """
    parts = [found for found in determinants if found.name == name and found.how == "sum"]
    labels = tuple(dict.fromkeys(part.label for part in parts))
    sums: dict[date, dict[str, Fraction]] = {}
    estimated: set[date] = set()
    for part in parts:
        for source in part.sources:
            known = {
                (block.day, block.version): block
                for block in blocks.get(source.series, ())
                if block.channel_id == source.channel_id
            }
            chosen = [
                known[day, version]
                for day, version in zip(
                    sorted({day for day, _ in known if source.first <= day < source.end}),
                    source.versions,
                    strict=True,
                )
            ]
            _add(sums, part, chosen, source)
            estimated.update(block.day for block in chosen if is_estimate(block.quality).any())
    days = tuple(sorted(sums))
    values = tuple(
        tuple(printed(sums[day].get(label, Fraction(0))) for label in labels) for day in days
    )
    unit = parts[0].unit if parts else ""
    return DailyUsage(unit, labels, days, values, estimated=tuple(sorted(estimated)))


def _add(
    sums: dict[date, dict[str, Fraction]],
    part: Determinant,
    blocks: Sequence[DayBlock],
    source: BlockSource,
) -> None:
    if part.selection is None:
        return
    runs: Runs = tuple((*run, Fraction(1)) for run in part.selection.runs)
    if source.weights:
        runs = product(runs, source.weights)
    begin = 0
    for block in blocks:
        end = begin + len(block.values)
        total = Fraction(0)
        for offset, length, weight in cut(runs, begin, end):
            total += exact_sum(block.values[offset : offset + length]) * weight
        row = sums.setdefault(block.day, {})
        used = total * billing_scale(block) * source.factor
        row[part.label] = row.get(part.label, Fraction(0)) + used
        begin = end
