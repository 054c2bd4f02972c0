"""Prices and steps back as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from central.domain.tariff.price_rules import PriceTable, Step, TierRules

Said = dict[str, Any]


def put(said: Said, key: str, value: object, default: object = None) -> None:
    """Say what is not the default."""
    if value != default:
        said[key] = value


def prices(table: PriceTable) -> object:
    """A price, or prices by season and period."""
    if len(table.rows) == 1 and table.rows[0][0] == ("", ""):
        return format(table.rows[0][1], "f")
    said: Said = {}
    for (season, label), price in table.rows:
        text = format(price, "f")
        if season and label:
            said.setdefault(season, {})[label] = text
        else:
            said[season or label] = text
    return said


def tiers(rules: TierRules) -> Said:
    """How steps apply."""
    said: Said = {}
    put(said, "kind", rules.kind, "graduated")
    put(said, "style", rules.style, "prorata")
    put(said, "scale", rules.scale, "days_share")
    if rules.size is not None:
        said["size"] = format(rules.size, "f")
    return said


def step(one: Step) -> Said:
    """One one."""
    said: Said = {"to": None if one.to is None else format(one.to, "f")}
    put(said, "unit", one.unit)
    put(said, "of", one.of)
    if one.price is not None:
        said["price"] = prices(one.price)
    put(said, "steps", [step(inner) for inner in one.steps], [])
    return said


def seasonal_steps(steps: Sequence[tuple[str, Sequence[Step]]]) -> object:
    """Steps, or steps by season."""
    seasonal = {season: [step(one) for one in own] for season, own in steps}
    return seasonal.get("", seasonal)
