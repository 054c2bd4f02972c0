"""Series of prices, as a tariff says them: given, by period, or computed from one another."""

from __future__ import annotations

from dataclasses import dataclass

from central.domain.tariff.expression import Expression
from central.domain.tariff.price_rules import PriceTable


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A price series that charges name.

    Args:
        name: As charges name it.
        price: Name of the series given to the rater (`ES.DA`).
        step_s: Length of its steps where the tariff insists on one, else None. [s]
    """

    name: str
    price: str
    step_s: int | None = None


@dataclass(frozen=True, slots=True)
class PeriodPrices:
    """A price series that says the price of each period, for formulas that add it to others.

    Args:
        name: As charges and formulas name it.
        by: Schedule.
        table: Prices by season and period.
    """

    name: str
    by: str
    table: PriceTable


@dataclass(frozen=True, slots=True)
class PriceFormula:
    """A price series computed from others, interval by interval: a cap, a floor, a margin.

    Args:
        name: As charges name it.
        expr: Of price series above it, numbers and numeric facts, which count from their local day.
    """

    name: str
    expr: Expression


IntervalPrices = PriceRule | PeriodPrices | PriceFormula
