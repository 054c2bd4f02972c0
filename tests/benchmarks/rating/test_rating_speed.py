"""Speed of the rater beside PySAM on the same tariff in the same run. `pytest -s` prints it."""

from __future__ import annotations

import os
import random
import time
from datetime import date
from statistics import median

import pytest

from central.domain.rating.facts import AgreementFacts
from central.domain.rating.period import DayRange
from central.domain.rating.rate import Options, rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_of

METERS = int(os.environ.get("METERLINE_BENCH_METERS", "100"))
STEPS = 2976
TARIFF = """\
tariff: bench
effective: 2018-01-01
zone: UTC
currency: {code: USD}
calendar:
  days: {week: mon-fri, weekend: rest}
  periods: {P1: [{days: week, at: "10:00-18:00"}], P0: rest}
determinants: {kwh: {sum: import, by: period}, kw: {max: import, by: period}}
charges:
  - {id: fixed, price: 10, per: month}
  - id: energy
    qty: kwh
    steps: [{to: 300, price: {P0: 0.1, P1: 0.2}}, {to: null, price: {P0: 0.15, P1: 0.3}}]
  - {id: demand, qty: kw, price: {P0: 3, P1: 5}}
"""


def ours() -> float:
    """Intervals per second, median of five runs, from day blocks to lines with lineage."""
    draw = random.Random(1)  # noqa: S311 - not for secrets
    days = DayRange(date(2018, 1, 1), date(2018, 2, 1))
    versions = [TariffVersion.of(load_tariff(TARIFF))]
    meters = [
        {"import": blocks_of(days, "UTC", 900, [draw.randint(20, 900) for _ in range(STEPS)])}
        for _ in range(METERS)
    ]
    calendar, facts, seconds = ResolvedCalendar(), AgreementFacts(), []
    for _ in range(5):
        begin = time.perf_counter()
        for blocks in meters:
            assert rate(blocks, facts, versions, calendar, days, options=Options()).lines
        seconds.append(time.perf_counter() - begin)
    return METERS * STEPS / median(seconds)


def theirs() -> float:
    """Intervals per second of the reference, median of five years of quarter-hours."""
    ur = pytest.importorskip("PySAM.Utilityrate5", reason="nrel-pysam is not installed")
    draw = random.Random(1)  # noqa: S311 - not for secrets
    weekday = [[2.0 if 10 <= hour < 18 else 1.0 for hour in range(24)]] * 12
    weekend = [[1.0] * 24] * 12
    values = {
        "en_electricity_rates": 1,
        "analysis_period": 1,
        "system_use_lifetime_output": 0,
        "degradation": [0.0],
        "load": [draw.uniform(0.1, 4) for _ in range(35_040)],
        "gen": [0.0] * 35_040,
        "ur_metering_option": 0,
        "inflation_rate": 0,
        "ur_en_ts_sell_rate": 0,
        "ur_ts_sell_rate": [0.0],
        "ur_en_ts_buy_rate": 0,
        "ur_ts_buy_rate": [0.0],
        "ur_ec_sched_weekday": weekday,
        "ur_ec_sched_weekend": weekend,
        "ur_ec_tou_mat": [
            [1, 1, 300, 0, 0.1, 0],
            [1, 2, 1e38, 0, 0.15, 0],
            [2, 1, 300, 0, 0.2, 0],
            [2, 2, 1e38, 0, 0.3, 0],
        ],
        "ur_dc_enable": 1,
        "ur_dc_sched_weekday": weekday,
        "ur_dc_sched_weekend": weekend,
        "ur_dc_tou_mat": [[1, 1, 1e38, 3], [2, 1, 1e38, 5]],
        "ur_dc_flat_mat": [[month, 1, 1e38, 0] for month in range(12)],
        "ur_monthly_fixed_charge": 10,
        "ur_monthly_min_charge": 0,
        "ur_annual_min_charge": 0,
        "ur_nm_yearend_sell_rate": 0,
        "ur_nm_credit_month": 11,
    }
    model = ur.new()
    for name, value in values.items():
        model.value(name, value)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        model.execute(0)
        seconds.append(time.perf_counter() - begin)
    return 35_040 / median(seconds)


def test_rating_speed_beside_the_reference() -> None:
    mine, reference = ours(), theirs()
    print(
        f"rating: {mine:,.0f} intervals/s to lines with lineage, "
        f"PySAM {reference:,.0f} intervals/s, ratio {mine / reference:.2f}"
    )
    assert mine > 0
