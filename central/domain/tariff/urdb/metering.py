"""Rules of a URDB record for customers who generate: netting, credits and sales.

Source: URDB `dgrules`; SSC metering options 0 to 4, whose names stand in `Rule`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

Said = dict[str, Any]
ROLLOVER_HOURS = (0, 5, 11, 17)
"""Hours at which the reference matches the periods of one month with those of the next."""


class Rule(StrEnum):
    """What happens to generation beyond use."""

    NET_METERING = "Net Metering"
    NET_METERING_CREDITS = "Net Metering Credits"
    NET_BILLING = "Net Billing Instantaneous"
    NET_BILLING_CARRYOVER = "Net Billing Hourly"
    BUY_ALL_SELL_ALL = "Buy All Sell All"

    @property
    def by_interval(self) -> bool:
        """Whether use and surplus are priced interval by interval, tiers filling in that order."""
        return self in {Rule.NET_BILLING, Rule.NET_BILLING_CARRYOVER, Rule.BUY_ALL_SELL_ALL}


def apply_rule(  # noqa: PLR0913 - what a rule depends on
    said: Said,
    rule: Rule,
    sell: Mapping[str, Mapping[str, Decimal]],
    maps: Mapping[str, Mapping[str, str]],
    *,
    true_up_month: int = 12,
    surplus_price: Decimal = Decimal(0),
    sell_steps: Mapping[str, list[Said]] | None = None,
) -> None:
    """Add series, determinants, charges and banks for generation to a tariff's source.

    Args:
        said: The source; its `kwh` determinant and `energy` charge are there.
        rule: What happens to surplus.
        sell: Season to period to price of surplus. [currency/kWh]
        maps: Season to period that a credit was earned in to the period it offsets.
        true_up_month: Month whose bill settles banks.
        surplus_price: Of energy left in a bank then. [currency/kWh]
        sell_steps: Season to steps with negative prices, where sales are tiered.
    """
    determinants, charges = said["determinants"], said["charges"]
    if rule in {Rule.NET_METERING, Rule.NET_METERING_CREDITS}:
        said["series"] = {"net": {"expr": "import - export"}}
        determinants["kwh"]["sum"] = "net"
    true_up = {"month": str(true_up_month)}
    if rule is Rule.NET_METERING:
        determinants["kwh"] |= {"bank": "surplus", "netting": "month"}
        said["banks"] = {
            "surplus": {
                "unit": "kWh",
                "basis": "total",
                "map": {season: dict(row) for season, row in maps.items()},
                "true_up": true_up | {"pay": format(surplus_price, "f")},
            }
        }
        return
    if rule is Rule.NET_METERING_CREDITS:
        determinants["kwh"] |= {"side": "use", "netting": "month"}
        sold: Said = {"sum": "net", "by": "period", "side": "surplus", "netting": "month"}
        determinants["sold"] = sold
    else:
        determinants["sold"] = {"sum": "export", "by": "period"}
    if rule in {Rule.NET_BILLING, Rule.BUY_ALL_SELL_ALL}:
        sales: Said = {"id": "sales", "name": "Energy sold", "qty": "sold"}
        if sell_steps is None:
            sales["price"] = _prices(sell, -1)
        else:
            sales |= {"steps": dict(sell_steps), "tiers": {"style": "in_order"}}
        charges.append(sales)
        return
    credits_now = rule is Rule.NET_METERING_CREDITS
    earned: Said = {"price": _prices(sell, 1)}
    if sell_steps is not None:
        style = "prorata" if credits_now else "in_order"
        earned = {"steps": _turned(sell_steps), "tiers": {"style": style}}
    said["banks"] = {
        "credit": {
            "unit": "money",
            "earn": "sold",
            **earned,
            "offsets": ["energy"],
            "when": "this_bill" if credits_now else "next_bill",
            "true_up": true_up | {"pay": "1"},
        }
    }


def _turned(steps: Mapping[str, list[Said]]) -> Said:
    """The steps with prices of the other sign."""
    return {season: [_turned_step(step) for step in own] for season, own in steps.items()}


def _turned_step(step: Said) -> Said:
    turned = dict(step)
    if "price" in step:
        turned["price"] = {label: _minus(price) for label, price in step["price"].items()}
    if "steps" in step:
        turned["steps"] = [_turned_step(inner) for inner in step["steps"]]
    return turned


def _minus(price: str) -> str:
    return price[1:] if price.startswith("-") else f"-{price}"


def _prices(sell: Mapping[str, Mapping[str, Decimal]], sign: int) -> Said:
    return {
        season: {label: format(sign * price, "f") for label, price in row.items()}
        for season, row in sell.items()
    }


def rollover_maps(
    weekday: Sequence[Sequence[int]],
    weekend: Sequence[Sequence[int]],
    names: Sequence[str],
    letter: str,
) -> dict[str, dict[str, str]]:
    """Which period of one season a credit of another counts in, by time of day.

    Args:
        weekday: Twelve months of 24 period numbers.
        weekend: The same; a period of weekends alone has no time of day to match, and lapses.
        names: Season of each month.
        letter: What period names begin with.
    """
    patterns = [[row[hour] for hour in ROLLOVER_HOURS] for row in weekday]
    periods = sorted({number for row in (*weekday, *weekend) for number in row})
    maps: dict[str, dict[str, str]] = {}
    for month, season in enumerate(names):
        before, now = patterns[month - 1], patterns[month]
        row = maps.setdefault(season, {})
        for number in periods:
            target = "none"
            if number in before:
                target = f"{letter}{now[before.index(number)]}"
            source = f"{letter}{number}"
            if row.get(source, "none") == "none":
                row[source] = target
    return maps
