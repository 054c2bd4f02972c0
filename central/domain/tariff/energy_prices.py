"""What a kWh of use costs by season and period: in the first step, before percents and taxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from central.domain.tariff.determinant_rules import SumDeterminant
from central.domain.tariff.document import Charge, TariffDocument
from central.domain.tariff.price_rules import PriceTable, Step

_IMPORT = "import"


@dataclass(frozen=True, slots=True)
class EnergyPrice:
    """The price of a charge or rider by the kWh of use.

    Args:
        charge: Which.
        by: Schedule that its quantity is split by, "" for none.
        label: Period that it charges alone; "" and `total` charge all.
    """

    charge: Charge
    by: str
    label: str

    def at(self, season: str, period: str) -> Fraction:
        """The price in a season and a period of its schedule. [currency per unit]."""
        if period and self.label not in {"", "total", period}:
            return Fraction(0)
        table = self.charge.price or _first_price(self.charge.steps_in(season))
        return Fraction(0) if table is None else Fraction(table.at(season, period) or 0)


def energy_prices(document: TariffDocument) -> tuple[EnergyPrice, ...]:
    """The charges and riders by the kWh of use, in their order."""
    sums = {
        rule.name: rule
        for rule in document.determinants
        if isinstance(rule, SumDeterminant) and _is_use(document, rule)
    }
    prices = []
    for charge in (*document.charges, *document.riders):
        if isinstance(charge, Charge) and charge.qty is not None:
            base, _, label = charge.qty.partition(".")
            if base in sums:
                prices.append(EnergyPrice(charge, sums[base].by, label))
    return tuple(prices)


def _first_price(steps: Sequence[Step]) -> PriceTable | None:
    if not steps:
        return None
    return steps[0].price or _first_price(steps[0].steps)


def _is_use(document: TariffDocument, rule: SumDeterminant) -> bool:
    """Whether it sums the use, with or without what is fed in and losses, and all of it."""
    if rule.during or rule.outside:
        return False
    computed = {series.name: series for series in document.series}
    if rule.series not in computed:
        return rule.series == _IMPORT
    return any(term == _IMPORT and factor > 0 for term, factor in computed[rule.series].terms)
