"""Speed of the rater beside PySAM on the same load and tariff in the same run. `make bench`.

Seconds are CPU seconds of this one process, so that others on the machine count little; rounds of
the two sides alternate. PySAM rates whole years, so it gets one; we get one month of many meters.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from multiprocessing.queues import Queue
from statistics import median
from typing import NamedTuple

import numpy as np
import pytest

from central.domain.metering.block import DayBlock
from central.domain.metering.channel_days import ChannelDays, joined_quality, joined_values
from central.domain.rating.columnar.rate_batch import BillBatch, batches, price_batch, rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from central.process.gc_tuning import tune_gc
from firmware_bridge.contract.interval import day_start
from firmware_bridge.contract.quantity import Unit

METERS = int(os.environ.get("METERLINE_BENCH_METERS", "10000"))
DISTINCT = 1000
STEPS = 2976
ROUNDS = 5
SHARD = 500
DAYS = DayRange(date(2018, 1, 1), date(2018, 2, 1))
CALENDAR = ResolvedCalendar()
FACTS = AgreementFacts()
TARIFF = """\
tariff: bench
effective: 2018-01-01
zone: UTC
currency: {code: USD}
cycle: {normal_days: 30}
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
MORE = """\
  - {id: lighting, price: 1.1, per: month}
riders: [{id: fund, percent: 2.5, of: [energy]}]
taxes: [{id: vat, percent: 21, of: all, point: interval}]
"""
TERMS = Terms((TariffVersion.of(load_tariff(TARIFF)),), CALENDAR, DAYS, BillingPeriod.month(DAYS))
TEN = Terms(
    (TariffVersion.of(load_tariff(TARIFF + MORE)),), CALENDAR, DAYS, BillingPeriod.month(DAYS)
)


def meters(count: int, seed: int = 1) -> list[Meter]:
    """Meters with random months of quarter-hours; more than `DISTINCT` share those."""
    draw = np.random.default_rng(seed)
    distinct = []
    quality = np.zeros(96, dtype=np.uint8).tobytes()
    for number in range(min(count, DISTINCT)):
        values = draw.integers(20, 900, STEPS, dtype=np.int64)
        own = [
            DayBlock.unpack(
                channel_id=number + 1,
                day=day,
                zone="UTC",
                start=day_start(day, "UTC"),
                period_s=900,
                exponent=0,
                unit=Unit.WATT_HOUR,
                values=values[96 * place : 96 * place + 96].tobytes(),
                quality=quality,
                version=1,
            )
            for place, day in enumerate(DAYS.days())
        ]
        for block in own:
            assert len(block.sha256) == 32
        distinct.append(Meter({"import": own}))
    return [distinct[number % len(distinct)] for number in range(count)]


def as_read(found: Sequence[Meter]) -> list[Meter]:
    """The meters as a bill run reads them: the days of a channel end to end."""
    joined = {id(meter): Meter({"import": _joined(meter.blocks["import"])}) for meter in found}
    return [joined[id(meter)] for meter in found]


def _joined(blocks: Sequence[DayBlock]) -> ChannelDays:
    first = blocks[0]
    return ChannelDays(
        first.channel_id,
        first.zone,
        first.period_s,
        first.exponent,
        first.unit,
        tuple(block.day for block in blocks),
        tuple(block.start for block in blocks),
        tuple(block.version for block in blocks),
        tuple(len(block.values) for block in blocks),
        joined_values(blocks).tobytes(),
        joined_quality(blocks).tobytes(),
        b"".join(block.sha256 for block in blocks),
    )


def columns(found: Sequence[Meter], terms: Terms) -> list[BillBatch]:
    """From day blocks to priced lines, as columns."""
    made = [batch for _, batch in batches(found, terms)]
    assert sum(len(batch.rows["import"][0]) for batch in made) == len(found)
    return made


def reference() -> Callable[[], object]:
    """PySAM set up for a year of quarter-hours under the same tariff."""
    ur = pytest.importorskip("PySAM.Utilityrate5", reason="nrel-pysam is not installed")
    draw = np.random.default_rng(1)
    weekday = [[2.0 if 10 <= hour < 18 else 1.0 for hour in range(24)]] * 12
    weekend = [[1.0] * 24] * 12
    values = {
        "en_electricity_rates": 1,
        "analysis_period": 1,
        "system_use_lifetime_output": 0,
        "degradation": [0.0],
        "load": (draw.integers(20, 900, 35_040) / 250).tolist(),
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
    return lambda: model.execute(0)


def rates(work: Callable[[], object], amount: int) -> float:
    """Amount per CPU second of one go."""
    begin = time.process_time()
    work()
    return amount / (time.process_time() - begin)


def told(name: str, found: Sequence[float], unit: str) -> float:
    """Print a median with its spread."""
    middle = median(found)
    print(f"{name:<58} {middle:>14,.0f} {unit}  ({min(found):,.0f} .. {max(found):,.0f})")
    return middle


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The garbage collector as a bill run sets it."""
    young = gc.get_threshold()
    tune_gc()
    yield
    gc.set_threshold(*young)
    gc.unfreeze()


def test_rating_speed_beside_the_reference() -> None:
    metered, execute = meters(METERS), reference()
    read, one_by_one = as_read(metered), metered[:200]
    for meter, alone in zip(read[:8], metered[:8], strict=True):
        (bill,) = rate_many([meter] * 4, TERMS)[:1]
        assert bill.sha256 == rate(alone.blocks, FACTS, TERMS.versions, CALENDAR, DAYS).sha256
    kernel, whole, blocks_kernel, blocks_whole, single, theirs = [], [], [], [], [], []
    for _ in range(ROUNDS):
        kernel.append(rates(lambda: columns(read, TERMS), METERS * STEPS))
        theirs.append(rates(execute, 35_040))
        whole.append(rates(lambda: rate_many(read[:2000], TERMS), 2000 * STEPS))
        blocks_kernel.append(rates(lambda: columns(metered, TERMS), METERS * STEPS))
        theirs.append(rates(execute, 35_040))
        blocks_whole.append(rates(lambda: rate_many(metered[:2000], TERMS), 2000 * STEPS))
        single.append(
            rates(
                lambda: [rate(m.blocks, FACTS, TERMS.versions, CALENDAR, DAYS) for m in one_by_one],
                200 * STEPS,
            )
        )
    print(f"\nrating {METERS:,} meters x one month, {ROUNDS} rounds, median (spread)")
    mine = told("kernel: days as a run reads them to priced lines", kernel, "intervals/s")
    bills = told("batch: the same to bills with lineage and hash", whole, "intervals/s")
    blocks = told("kernel: single day blocks to priced lines", blocks_kernel, "intervals/s")
    of_blocks = told("batch: the same to bills with lineage and hash", blocks_whole, "intervals/s")
    told("one by one: day blocks to bills with lineage and hash", single, "intervals/s")
    other = told("PySAM: a year of arrays to its outputs", theirs, "intervals/s")
    print(f"as a run reads them: kernel / PySAM = {mine / other:.1f}, bills = {bills / other:.1f}")
    print(f"single blocks: kernel / PySAM = {blocks / other:.1f}, bills = {of_blocks / other:.1f}")
    assert mine / other >= 15
    assert bills / other >= 10


def seconds_of_bills(made: Sequence[BillBatch], metered: Sequence[Meter], *, ready: bool) -> float:
    """CPU seconds of making whole bills, and of hashing each.

    Args:
        made: Priced columns.
        metered: The meters of any of them.
        ready: Whether the determinants, with their lineage, are there before the clock starts.
    """
    seconds = 0.0
    for one in made:
        count = len(one.rows["import"][0])
        known = one.results(count) if ready else None
        begin = time.process_time()
        for bill in one.bills(metered[:count], known):
            assert len(bill.lines) == 10
            assert len(bill.sha256) == 64
        seconds += time.process_time() - begin
    return seconds


def test_bills_from_determinants() -> None:
    metered = meters(METERS)
    made = columns(metered, TEN)
    sample = made[0].bills(metered[: len(made[0].rows["import"][0])])[::64]
    for number, bill in enumerate(sample):
        meter = metered[64 * number]
        alone = rate(meter.blocks, FACTS, TEN.versions, CALENDAR, DAYS)
        assert (bill, bill.to_json(), bill.sha256) == (alone, alone.to_json(), alone.sha256)
        for line in bill.lines:
            explain(line, meter.blocks)
    priced, whole, lines = [], [], []

    def price() -> None:
        for one in made:
            count = len(one.rows["import"][0])
            lines = price_batch(one.measured, count, one.segments, TEN, one.constants)
            assert len(lines) == 10

    for _ in range(ROUNDS):
        priced.append(rates(price, METERS))
        lines.append(METERS / seconds_of_bills(made, metered, ready=True))
        whole.append(METERS / seconds_of_bills(made, metered, ready=False))
    print(f"\nbills of 10 lines, {METERS:,} meters, median (spread)")
    told("priced columns: amounts, quantities, tiers", priced, "bills/s")
    told("bills from determinants: lines, lineage, input and bill SHA-256", lines, "bills/s")
    told("the same, and the determinants with their block hashes", whole, "bills/s")


class Step(NamedTuple):
    """What a process of its own needed for some meters.

    Args:
        seconds: CPU seconds of rating, without making the meters.
        before: Resident memory once one shard had been rated. [MB]
        peak: Highest resident memory. [MB]
    """

    seconds: float
    before: int
    peak: int


def run_in_shards(count: int, answers: Queue[Step]) -> None:
    """Rate meters as a bill run does: a shard at a time, each of them another meter."""
    tune_gc()
    assert len(rate_many(meters(SHARD, seed=0), TERMS)) == SHARD
    before, seconds = peak_mb(), 0.0
    for seed in range(1, 1 + count // SHARD):
        shard = meters(SHARD, seed=seed)
        begin = time.process_time()
        bills = rate_many(shard, TERMS)
        seconds += time.process_time() - begin
        assert all(bill.lines for bill in bills)
    answers.put(Step(seconds, before, peak_mb()))


def peak_mb() -> int:
    """Highest resident memory of this process so far. [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def test_time_and_memory_grow_linearly() -> None:
    context = multiprocessing.get_context("spawn")
    print(f"\nday blocks to bills with lineage, in shards of {SHARD}, a process for each row")
    steps: dict[int, Step] = {}
    for count in (1000, 10_000, 100_000):
        answers: Queue[Step] = context.Queue()
        process = context.Process(target=run_in_shards, args=(count, answers))
        process.start()
        one = steps[count] = answers.get(timeout=1800)
        process.join()
        times = one.seconds / steps[1000].seconds
        print(
            f"{count:>8,} meters  {one.seconds:>7.2f} s CPU ({times:>6.1f} times the first)"
            f"  {count / one.seconds:>8,.0f} bills/s"
            f"  memory {one.before} MB after one shard, {one.peak} MB at most"
        )
    assert steps[100_000].seconds < 200 * steps[1000].seconds
    assert steps[100_000].peak < 1.5 * steps[1000].peak
