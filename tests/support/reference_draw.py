"""Random tariffs and loads as inputs of the reference, PySAM's `Utilityrate5`.

They cover time of use, tiers in the four units and in a table that mixes two, demand flat, by
period and in tiers, ratchets with several lookbacks and flags, the five rules for generation
with sell rates by tier, true-up months, expiry, minimums, prices per step, and steps of an hour and
less.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

NO_LIMIT = 1e38
NET_METERING, NET_METERING_CREDITS, NET_BILLING, CARRYOVER, BUY_ALL = range(5)
KWH, KWH_PER_KW, KWH_DAILY, KWH_PER_KW_DAILY = range(4)
_SIZES = {KWH: 300, KWH_PER_KW: 60, KWH_DAILY: 10, KWH_PER_KW_DAILY: 2}
_PER_KW = {KWH_PER_KW, KWH_PER_KW_DAILY}


@dataclass
class Case:
    """A tariff and a year.

    Args:
        inputs: Of the reference.
        load: Use per step. [kW]
        made: Generation per step, None for none. [kW]
        steps: Per hour.
        covers: What it holds, for the count at the end of a run.
    """

    inputs: dict[str, Any]
    load: list[float]
    made: list[float] | None
    steps: int
    covers: set[str] = field(default_factory=set)


def draw_case(seed: int, *, series: bool = True) -> Case:
    """The case of a seed; without `series` it is the tariff alone."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    inputs: dict[str, Any] = {"ur_metering_option": draw.randint(0, 4), "inflation_rate": 0.0}
    case = Case(inputs, [], None, draw.choice([1, 1, 1, 2, 4]) if draw.random() < 0.2 else 1)
    if draw.random() < 0.75:
        case.made = []
    _energy(draw, case)
    _demand(draw, case)
    inputs["ur_monthly_fixed_charge"] = round(draw.uniform(0, 30), 2)
    inputs["ur_monthly_min_charge"] = draw.choice([0.0, 60.0])
    inputs["ur_annual_min_charge"] = draw.choice([0.0, 900.0])
    inputs["ur_nm_yearend_sell_rate"] = draw.choice([0.0, 0.0279])
    inputs["ur_nm_credit_month"] = draw.choice([11, 11, 3, 0, draw.randint(0, 11)])
    if inputs["ur_metering_option"] == CARRYOVER:
        inputs["ur_nb_apply_credit_current_month"] = draw.randint(0, 1)
        inputs["ur_nb_credit_expire"] = draw.randint(0, 1)
    _series(draw, case, fill=series)
    case.covers |= set(_words(case))
    return case


def _schedule(draw: random.Random, periods: int) -> list[list[float]]:
    """Two seasons of a day cut at three hours."""
    cuts = sorted(draw.sample(range(1, 24), 3))
    rows = []
    for _ in range(2):
        labels = [draw.randint(1, periods) for _ in range(4)]
        labels[0] = 1
        rows.append([float(labels[sum(hour >= cut for cut in cuts)]) for hour in range(24)])
    summer = range(draw.randint(3, 5), draw.randint(7, 10))
    return [rows[1] if month in summer else rows[0] for month in range(12)]


def _energy(draw: random.Random, case: Case) -> None:
    inputs = case.inputs
    periods = draw.randint(1, 4)
    inputs["ur_ec_sched_weekday"] = _schedule(draw, periods)
    inputs["ur_ec_sched_weekend"] = _schedule(draw, periods)
    shape = _mixed_tiers(draw) if draw.random() < 0.15 else _tiers(draw)
    tiered = draw.random() < 0.3
    rows = []
    for period in range(1, periods + 1):
        sell = round(draw.uniform(0.01, 0.2), 4)
        for tier, (top, unit) in enumerate(shape, start=1):
            price = round(draw.uniform(0.02, 0.5), 5)
            sell = round(draw.uniform(0.01, 0.2), 4) if tiered else sell
            rows.append([float(period), float(tier), top, float(unit), price, sell])
    inputs["ur_ec_tou_mat"] = rows


def _tiers(draw: random.Random) -> list[tuple[float, int]]:
    unit = draw.choice([KWH, KWH, KWH_PER_KW, KWH_DAILY, KWH_PER_KW_DAILY])
    bounds = sorted(draw.sample(range(1, 20), draw.randint(0, 2)))
    return [(float(bound * _SIZES[unit]), unit) for bound in bounds] + [(NO_LIMIT, unit)]


def _mixed_tiers(draw: random.Random) -> list[tuple[float, int]]:
    """A kWh/kW step that holds kWh steps, then kWh/kW steps."""
    outer = sorted(draw.sample(range(2, 12), 2))
    inner = sorted(draw.sample(range(1, 15), draw.randint(1, 2)))
    shape = [(outer[0] * 30.0, KWH_PER_KW)]
    shape += [(bound * 80.0, KWH) for bound in inner] + [(NO_LIMIT, KWH)]
    return [*shape, (outer[1] * 30.0, KWH_PER_KW), (NO_LIMIT, KWH_PER_KW)]


def _demand(draw: random.Random, case: Case) -> None:
    # Per-kW energy tiers need the peak, which the reference finds with demand enabled.
    inputs = case.inputs
    per_kw = any(int(row[3]) in _PER_KW for row in inputs["ur_ec_tou_mat"])
    if draw.random() < 0.4 and not per_kw:
        inputs["ur_dc_enable"] = 0
        return
    inputs["ur_dc_enable"] = 1
    periods = draw.randint(1, 3)
    inputs["ur_dc_sched_weekday"] = _schedule(draw, periods)
    inputs["ur_dc_sched_weekend"] = _schedule(draw, periods)
    tops = draw.choice([[NO_LIMIT], [3.0, NO_LIMIT], [2.0, 6.5, NO_LIMIT]])
    inputs["ur_dc_tou_mat"] = [
        [float(period), float(tier), top, round(draw.uniform(0, 15), 3)]
        for period in range(1, periods + 1)
        for tier, top in enumerate(tops, start=1)
    ]
    inputs["ur_dc_flat_mat"] = [
        [float(month), float(tier), top, round(draw.uniform(0, 9), 3)]
        for month in range(12)
        for tier, top in enumerate(draw.choice([[NO_LIMIT], [4.0, NO_LIMIT]]), start=1)
    ]
    if draw.random() < 0.5:
        _billing_demand(draw, case, periods, per_kw=per_kw)


def _billing_demand(draw: random.Random, case: Case, periods: int, *, per_kw: bool) -> None:
    inputs = case.inputs
    inputs["ur_enable_billing_demand"] = 1
    # Under buy-all the reference bills the minimum again, on the meter that only generates.
    two_meters = inputs["ur_metering_option"] == BUY_ALL
    inputs["ur_billing_demand_minimum"] = 0.0 if two_meters else draw.choice([0.0, 3.0])
    inputs["ur_billing_demand_lookback_period"] = draw.randint(1, 11)
    # A billing demand of zero makes the reference's kWh/kW tiers negative or none.
    percents = [50, 85, 100] if per_kw else [0, 50, 85, 100]
    inputs["ur_billing_demand_lookback_percentages"] = [
        [float(draw.choice(percents)), float(draw.randint(0, 1))] for _ in range(12)
    ]
    inputs["ur_dc_billing_demand_periods"] = [
        [float(period), float(draw.randint(0, 1))] for period in range(1, periods + 1)
    ]
    # The first period has hours in every month, so that some demand is billed.
    inputs["ur_dc_billing_demand_periods"][0 if per_kw else draw.randrange(periods)][1] = 1.0
    # The reference reads its peaks of the year before one month too long: a test shows it.
    inputs["ur_yearzero_usage_peaks"] = [0.0] * 12


def _series(draw: random.Random, case: Case, *, fill: bool) -> None:
    inputs, count = case.inputs, 8760 * case.steps
    by_step = inputs["ur_metering_option"] in {NET_BILLING, BUY_ALL} and draw.random() < 0.15
    for side in ("buy", "sell") if by_step else ():
        inputs[f"ur_en_ts_{side}_rate"] = 1
    if not fill:
        return
    case.load = [
        round(draw.uniform(0.1, 3) + (2 if draw.random() < 0.02 else 0), 3) for _ in range(count)
    ]
    if case.made is not None:
        peak = draw.uniform(0.5, 6)
        case.made = [
            round(peak * max(0.0, 1 - abs(step // case.steps % 24 - 12) / 6) * draw.random(), 3)
            for step in range(count)
        ]
    for side in ("buy", "sell") if by_step else ():
        inputs[f"ur_ts_{side}_rate"] = [round(draw.uniform(0.01, 0.4), 4) for _ in range(count)]


def _words(case: Case) -> Iterator[str]:
    inputs = case.inputs
    yield f"rule {inputs['ur_metering_option']}" if case.made is not None else "no generation"
    yield f"{case.steps} steps an hour"
    yield f"true-up in month {inputs['ur_nm_credit_month'] + 1}"
    for name in ("ur_monthly_min_charge", "ur_annual_min_charge", "ur_en_ts_buy_rate"):
        if inputs.get(name):
            yield name.removeprefix("ur_").replace("_", " ")
    yield from _energy_words(case)
    if inputs["ur_dc_enable"]:
        yield from _demand_words(inputs)


def _energy_words(case: Case) -> Iterator[str]:
    rows = case.inputs["ur_ec_tou_mat"]
    units = {int(row[3]) for row in rows}
    names = ("kWh", "kWh/kW", "kWh daily", "kWh/kW daily")
    if len({row[1] for row in rows}) > 1:
        yield "mixed tiers" if len(units) > 1 else f"tiers {names[units.pop()]}"
    if len({row[0] for row in rows}) > 1:
        yield "energy by period"
    for period in {row[0] for row in rows} if case.made is not None else ():
        if len({row[5] for row in rows if row[0] == period}) > 1:
            yield f"sell rates by tier, rule {case.inputs['ur_metering_option']}"


def _demand_words(inputs: dict[str, Any]) -> Iterator[str]:
    yield "flat demand"
    for column, word in ((0, "demand by period"), (1, "demand tiers")):
        if len({row[column] for row in inputs["ur_dc_tou_mat"]}) > 1:
            yield word
    if inputs.get("ur_enable_billing_demand"):
        yield f"lookback {inputs['ur_billing_demand_lookback_period']} months"
        if len(inputs["ur_dc_billing_demand_periods"]) > 1:
            yield "lookback over periods"
