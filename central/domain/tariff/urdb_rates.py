"""Rate structures and schedules of a URDB record as charges of our own language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from central.domain.tariff.refusal import Code
from central.domain.tariff.urdb_fixed import add_fixed, billing_demand, lookback_months, minimums_of
from central.domain.tariff.urdb_metering import ROLLOVER_HOURS, Rule, apply_rule, rollover_maps
from central.domain.tariff.urdb_record import HOURS, MONTHS, Rates, Said, Tier, plain_text

_UNITS = {
    "kwh": "kWh",
    "kwh/kw": "kWh/kW",
    "kwh daily": "kWh/day",
    "kwh/kw daily": "kWh/kW/day",
}
_LAST_DAY = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Seasons:
    """Months that are alike in every schedule.

    Args:
        names: Season of each month.
    """

    names: tuple[str, ...]

    @property
    def distinct(self) -> tuple[str, ...]:
        """Season names, in order of their first month."""
        return tuple(dict.fromkeys(self.names))

    def month_of(self, name: str) -> int:
        """The first month of a season, from 0."""
        return self.names.index(name)

    def ranges(self, name: str) -> list[str]:
        """A season as ranges of days."""
        return [
            f"{month + 1:02}-01..{month + 1:02}-{_LAST_DAY[month]:02}"
            for month, own in enumerate(self.names)
            if own == name
        ]


def charges_of(rates: Rates) -> Said:
    """Calendar, determinants, charges and minimums of a record.

    Raises:
        TariffRefusedError: A structure or schedule makes no sense.
    """
    energy = rates.structure("energyratestructure")
    demand = rates.structure("demandratestructure")
    flat = rates.structure("flatdemandstructure")
    grids = _grids(rates, energy, demand)
    flat_months = [int(m) for m in rates.months("flatdemandmonths")] if flat else [0] * MONTHS
    if flat and not all(0 <= number < len(flat) and flat[number] for number in flat_months):
        message = "A month names a flat demand that has no rate."
        rates.refuse(Code.MISSING_PRICE, "flatdemandmonths", message, "Add it to the structure.")
    alike = [*grids, [[number] for number in flat_months]]
    if rates.generation:
        # A credit counts by the periods of the month before, so those months differ as well.
        alike.append([[grids[0][m - 1][hour] for hour in ROLLOVER_HOURS] for m in range(MONTHS)])
    seasons = _seasons(alike)
    calendar: Said = {
        "seasons": {name: seasons.ranges(name) for name in seasons.distinct},
        "days": {"week": "mon-fri", "weekend": "rest"},
    }
    determinants: Said = {}
    charges: list[Said] = []
    add_fixed(rates, charges)
    if demand or flat or _has_kw_tiers(energy):
        determinants["kw"] = {"max": "import"}
    billing = billing_demand(rates, determinants)
    if energy:
        calendar["periods"] = _periods("P", grids[0], grids[1], seasons)
        determinants["kwh"] = {"sum": "import", "by": "period"}
        charges.append(_energy(rates, energy, grids[0], grids[1], seasons, billing))
    if flat:
        charges.append(_flat(rates, flat, flat_months, seasons, billing))
    if demand:
        calendar["schedules"] = {"demand": _periods("D", grids[2], grids[3], seasons)}
        determinants["kw_tou"] = {"max": "import", "by": "demand"}
        charges.extend(_demand(rates, demand, grids[2], grids[3], billing))
    if not charges:
        rates.refuse(
            Code.NOTHING_TO_CHARGE, "$", "The record charges nothing.", "Add a rate structure."
        )
    said: Said = {"calendar": calendar, "determinants": determinants, "charges": charges}
    if billing != "kw":
        said["state"] = {"kw": {"months": str(lookback_months(rates)), "missing": "ignore"}}
    if energy and rates.generation and rates.metering is not None:
        sell, tiered = sell_prices(rates, energy, grids[0], grids[1], seasons)
        maps = rollover_maps(grids[0], grids[1], seasons.names, "P")
        apply_rule(
            said,
            rates.metering,
            sell,
            maps,
            true_up_month=rates.true_up_month,
            surplus_price=rates.surplus_price,
            sell_steps=tiered,
        )
    ids = [*(charge["id"] for charge in charges), *said.get("banks", {})]
    minimums = minimums_of(rates, ids)
    return said | ({"minimums": minimums} if minimums else {})


def sell_prices(
    rates: Rates,
    structure: list[list[Tier]],
    weekday: list[list[int]],
    weekend: list[list[int]],
    seasons: Seasons,
) -> tuple[dict[str, dict[str, Decimal]], dict[str, list[Said]] | None]:
    """Prices of sold energy by season and period, and steps where they differ by tier.

    Raises:
        TariffRefusedError: They differ by tier under a rule that has no tiers for sales.
    """
    found: dict[str, dict[str, Decimal]] = {}
    steps: dict[str, list[Said]] = {}
    tiered = False
    for season in seasons.distinct:
        periods = _used((weekday, weekend), [seasons.month_of(season)])
        for number in periods:
            tiered |= len({tier.sell for tier in structure[number]}) > 1
            found.setdefault(season, {})[f"P{number}"] = structure[number][0].sell
        shape = _shape(rates, structure[periods[0]])
        prices = [
            {f"P{number}": plain_text(-structure[number][tier].sell) for number in periods}
            for tier in range(len(shape))
        ]
        steps[season] = _nested(rates, shape, prices, "kw")
    by_tier = rates.metering in {Rule.NET_BILLING, Rule.BUY_ALL_SELL_ALL}
    if tiered and not by_tier and rates.metering is not Rule.NET_METERING:
        message = "Sell rates that differ by tier are not priced under this rule."
        rates.refuse(Code.NOT_SUPPORTED, "energyratestructure", message, "Give one per period.")
    return found, steps if tiered and by_tier else None


def _grids(
    rates: Rates, energy: list[list[Tier]], demand: list[list[Tier]]
) -> list[list[list[int]]]:
    grids = []
    for structure, kind in ((energy, "energy"), (demand, "demand")):
        for days in ("weekday", "weekend"):
            if structure:
                grids.append(rates.schedule(f"{kind}{days}schedule", structure))
            else:
                grids.append([[0] * HOURS for _ in range(MONTHS)])
    return grids


def _seasons(grids: Sequence[Sequence[Sequence[int]]]) -> Seasons:
    names: dict[object, str] = {}
    found = []
    for month in range(MONTHS):
        key = tuple(tuple(grid[month]) for grid in grids)
        found.append(names.setdefault(key, f"S{len(names) + 1}"))
    return Seasons(tuple(found))


def _periods(
    letter: str, weekday: list[list[int]], weekend: list[list[int]], seasons: Seasons
) -> Said:
    periods: dict[str, list[Said]] = {}
    for season in seasons.distinct:
        month = seasons.month_of(season)
        for days, grid in (("week", weekday), ("weekend", weekend)):
            for number in sorted(set(grid[month])):
                hours = [
                    f"{hour:02}:00-{hour + 1:02}:00"
                    for hour in range(HOURS)
                    if grid[month][hour] == number
                ]
                rule = {"season": season, "days": days, "at": hours}
                periods.setdefault(f"{letter}{number}", []).append(rule)
    return dict(sorted(periods.items(), key=lambda entry: int(entry[0][1:])))


def _used(grids: Sequence[list[list[int]]], months: Sequence[int]) -> list[int]:
    return sorted({number for grid in grids for month in months for number in grid[month]})


def _has_kw_tiers(structure: list[list[Tier]]) -> bool:
    return any("/kw" in tier.unit for period in structure for tier in period)


def _energy(  # noqa: PLR0913, PLR0917 - a structure and its two schedules
    rates: Rates,
    structure: list[list[Tier]],
    weekday: list[list[int]],
    weekend: list[list[int]],
    seasons: Seasons,
    billing: str,
) -> Said:
    steps: Said = {}
    for season in seasons.distinct:
        periods = _used((weekday, weekend), [seasons.month_of(season)])
        shapes = [_shape(rates, structure[number]) for number in periods]
        if any(shape != shapes[0] for shape in shapes):
            message = "Energy tiers differ between periods of one month."
            rates.refuse(
                Code.TIER_BOUNDS_DIFFER, "energyratestructure", message, "Give all the same bounds."
            )
        prices = [
            {f"P{number}": plain_text(structure[number][tier].rate) for number in periods}
            for tier in range(len(shapes[0]))
        ]
        steps[season] = _nested(rates, shapes[0], prices, billing)
    charge: Said = {"id": "energy", "name": "Energy", "qty": "kwh"}
    if all(len(found) == 1 and "price" in found[0] for found in steps.values()):
        return charge | {"price": {name: found[0]["price"] for name, found in steps.items()}}
    by_interval = rates.metering is not None and rates.metering.by_interval
    style = "in_order" if by_interval else "prorata"
    return charge | {"steps": steps, "tiers": {"kind": "graduated", "style": style}}


def _shape(rates: Rates, tiers: list[Tier]) -> list[tuple[Decimal | None, str]]:
    shape = []
    for number, tier in enumerate(tiers):
        unit = _UNITS.get(tier.unit or "kwh")
        if unit is None:
            message = f"{tier.unit!r} is no unit of energy tiers."
            rates.refuse(Code.TIER_UNIT, "energyratestructure", message, "Use kWh or kWh/kW.")
        shape.append((None if number == len(tiers) - 1 else tier.top, unit))
    return shape


def _nested(
    rates: Rates, shape: list[tuple[Decimal | None, str]], prices: list[Said], billing: str
) -> list[Said]:
    """Tiers of one season; a kWh/kW tier before kWh tiers is the outer bound of those."""
    steps: list[Said] = []
    per_kw = "/kW" in shape[0][1]
    number = 0
    while number < len(shape):
        top, unit = shape[number]
        if not per_kw and "/kW" in unit:
            message = "A kWh/kW tier follows kWh tiers that it does not bound."
            rates.refuse(
                Code.TIER_UNIT, "energyratestructure", message, "Put the kWh/kW tier first."
            )
        step: Said = {"to": None if top is None else plain_text(top), "unit": unit}
        if "/kW" in unit:
            step["of"] = billing
        inner: list[Said] = []
        while per_kw and number + 1 < len(shape) and "/kW" not in shape[number + 1][1]:
            number += 1
            bound, own = shape[number]
            inner.append(
                {
                    "to": None if bound is None else plain_text(bound),
                    "unit": own,
                    "price": prices[number],
                }
            )
        if inner:
            inner[-1]["to"] = None
            step["steps"] = inner
        else:
            step["price"] = prices[number]
        steps.append(step)
        number += 1
    steps[-1]["to"] = None
    return steps


def _tiers_kw(rates: Rates, tiers: list[Tier], path: str) -> list[Said]:
    steps = []
    for number, tier in enumerate(tiers):
        if tier.unit not in {"", "kw", "kw daily"}:
            message = f"{tier.unit!r} is no unit of demand tiers."
            rates.refuse(Code.TIER_UNIT, path, message, "Use kW.")
        if tier.unit == "kw daily":
            message = "Daily demand is not priced yet."
            rates.refuse(Code.NOT_SUPPORTED, path, message, "Use kW.")
        last = number == len(tiers) - 1
        top = None if last or tier.top is None else plain_text(tier.top)
        steps.append({"to": top, "unit": "kW", "price": plain_text(tier.rate)})
    return steps


def _flat(
    rates: Rates,
    structure: list[list[Tier]],
    months: list[int],
    seasons: Seasons,
    billing: str,
) -> Said:
    steps = {
        season: _tiers_kw(rates, structure[months[seasons.month_of(season)]], "flatdemandstructure")
        for season in seasons.distinct
    }
    return {"id": "demand_flat", "name": "Demand", "qty": billing, "steps": steps}


def _demand(
    rates: Rates,
    structure: list[list[Tier]],
    weekday: list[list[int]],
    weekend: list[list[int]],
    billing: str,
) -> list[Said]:
    charges = []
    periods = _used((weekday, weekend), range(MONTHS))
    for number in periods:
        steps = _tiers_kw(rates, structure[number], "demandratestructure")
        charge: Said = {
            "id": f"demand_D{number}",
            "name": f"Demand, period {number}",
            "qty": f"kw_tou.D{number}",
            "steps": steps,
        }
        if billing != "kw" and len(periods) == 1:
            charge["qty"] = billing
        elif billing != "kw":
            message = "A lookback on demand by several periods is not priced yet."
            rates.refuse(Code.NOT_SUPPORTED, "lookbackpercent", message, "Use flat demand.")
        charges.append(charge)
    return charges
