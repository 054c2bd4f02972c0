"""Demand charges of a URDB record: flat by month, by period of the day, with a lookback.

Source: OpenEI utility rate API, versions 3 to 8, demand fields; SSC lib_utility_rate_equations for
what the reference makes of a lookback
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from central.domain.tariff.refusal import Code
from central.domain.tariff.urdb.record import MONTHS, Rates, Said, Tier, plain_text

# Unit of a record to its determinant's name, its input and whether it counts every day's peak.
_UNITS = {
    "kw": ("kw", "import", False),
    "kva": ("kva", "kvah", False),
    "kw daily": ("kw_daily", "import", True),
    "kva daily": ("kva_daily", "kvah", True),
}
_KW = _UNITS["kw"]
Grid = list[list[int]]


@dataclass(frozen=True, slots=True)
class Flat:
    """Demand charged once a month, whenever the peak is.

    Args:
        structure: Tiers of each entry.
        months: Entry of each month.
    """

    structure: list[list[Tier]]
    months: list[int]


@dataclass(frozen=True, slots=True)
class Timed:
    """Demand charged by period.

    Args:
        structure: Tiers of each period.
        weekday: Twelve months of 24 period numbers.
        weekend: The same.
    """

    structure: list[list[Tier]]
    weekday: Grid
    weekend: Grid

    def periods(self) -> list[int]:
        """Numbers that a schedule names."""
        return sorted(
            {number for grid in (self.weekday, self.weekend) for row in grid for number in row}
        )

    def in_month(self, number: int, month: int) -> bool:
        """Whether a month has hours of a period."""
        return number in self.weekday[month] or number in self.weekend[month]


@dataclass(frozen=True, slots=True)
class Lookback:
    """Peaks of earlier months that this month's billing demand does not fall below.

    Args:
        percent: Share of them. [%]
        months: Calendar months whose peaks count, from 1.
        reach: How many months back.
        reference: Whether the month's own peak counts by the same share, as the reference has it.
    """

    percent: Decimal
    months: tuple[int, ...]
    reach: int
    reference: bool

    def formula(self, peak: str) -> str:
        """The billing demand of a peak."""
        share = plain_text(self.percent)
        parts = ["0"] if self.reference else [peak]
        for month in self.months:
            parts.append(f"prior({peak}, months: {month}-{month}, pct: {share})")
            if self.reference:
                parts.append(f"current({peak}, months: {month}-{month}, pct: {share})")
        return f"max({', '.join([*parts, '0'])})"


def flat_of(rates: Rates) -> Flat | None:
    """The flat demand of a record, None where it has none.

    Raises:
        TariffRefusedError: A month names an entry that has no rate.
    """
    structure = rates.structure("flatdemandstructure")
    if not structure:
        return None
    months = [
        rates.whole(number, "flatdemandmonths") for number in rates.months("flatdemandmonths")
    ]
    if not all(0 <= number < len(structure) and structure[number] for number in months):
        message = "A month has a flat demand without a rate."
        rates.refuse(Code.MISSING_PRICE, "flatdemandmonths", message, "Add it to the structure.")
    return Flat(structure, months)


def lookback_of(rates: Rates) -> Lookback | None:
    """The lookback of a record, None where it has none.

    Raises:
        TariffRefusedError: Its percent, months or range make no sense.
    """
    record = rates.record
    percent = rates.number(record.get("lookbackpercent") or 0, "lookbackpercent") * 100
    if percent == 0:
        return None
    if percent < 0:
        message = "The share of earlier peaks is negative."
        rates.refuse(Code.OUT_OF_RANGE, "lookbackpercent", message, "Write 0.8 for 80 %.")
    reach = rates.whole(record.get("lookbackrange") or 11, "lookbackrange")
    if not 1 <= reach <= 60:  # noqa: PLR2004 - the longest history that is kept
        message = f"{reach} is not a number of months to look back."
        rates.refuse(Code.OUT_OF_RANGE, "lookbackrange", message, "Write 1 to 60.")
    flags = [Decimal(1)] * MONTHS
    if record.get("lookbackmonths") is not None:
        flags = rates.months("lookbackmonths")
    months = tuple(number + 1 for number, flag in enumerate(flags) if flag)
    return Lookback(percent, months, reach, rates.reference)


def window_of(rates: Rates) -> int | None:
    """Minutes of a demand window, None for the steps of the load.

    The reference takes those steps always; elsewhere a window counts where the steps divide it.

    Raises:
        TariffRefusedError: No day holds a whole number of them.
    """
    said = rates.record.get("demandwindow")
    if rates.reference or said in {None, ""}:
        return None
    window = rates.whole(said, "demandwindow")
    if window == 0:
        return None
    if window < 0 or 1440 % window:
        message = f"A window of {window} minutes does not divide a day."
        rates.refuse(Code.BAD_WINDOW, "demandwindow", message, "Write 15, 30 or 60.")
    step = rates.step_minutes
    return None if step is not None and window % step else window


@dataclass(slots=True)
class DemandSource:
    """Adds demand to the source of a tariff.

    Args:
        rates: The record.
        seasons: Season to its first month, from 0.
        determinants: Of the source; grows.
        charges: Of the source; grows.
        state: Of the source; grows.
        window: Minutes of a demand window, None for the steps of the data.
    """

    rates: Rates
    seasons: dict[str, int]
    determinants: Said
    charges: list[Said]
    state: Said
    window: int | None = None

    def peak(self, unit: tuple[str, str, bool], schedule: str = "") -> str:
        """The determinant of a unit; it is added where it is not there yet."""
        name, series, daily = unit
        name = f"{name}_tou" if schedule else name
        rule = {"max": series} | ({"per": "day"} if daily else {})
        rule |= {"by": schedule} if schedule else {}
        rule |= {"window": f"{self.window}m"} if self.window else {}
        self.determinants.setdefault(name, rule)
        return name

    def billing(self, peak: str, name: str, lookback: Lookback | None) -> str:
        """The determinant that is charged for a peak."""
        if lookback is None:
            return peak
        base = peak.partition(".")[0]
        self.determinants.setdefault(name, {"expr": lookback.formula(peak), "unit": "kW"})
        self.state[base] = {"months": str(lookback.reach), "missing": "ignore"}
        return name

    def add_flat(self, flat: Flat, lookback: Lookback | None) -> None:
        """Charge the month's peak."""
        unit = self._unit(flat.structure, "flatdemandstructure", "flatdemandunit")
        qty = self._charged(unit, self.peak(unit), f"billing_{unit[0]}", lookback)
        steps = {
            season: self._steps(flat.structure[flat.months[month]], "flatdemandstructure")
            for season, month in self.seasons.items()
        }
        self.charges.append({"id": "demand_flat", "name": "Demand", "qty": qty, "steps": steps})

    def add_timed(self, timed: Timed, lookback: Lookback | None) -> None:
        """Charge each period's peak; the reference looks back at the month's highest."""
        unit = self._unit(timed.structure, "demandratestructure", "demandrateunit")
        tou = self.peak(unit, "demand")
        for number in timed.periods():
            qty = peak = f"{tou}.D{number}"
            if lookback is not None and lookback.reference:
                qty = self._charged(unit, self.peak(unit), f"billing_{unit[0]}", lookback)
            else:
                qty = self._charged(unit, peak, f"billing_D{number}", lookback)
            steps = self._steps(timed.structure[number], "demandratestructure")
            charge: Said = {"id": f"demand_D{number}", "name": f"Demand, period {number}"}
            here = {name: timed.in_month(number, month) for name, month in self.seasons.items()}
            if qty == peak or all(here.values()):
                charge |= {"qty": qty, "steps": steps}
            else:
                nothing = [{"to": None, "price": "0"}]
                by_season = {name: steps if has else nothing for name, has in here.items()}
                charge |= {"qty": qty, "steps": by_season}
            self.charges.append(charge)

    def _charged(
        self, unit: tuple[str, str, bool], peak: str, name: str, lookback: Lookback | None
    ) -> str:
        if lookback is not None and unit[2]:
            message = "A lookback on the peaks of every day is not priced."
            self.rates.refuse(Code.NOT_SUPPORTED, "lookbackpercent", message, "Remove it.")
        return self.billing(peak, name, lookback)

    def _unit(self, structure: list[list[Tier]], path: str, field: str) -> tuple[str, str, bool]:
        default = self.rates.record.get(field) or "kW"
        named = {tier.unit for tiers in structure for tier in tiers if tier.unit}
        names = named or {" ".join(str(default).lower().split())}
        if len(names) > 1:
            message = f"Demand is counted in {' and in '.join(sorted(names))}."
            self.rates.refuse(Code.TIER_UNIT, path, message, "Use one unit.")
        unit = _UNITS.get(next(iter(names)))
        if unit is None:
            message = f"{next(iter(names))!r} is not a unit of demand."
            where = path if named else field
            self.rates.refuse(Code.TIER_UNIT, where, message, "Use kW, kVA, kW daily or kVA daily.")
        return unit

    def _steps(self, tiers: Sequence[Tier], path: str) -> list[Said]:
        self.rates.ascending(tiers, path)
        steps = []
        for number, tier in enumerate(tiers):
            last = number == len(tiers) - 1
            top = None if last or tier.top is None else plain_text(tier.top)
            steps.append({"to": top, "price": plain_text(tier.rate)})
        return steps


def energy_demand(source: DemandSource, lookback: Lookback | None) -> str:
    """The demand that kWh/kW tiers are bounded by."""
    return source.billing(source.peak(_KW), "billing_kw", lookback)
