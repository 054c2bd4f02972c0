"""Random tariffs and loads: month by month as PySAM, the reference, bills them.

40 draws by default; 10,000 soak (`METERLINE_SOAK=1`), and `METERLINE_DRAWS` sets any number. The
seed of a failing draw is in the message; `METERLINE_FIRST_SEED` begins elsewhere. With
`METERLINE_AGREED_SEEDS=FILE` a run that was ended goes on: seeds that agreed stand in the file, and
are not drawn again; another release begins another file.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from central.domain.tariff.urdb.importer import import_urdb
from central.service.rating.load_blocks import RatingRequest
from central.service.rating.rate_file import rate_months
from tests.support import ssc
from tests.support.agreed_seeds import AgreedSeeds
from tests.support.reference_draw import BUY_ALL, NO_LIMIT, Case, draw_case
from tests.support.size import QUICK, sized

ur = pytest.importorskip("PySAM.Utilityrate5", reason="nrel-pysam is not installed")

DRAWS = sized("METERLINE_DRAWS", 40, 10_000)
FIRST = int(os.environ.get("METERLINE_FIRST_SEED", "0"))
AGREED = os.environ.get("METERLINE_AGREED_SEEDS")
CHUNKS = 20
# Among so many seeds everything is found that the reference prices.
REACH = 300
CLOSE = Decimal("0.005")
# Sell rates in kWh/kW tiers were bounded by the month's peak rather than by the billing demand.
FAILED_ONCE = [5749]
MUST_COVER = {
    *(f"tiers {unit}" for unit in ssc.UNITS),
    *(f"rule {rule}" for rule in range(5)),
    *(f"sell rates by tier, rule {rule}" for rule in range(5)),
    *(f"lookback {months} months" for months in range(1, 12)),
    "mixed tiers",
    "energy by period",
    "flat demand",
    "demand by period",
    "demand tiers",
    "lookback over periods",
    "monthly min charge",
    "annual min charge",
    "en ts buy rate",
    "no generation",
    "4 steps an hour",
    "true-up in month 4",
}
Record = Callable[[str, object], None]


def reference(case: Case) -> list[float]:
    """Twelve months of the reference, with generation where the case has it."""
    model = ur.new()
    base = {
        "ur_en_ts_sell_rate": 0,
        "ur_ts_sell_rate": [0.0],
        "ur_en_ts_buy_rate": 0,
        "ur_ts_buy_rate": [0.0],
    }
    fixed = {
        "en_electricity_rates": 1,
        "analysis_period": 1,
        "system_use_lifetime_output": 0,
        "degradation": [0.0],
        "load": case.load,
        "gen": case.made or [0.0] * len(case.load),
    }
    for name, value in (base | case.inputs | fixed).items():
        model.value(name, value)
    model.execute(0)
    outputs = model.Outputs
    if case.made is None:
        return list(outputs.year1_monthly_utility_bill_wo_sys)
    return list(outputs.year1_monthly_utility_bill_w_sys)


def ours(case: Case) -> list[Decimal]:
    loads = [ssc.exact(value) for value in case.load]
    made = None if case.made is None else [ssc.exact(value) for value in case.made]
    months = ssc.bills(case.inputs, loads, made, case.steps, 1)[0]
    return [month.rated.total for month in months]


def covers(seed: int) -> set[str]:
    return draw_case(seed, series=False).covers


@cache
def chosen() -> list[int]:
    """The seeds to draw: first those that hold what none before them does, then the others."""
    seen: set[str] = set()
    first: list[int] = []
    others: list[int] = []
    for seed in range(FIRST, FIRST + max(DRAWS, REACH)):
        held = covers(seed) if seed < FIRST + REACH else set()
        (first if held & MUST_COVER - seen else others).append(seed)
        seen |= held
    return (first + others)[:DRAWS]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_tariffs_bill_as_the_reference_does(chunk: int, record_property: Record) -> None:
    first, end = chunk * DRAWS // CHUNKS, (chunk + 1) * DRAWS // CHUNKS
    agreed = AgreedSeeds(Path(AGREED) if AGREED else None)
    for seed in agreed.left_of(chosen()[first:end]):
        _compare(seed)
    record_property("tariffs compared with PySAM", end - first)


def _compare(seed: int) -> None:
    case = draw_case(seed)
    for month, (found, wanted) in enumerate(zip(ours(case), reference(case), strict=True)):
        difference = abs(found - Decimal(repr(wanted)))
        assert difference <= CLOSE, (seed, month + 1, found, wanted, sorted(case.covers))


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_draw_that_once_differed_bills_as_the_reference_does(seed: int) -> None:
    _compare(seed)


def test_draws_cover_what_the_reference_prices() -> None:
    if FIRST or QUICK in os.environ or "METERLINE_DRAWS" in os.environ:
        pytest.skip("the seeds were named, or are too few")
    count = Counter(word for seed in chosen() for word in covers(seed))
    assert not MUST_COVER - set(count), MUST_COVER - set(count)


@pytest.mark.parametrize("seed", range(6))
def test_a_urdb_lookback_over_several_periods_bills_as_the_reference_does(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    timed = [[0.0] * 12 + [1.0] * 12 if month < 6 else [0.0] * 24 for month in range(12)]
    rates = [round(draw.uniform(1, 9), 2) for _ in range(3)]
    percent, reach = draw.choice([0.5, 0.8, 1.0]), draw.randint(1, 11)
    months = [float(draw.randint(0, 1)) for _ in range(12)]
    load = [round(draw.uniform(0, 3 + 5 * (hour % 1999 == 7)), 3) for hour in range(8760)]
    record: dict[str, object] = {
        "demandratestructure": [[{"rate": ssc.exact(rate)}] for rate in rates[:2]],
        "demandweekdayschedule": timed,
        "demandweekendschedule": timed,
        "lookbackPercent": ssc.exact(percent),
        "lookbackRange": reach,
        "lookbackMonths": months,
    }
    if seed % 2:
        flat = [[{"rate": ssc.exact(rates[2])}]]
        record |= {"flatdemandstructure": flat, "flatdemandmonths": [0] * 12}
    hours = [[value + 1 for value in row] for row in timed]
    wanted = amounts(
        load,
        ur_dc_sched_weekday=hours,
        ur_dc_sched_weekend=hours,
        ur_dc_tou_mat=[[n + 1.0, 1.0, NO_LIMIT, rate] for n, rate in enumerate(rates[:2])],
        ur_dc_flat_mat=[[float(n), 1.0, NO_LIMIT, rates[2] * (seed % 2)] for n in range(12)],
        ur_billing_demand_lookback_period=reach,
        ur_billing_demand_lookback_percentages=[[100 * percent * flag, 0.0] for flag in months],
        ur_dc_billing_demand_periods=[[1.0, 1.0], [2.0, 1.0]],
    )
    document = import_urdb(record, reference=True).document
    request = RatingRequest(datetime(2018, 1, 1), 60, "UTC", naive=True, rounded=False)  # noqa: DTZ001 - local
    found = [
        month.rated.total
        for month in rate_months(document, [ssc.exact(value) for value in load], request)
    ]
    off = [abs(one - Decimal(repr(two))) for one, two in zip(found, wanted, strict=True)]
    assert max(off) <= CLOSE, (found, wanted)


def amounts(load: list[float], made: list[float] | None = None, **changes: object) -> list[float]:
    """Flat demand at 1 per kW, at least half of the peaks of the two months before; no energy."""
    hours = [[1.0] * 24] * 12
    inputs = {
        "ur_metering_option": 0,
        "inflation_rate": 0.0,
        "ur_ec_sched_weekday": hours,
        "ur_ec_sched_weekend": hours,
        "ur_ec_tou_mat": [[1.0, 1.0, NO_LIMIT, 0.0, 0.0, 0.0]],
        "ur_monthly_fixed_charge": 0.0,
        "ur_monthly_min_charge": 0.0,
        "ur_annual_min_charge": 0.0,
        "ur_nm_yearend_sell_rate": 0.0,
        "ur_nm_credit_month": 11,
        "ur_dc_enable": 1,
        "ur_dc_sched_weekday": hours,
        "ur_dc_sched_weekend": hours,
        "ur_dc_tou_mat": [[1.0, 1.0, NO_LIMIT, 0.0]],
        "ur_dc_flat_mat": [[float(number), 1.0, NO_LIMIT, 1.0] for number in range(12)],
        "ur_enable_billing_demand": 1,
        "ur_billing_demand_minimum": 0.0,
        "ur_billing_demand_lookback_period": 2,
        "ur_billing_demand_lookback_percentages": [[50.0, 0.0]] * 12,
        "ur_dc_billing_demand_periods": [[1.0, 1.0]],
        "ur_yearzero_usage_peaks": [0.0] * 12,
    }
    return reference(Case(inputs | changes, load, made, 1))


def test_the_reference_reads_peaks_of_the_year_before_one_month_too_long() -> None:
    """An error of the reference: within the year two months are two, before it they are three."""
    nothing = [0.001] * 8760
    in_march = [10.0 if hour == 1500 else 0.001 for hour in range(8760)]
    within = [number for number, amount in enumerate(amounts(in_march)) if amount > 1]
    assert within == [2, 3, 4]
    december = amounts(nothing, ur_yearzero_usage_peaks=[0.0] * 11 + [10.0])
    assert [number for number, amount in enumerate(december) if amount > 1] == [0, 1, 2]


def test_the_reference_prices_nothing_below_zero() -> None:
    """An error of the reference: energy at a negative rate is free."""
    mat = [[1.0, 1.0, NO_LIMIT, 0.0, -0.1, 0.0]]
    found = amounts([1.0] * 8760, ur_ec_tou_mat=mat, ur_dc_enable=0, ur_enable_billing_demand=0)
    assert found == [0.0] * 12


def test_the_reference_gives_energy_away_where_no_demand_is_billed() -> None:
    """An error of the reference: kWh/kW bounds of zero make 744 kWh at 0.1 or more cost nothing."""
    mat = [[1.0, 1.0, 100.0, 1.0, 0.2, 0.0], [1.0, 2.0, NO_LIMIT, 1.0, 0.1, 0.0]]
    none = [[0.0, 0.0]] * 12
    found = amounts([1.0] * 8760, ur_ec_tou_mat=mat, ur_billing_demand_lookback_percentages=none)
    assert found == [0.0] * 12


def test_the_reference_bills_a_minimum_demand_again_on_the_meter_that_only_generates() -> None:
    """An error of the reference: nothing is sold for, yet the bill of 5 kW becomes one of 5 + 3."""
    load = [5.0] * 8760
    alone = amounts(load, ur_billing_demand_minimum=3.0, ur_metering_option=BUY_ALL)
    both = amounts(load, [1.0] * 8760, ur_billing_demand_minimum=3.0, ur_metering_option=BUY_ALL)
    assert [round(two - one, 6) for one, two in zip(alone, both, strict=True)] == [3.0] * 12


def test_the_reference_refuses_demand_tiers_that_differ_between_periods() -> None:
    """Ours are those of each period's own peak."""
    hours = [[1.0] * 12 + [2.0] * 12] * 12
    tiers = [[1.0, 1.0, 4.0, 1.0], [1.0, 2.0, NO_LIMIT, 2.0], [2.0, 1.0, NO_LIMIT, 3.0]]
    with pytest.raises(Exception, match=r"(?i)tier"):
        amounts(
            [5.0] * 8760,
            ur_dc_sched_weekday=hours,
            ur_dc_sched_weekend=hours,
            ur_dc_tou_mat=tiers,
            ur_enable_billing_demand=0,
        )
    record = {
        "demandratestructure": [[{"rate": 1, "max": 4}, {"rate": 2}], [{"rate": 3}]],
        "demandweekdayschedule": [[0] * 12 + [1] * 12] * 12,
        "demandweekendschedule": [[0] * 12 + [1] * 12] * 12,
    }
    request = RatingRequest(datetime(2018, 1, 1), 60, "UTC", naive=True)  # noqa: DTZ001 - local
    months = rate_months(import_urdb(record).document, [Decimal(5)] * 8760, request)
    assert {month.rated.total for month in months} == {4 * 1 + 1 * 2 + 5 * 3}
