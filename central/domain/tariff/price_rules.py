"""Prices and tiers, as a tariff says them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Style = Literal["prorata", "per_period", "in_order"]
TierKind = Literal["graduated", "volume", "package", "stair"]


@dataclass(frozen=True, slots=True)
class PriceTable:
    """A price, or one by season, by period, or by both.

    Args:
        rows: (season or "", period or "") to price. [currency per unit]
    """

    rows: tuple[tuple[tuple[str, str], Decimal], ...]

    @property
    def by_period(self) -> bool:
        """Whether the price differs by period."""
        return any(period for (_, period), _ in self.rows)

    @property
    def by_season(self) -> bool:
        """Whether the price differs by season."""
        return any(season for (season, _), _ in self.rows)

    def at(self, season: str, period: str) -> Decimal | None:
        """The price in a season and period, None where the table has none."""
        for (row_season, row_period), price in self.rows:
            if row_season in {"", season} and row_period in {"", period}:
                return price
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """One tier: up to a bound at a price, or holding narrower steps.

    Args:
        to: Upper bound, None for no bound.
        unit: What the bound counts: the quantity's own unit, `<unit>/day`, `<unit>/kW`,
            `<unit>/kW/day` or `ratio`.
        of: Determinant or fact the bound is multiplied by.
        price: Price inside the step; None where `steps` prices it.
        steps: Narrower steps inside this one.
    """

    to: Decimal | None
    unit: str
    of: str | None
    price: PriceTable | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class TierRules:
    """How steps apply.

    Args:
        kind: `graduated` prices each part in its step; `volume` prices all at the step reached;
            `package` charges whole blocks begun; `stair` charges one amount by the step reached.
        style: With periods: `prorata` spreads each step over the periods by their share;
            `per_period` applies the steps to each period alone; `in_order` fills them by time.
        scale: Whether bounds scale by the months a segment is, or the `whole` period of the bill.
        size: Of a package, in the quantity's unit; the price is per package.
        below_zero: What becomes of a quantity below zero where each part has its step: `mirror`
            credits it at the steps' prices, `hold` holds the bill.
    """

    kind: TierKind = "graduated"
    style: Style = "prorata"
    scale: Literal["days_share", "whole"] = "days_share"
    size: Decimal | None = None
    below_zero: Literal["hold", "mirror"] = "hold"


@dataclass(frozen=True, slots=True)
class IncludedUnits:
    """Units that a charge's price begins above, and what becomes of those that are not used.

    Args:
        per_month: Units of each month.
        times: Determinant or fact that multiplies them, None for once.
        rollover_months: How many months after their own they can be used in; None for none.
        most: Highest number that is carried on, None for no bound.
        prorate: Whether a part of a month has a part of them.
    """

    per_month: Decimal
    times: str | None = None
    rollover_months: int | None = None
    most: Decimal | None = None
    prorate: Literal["cycle", "none"] = "cycle"
