"""Random tariffs and loads: month by month as PySAM, the reference, bills them.

300 draws by default; `METERLINE_DRAWS=10000` soaks. The seed of a failing draw is in the message.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from tests.support import ssc
from tests.support.size import sized

ur = pytest.importorskip("PySAM.Utilityrate5", reason="nrel-pysam is not installed")

DRAWS = sized("METERLINE_DRAWS", 300, 10_000)
CHUNKS = 20
CLOSE = Decimal("0.005")
NO_LIMIT = 1e38
BUY_ALL = 4


def schedule(draw: random.Random, periods: int) -> list[list[float]]:
    """Two seasons of a day cut at three hours."""
    cuts = sorted(draw.sample(range(1, 24), 3))
    rows = []
    for _ in range(2):
        labels = [draw.randint(1, periods) for _ in range(4)]
        labels[0] = 1
        rows.append([float(labels[sum(hour >= cut for cut in cuts)]) for hour in range(24)])
    summer = range(draw.randint(3, 5), draw.randint(7, 10))
    return [rows[1] if month in summer else rows[0] for month in range(12)]


def all_periods(rows: list[list[float]], other: list[list[float]]) -> set[int]:
    return {int(value) for grid in (rows, other) for row in grid for value in row}


def energy(draw: random.Random, inputs: dict[str, Any]) -> None:
    periods = draw.randint(1, 4)
    inputs["ur_ec_sched_weekday"] = schedule(draw, periods)
    inputs["ur_ec_sched_weekend"] = schedule(draw, periods)
    unit = draw.choice([0, 0, 1, 2, 3])
    tiers = draw.randint(1, 3)
    size = {0: 300, 1: 60, 2: 10, 3: 2}[unit]
    bounds = sorted(draw.sample(range(1, 20), tiers - 1))
    tops = [float(bound * size) for bound in bounds] + [NO_LIMIT]
    rows = []
    for period in range(1, periods + 1):
        sell = round(draw.uniform(0.01, 0.2), 4)
        for tier, top in enumerate(tops, start=1):
            price = round(draw.uniform(0.02, 0.5), 5)
            rows.append([float(period), float(tier), top, float(unit), price, sell])
    inputs["ur_ec_tou_mat"] = rows


def demand(draw: random.Random, inputs: dict[str, Any]) -> None:
    # Per-kW energy tiers need the peak, which the reference finds with demand enabled.
    per_kw = inputs["ur_ec_tou_mat"][0][3] in {1.0, 3.0}
    if draw.random() < 0.4 and not per_kw:
        inputs["ur_dc_enable"] = 0
        return
    inputs["ur_dc_enable"] = 1
    periods = draw.randint(1, 3)
    inputs["ur_dc_sched_weekday"] = schedule(draw, periods)
    inputs["ur_dc_sched_weekend"] = schedule(draw, periods)
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
    if draw.random() < 0.4 and periods == 1:
        inputs["ur_enable_billing_demand"] = 1
        # Under buy-all the reference bills the minimum again, on the meter that only generates.
        two_meters = inputs["ur_metering_option"] == BUY_ALL
        inputs["ur_billing_demand_minimum"] = 0.0 if two_meters else draw.choice([0.0, 3.0])
        inputs["ur_billing_demand_lookback_period"] = draw.randint(1, 11)
        inputs["ur_billing_demand_lookback_percentages"] = [
            [float(draw.choice([0, 50, 85])), 1.0] for _ in range(12)
        ]
        inputs["ur_dc_billing_demand_periods"] = [[1.0, 1.0]]
        inputs["ur_yearzero_usage_peaks"] = [0.0] * 12


def draw_case(seed: int) -> tuple[dict[str, Any], list[float], list[float] | None]:
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    inputs: dict[str, Any] = {"ur_metering_option": draw.randint(0, 4), "inflation_rate": 0.0}
    energy(draw, inputs)
    demand(draw, inputs)
    inputs["ur_monthly_fixed_charge"] = round(draw.uniform(0, 30), 2)
    inputs["ur_monthly_min_charge"] = draw.choice([0.0, 60.0])
    inputs["ur_annual_min_charge"] = draw.choice([0.0, 900.0])
    inputs["ur_nm_yearend_sell_rate"] = draw.choice([0.0, 0.0279])
    inputs["ur_nm_credit_month"] = 11
    load = [
        round(draw.uniform(0.1, 3) + (2 if draw.random() < 0.02 else 0), 3) for _ in range(8760)
    ]
    made = None
    if draw.random() < 0.6:
        peak = draw.uniform(0.5, 6)
        made = [
            round(peak * max(0.0, 1 - abs(hour % 24 - 12) / 6) * draw.random(), 3)
            for hour in range(8760)
        ]
    return inputs, load, made


def reference(
    inputs: dict[str, Any], load: list[float], made: list[float] | None
) -> tuple[list[float], list[float]]:
    model = ur.new()
    fixed = {
        "en_electricity_rates": 1,
        "analysis_period": 1,
        "system_use_lifetime_output": 0,
        "degradation": [0.0],
        "load": load,
        "gen": made or [0.0] * 8760,
        "ur_en_ts_sell_rate": 0,
        "ur_ts_sell_rate": [0.0],
        "ur_en_ts_buy_rate": 0,
        "ur_ts_buy_rate": [0.0],
    }
    for name, value in (inputs | fixed).items():
        model.value(name, value)
    model.execute(0)
    outputs = model.Outputs
    return (
        list(outputs.year1_monthly_utility_bill_wo_sys),
        list(outputs.year1_monthly_utility_bill_w_sys),
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_tariffs_bill_as_the_reference_does(chunk: int) -> None:
    for seed in range(chunk * DRAWS // CHUNKS, (chunk + 1) * DRAWS // CHUNKS):
        inputs, load, made = draw_case(seed)
        without, with_ = reference(inputs, load, made)
        loads = [ssc.exact(value) for value in load]
        generation = None if made is None else [ssc.exact(value) for value in made]
        wanted = without if made is None else with_
        months = ssc.bills(inputs, loads, generation, 1, 1)[0]
        for month, amount in zip(months, wanted, strict=True):
            difference = abs(month.rated.total - Decimal(repr(amount)))
            assert difference <= CLOSE, (seed, inputs["ur_metering_option"], month.month, amount)
