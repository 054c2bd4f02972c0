"""Revenue of days that no issued bill says yet, by day and charge.

What a bill of the days so far would say is divided among these days: each line's amount by what its
days used, or evenly, as `line_days` says. It is rounded along the days, so that they sum to the
line's amount exactly, and earlier days keep theirs when one is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.line_days import DayWeights, day_weights
from central.domain.rating.rounding import half_away_of

_ZERO = Decimal(0)
Charges = Mapping[str, Decimal]
"""Amount by the id of its charge, tax or rider, without zeros."""


@dataclass(frozen=True, slots=True)
class Unbilled:
    """What of an occupancy is not billed yet.

    Args:
        occupancy_id: Its key.
        days: The first that no issued bill says, and the one after the last that is closed.
        currency: ISO 4217 letters; "" where nothing could be rated.
        charges: Amounts of each day by charge. [currency]
        holds: Codes of what would hold the bill; then days behind may have no amounts.
    """

    occupancy_id: int
    days: tuple[date, date]
    currency: str
    charges: Mapping[date, Charges] = field(default_factory=dict)
    holds: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """Of all days and charges. [currency]."""
        amounts = (amount for of_day in self.charges.values() for amount in of_day.values())
        return sum(amounts, Decimal(0))

    def with_more(self, other: Unbilled) -> Unbilled:
        """Together with days that follow, or another part of the same ones."""
        charges = {day: dict(of_day) for day, of_day in self.charges.items()}
        for day, of_day in other.charges.items():
            mine = charges.setdefault(day, {})
            for charge, amount in of_day.items():
                mine[charge] = mine.get(charge, Decimal(0)) + amount
        return Unbilled(
            self.occupancy_id,
            (min(self.days[0], other.days[0]), max(self.days[1], other.days[1])),
            self.currency or other.currency,
            charges,
            tuple(dict.fromkeys((*self.holds, *other.holds))),
        )

    def charges_json(self, day: date) -> dict[str, Any]:
        """The charges of a day as a JSON object, zeros left out."""
        of_day = self.charges.get(day, {})
        return {charge: str(of_day[charge]) for charge in sorted(of_day) if of_day[charge]}


def by_day(
    lines: Sequence[RatedLine], days: DayRange, blocks: Mapping[str, Sequence[DayBlock]]
) -> dict[date, dict[str, Decimal]]:
    """The amounts of lines by day and charge; they sum to the lines' amounts exactly.

    What a line says of days before or after these, such as a charge in advance, is of the first or
    the last one of them.

    Args:
        lines: Of one part.
        days: Of the part.
        blocks: Input name to the blocks that they were rated from.
    """
    charges: dict[date, dict[str, Decimal]] = {}
    weights = day_weights(lines, blocks)
    first, last = days.first, days.last
    for line in lines:
        for day, amount in _along(line, weights[line.key]):
            of_day = charges.setdefault(min(max(day, first), last), {})
            of_day[line.id] = of_day.get(line.id, _ZERO) + amount
    return charges


def _along(line: RatedLine, weights: DayWeights) -> Iterator[tuple[date, Decimal]]:
    """The amount of each day: what is reached with it, rounded, less what was before."""
    exponent = line.amount.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) else 0
    unit = line.exact / weights.total * Fraction(10) ** digits
    numerator, denominator = unit.numerator, unit.denominator
    reached = before = 0
    last = max(weights.by_day)
    for day, weight in weights.by_day.items():
        reached += weight
        if day == last:
            until = int(line.amount.scaleb(digits))
        else:
            until = half_away_of(numerator * reached, denominator)
        yield day, Decimal(until - before).scaleb(-digits)
        before = until
