"""Rate structures and schedules of a URDB record as charges of our own language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from central.domain.tariff.refusal import Code
from central.domain.tariff.urdb.demand import (
    DemandSource,
    Flat,
    Timed,
    energy_demand,
    flat_of,
    lookback_of,
    window_of,
)
from central.domain.tariff.urdb.fixed import add_fixed, fuel_of, minimums_of
from central.domain.tariff.urdb.metering import ROLLOVER_HOURS, Rule, apply_rule, rollover_maps
from central.domain.tariff.urdb.record import HOURS, MONTHS, Rates, Said, Tier, plain_text

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
    flat, fuel = flat_of(rates), fuel_of(rates)
    grids = _grids(rates, energy, demand)
    seasons = _seasons([*grids, *_monthly(flat, fuel, grids[0] if rates.generation else None)])
    calendar: Said = {
        "seasons": {name: seasons.ranges(name) for name in seasons.distinct},
        "days": {"week": "mon-fri", "weekend": "rest"},
    }
    determinants: Said = {}
    charges: list[Said] = []
    add_fixed(rates, charges)
    first_months = {name: seasons.month_of(name) for name in seasons.distinct}
    window = window_of(rates)
    source = DemandSource(rates, first_months, determinants, charges, {}, window)
    lookback = lookback_of(rates)
    billing = ""
    if energy:
        billing = energy_demand(source, lookback) if _has_kw_tiers(energy) else ""
        calendar["periods"] = _periods("P", grids[0], grids[1], seasons)
        determinants["kwh"] = {"sum": "import", "by": "period"}
        charges.append(_energy(rates, energy, grids[0], grids[1], seasons, billing))
    if flat is not None:
        source.add_flat(flat, lookback)
    if demand:
        calendar["schedules"] = {"demand": _periods("D", grids[2], grids[3], seasons)}
        source.add_timed(Timed(demand, grids[2], grids[3]), lookback)
    if fuel is not None:
        _add_fuel(fuel, first_months, determinants, charges)
    if not charges:
        rates.refuse(
            Code.NOTHING_TO_CHARGE, "$", "The record has no charge.", "Add a rate structure."
        )
    said: Said = {"calendar": calendar, "determinants": determinants, "charges": charges}
    if source.state:
        said["state"] = source.state
    if energy and rates.generation and rates.metering is not None:
        sell, tiered = sell_prices(rates, energy, grids[0], grids[1], seasons, billing)
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
    minimums = minimums_of(rates, minimum_lines(rates.metering, charges, said.get("banks", {})))
    return said | ({"minimums": minimums} if minimums else {})


def minimum_lines(rule: Rule | None, charges: list[Said], banks: Said) -> list[str]:
    """What counts towards minimums: all, but that the meter of sales has a bill of its own.

    Args:
        rule: For generation.
        charges: Of the source.
        banks: Of the source; only money banks have lines.
    """
    apart = {"sales"} if rule is Rule.BUY_ALL_SELL_ALL else set()
    money = [name for name, bank in banks.items() if bank.get("unit") != "kWh"]
    return [charge["id"] for charge in charges if charge["id"] not in apart] + money


def sell_prices(  # noqa: PLR0913, PLR0917 - a structure and its two schedules
    rates: Rates,
    structure: list[list[Tier]],
    weekday: list[list[int]],
    weekend: list[list[int]],
    seasons: Seasons,
    billing: str,
) -> tuple[dict[str, dict[str, Decimal]], dict[str, list[Said]] | None]:
    """Prices of sold energy by season and period, and steps where they differ by tier.

    Steps have the sign of a charge: what is sold counts against the bill. Bounds in kWh/kW are
    those of what is used, by the same billing demand.
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
        steps[season] = _nested(rates, shape, prices, billing)
    return found, steps if tiered and rates.metering is not Rule.NET_METERING else None


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


def _monthly(
    flat: Flat | None, fuel: list[Decimal] | None, credited: list[list[int]] | None
) -> Iterator[list[list[object]]]:
    """What else makes months differ: flat demand, fuel, and periods of the month before."""
    if flat is not None:
        yield [[number] for number in flat.months]
    if fuel is not None:
        yield [[price] for price in fuel]
    if credited is not None:
        # A credit counts by the periods of the month before, so those months differ as well.
        yield [[credited[month - 1][hour] for hour in ROLLOVER_HOURS] for month in range(MONTHS)]


def _seasons(grids: Sequence[Sequence[Sequence[object]]]) -> Seasons:
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


def _add_fuel(
    fuel: list[Decimal], seasons: dict[str, int], determinants: Said, charges: list[Said]
) -> None:
    """Charge every kWh at the month's fuel adjustment."""
    determinants.setdefault("kwh", {"sum": "import"})
    price = {name: plain_text(fuel[month]) for name, month in seasons.items()}
    charges.append({"id": "fuel", "name": "Fuel adjustment", "qty": "kwh.total", "price": price})


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
    rates.ascending(tiers, "energyratestructure")
    shape = []
    for number, tier in enumerate(tiers):
        unit = _UNITS.get(tier.unit or "kwh")
        if unit is None:
            message = f"{tier.unit!r} is not a unit of energy tiers."
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
