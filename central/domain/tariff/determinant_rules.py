"""How a tariff makes the numbers that its prices apply to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from central.domain.tariff.expression import Expression
from central.domain.tariff.price_rules import PriceTable


@dataclass(frozen=True, slots=True)
class SumDeterminant:
    """Sum of a series over the segment, by the periods of a schedule.

    Args:
        name: As charges name it.
        series: Input or series.
        by: Schedule, or "" for no split.
        bank: Energy bank that takes the negative part and pays later use.
        side: `use` takes what is above zero of each period's sum, `surplus` what is below.
    """

    name: str
    series: str
    by: str = ""
    bank: str | None = None
    side: Literal["both", "use", "surplus"] = "both"


@dataclass(frozen=True, slots=True)
class MaxDeterminant:
    """Highest average power over a window.

    Args:
        name: As charges name it.
        series: Input or series of energy.
        window_s: Length of the window; None takes the interval of the data. [s]
        mode: `block` windows start at whole multiples in the local hour; `rolling` at every
            interval.
        by: Schedule, or "" for no split.
        estimated: Whether estimated intervals count.
        daily: Whether the determinant is the sum of each local day's peak.
        during: Series whose non-zero steps name the system's intervals; only windows wholly inside
            them count. None for every interval.
    """

    name: str
    series: str
    window_s: int | None = None
    mode: Literal["block", "rolling"] = "block"
    by: str = ""
    estimated: Literal["exclude", "include"] = "exclude"
    daily: bool = False
    during: str | None = None


@dataclass(frozen=True, slots=True)
class FormulaDeterminant:
    """A number computed from other determinants and facts."""

    name: str
    expr: Expression
    unit: str = ""


@dataclass(frozen=True, slots=True)
class AllowanceDeterminant:
    """A quantity per day of the segment, by season.

    Args:
        name: As steps name it.
        per_day: Season or "" to quantity per day.
        unit: Of the quantity.
    """

    name: str
    per_day: PriceTable
    unit: str = "kWh"


@dataclass(frozen=True, slots=True)
class CounterDeterminant:
    """An effective-dated count from the agreement, averaged over the days of the segment."""

    name: str
    counter: str


Determinant = (
    SumDeterminant | MaxDeterminant | FormulaDeterminant | AllowanceDeterminant | CounterDeterminant
)


@dataclass(frozen=True, slots=True)
class History:
    """How far back a determinant's metered peaks are kept.

    Args:
        name: The determinant.
        months: Number of months before the bill's own.
        missing: `ignore` takes a month without a peak as none; `hold` holds the bill.
    """

    name: str
    months: int
    missing: Literal["ignore", "hold"] = "ignore"
