"""Laws that hold for every tariff and load."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import RatingOptions, rate
from central.domain.rating.running_bill import RunningBill
from central.domain.rating.what_if import compare, with_price_change
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from, blocks_of

ZONE = "Europe/Madrid"
CALENDAR = ResolvedCalendar()
MONTH = DayRange(date(2026, 10, 1), date(2026, 11, 1))
TEXT = """\
tariff: laws
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
quantities: {kWh: 1, kW: 1}
calendar:
  days: {work: mon-fri, off: rest}
  periods: {peak: [{days: work, at: "08:00-20:00"}], low: rest}
determinants:
  kwh: {sum: import, by: period}
  kw: {max: import, window: 60m, by: period}
  daily: {max: import, per: day}
charges:
  - {id: energy, qty: kwh, price: {peak: 0.2, low: 0.1}}
  - {id: blocks, qty: kwh.total, steps: [{to: 200, price: 0.01}, {to: null, price: 0.03}]}
  - {id: demand, qty: kw, price: {peak: 7, low: 2}}
  - {id: daily, qty: daily, price: 0.05}
riders: [{id: discount, percent: -5, of: energy}]
minimums: [{id: floor, of: [energy, discount], amount: 30}]
taxes: [{id: vat, percent: 21, of: all, point: interval}]
"""
ADDITIVE = """\
tariff: additive
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
calendar: {periods: {day: [{at: "08:00-20:00"}], night: rest}}
determinants: {kwh: {sum: import, by: period}, daily: {max: import, per: day}}
charges:
  - {id: energy, qty: kwh, price: {day: 0.1234, night: 0.0567}}
  - {id: capacity, price: 0.321, per: day}
  - {id: peaks, qty: daily, price: 0.07, per: day}
"""
VERSION = TariffVersion.of(load_tariff(TEXT))
SIMPLE = TariffVersion.of(
    load_tariff(ADDITIVE.replace("  - {id: peaks, qty: daily, price: 0.07, per: day}\n", ""))
)
SEEDS = st.integers(0, 2**31)


def load(seed: int, days: DayRange = MONTH, channel: int = 1) -> dict[str, list]:  # type: ignore[type-arg]
    state = seed

    def next_wh(_: object) -> int:
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return state % 2000

    return {"import": blocks_from(days, ZONE, 900, next_wh, channel_id=channel)}


def rated(blocks: dict[str, list], version: TariffVersion, days: DayRange = MONTH) -> Rated:  # type: ignore[type-arg]
    options = RatingOptions(rounded=False)
    return rate(
        blocks,
        AgreementFacts(),
        [version],
        CALENDAR,
        days,
        period=BillingPeriod.month(days),
        options=options,
    )


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, cut=st.integers(1, 30))
def test_a_split_period_bills_like_the_whole(seed: int, cut: int) -> None:
    middle = MONTH.first + timedelta(days=cut)
    whole = rated(load(seed), SIMPLE)
    parts = [
        rated(load(seed), SIMPLE, DayRange(MONTH.first, middle)),
        rated(load(seed), SIMPLE, DayRange(middle, MONTH.end)),
    ]
    exact = [sum((line.exact for line in bill.lines), Fraction(0)) for bill in (whole, *parts)]
    assert exact[0] == exact[1] + exact[2]


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_total_is_the_sum_of_the_lines_and_tax_rests_on_rounded_lines(seed: int) -> None:
    bill = rate(load(seed), AgreementFacts(), [VERSION], CALENDAR, MONTH)
    amounts = {line.key: line.amount for line in bill.lines}
    assert bill.total == sum(amounts.values(), Decimal(0))
    vat = next(line for line in bill.lines if line.id == "vat")
    assert vat.exact == sum((Fraction(amounts[key]) for key in vat.of), Fraction(0)) * 21 / 100
    assert all(-amount.as_tuple().exponent == 2 for amount in amounts.values())  # type: ignore[operator]


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_permuted_meters_and_a_meter_without_use_change_nothing(seed: int) -> None:
    one, two = load(seed)["import"], load(seed + 1, channel=2)["import"]
    idle = blocks_from(MONTH, ZONE, 900, lambda _: 0, channel_id=3)
    bill = rated({"import": [*one, *two]}, VERSION)
    assert rated({"import": [*reversed(two), *one]}, VERSION).sha256 == bill.sha256
    with_idle = rated({"import": [*one, *two, *idle]}, VERSION)
    assert [line.amount for line in with_idle.lines] == [line.amount for line in bill.lines]


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_running_bill_is_the_bill_of_the_days_so_far(seed: int) -> None:
    blocks = load(seed)
    running = RunningBill(AgreementFacts(), [VERSION], CALENDAR, BillingPeriod.month(MONTH))
    for number, block in enumerate(blocks["import"], start=1):
        running.add({"import": [block]})
        if number in {1, 7, 25, 31}:
            days = DayRange(MONTH.first, MONTH.first + timedelta(days=number))
            whole = rate(
                blocks,
                AgreementFacts(),
                [VERSION],
                CALENDAR,
                days,
                period=BillingPeriod.month(MONTH),
            )
            now = running.bill()
            assert [(line.key, line.amount) for line in now.lines] == [
                (line.key, line.amount) for line in whole.lines
            ]


@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_comparison_is_the_bill_of_each_candidate(seed: int) -> None:
    blocks = load(seed)
    dearer = TariffVersion.of(with_price_change(VERSION.document, "energy", Decimal(10)))
    found = compare(
        blocks, AgreementFacts(), {"now": [VERSION], "dearer": [dearer]}, CALENDAR, [MONTH]
    )
    assert [comparison.name for comparison in found] == ["now", "dearer"]
    assert found[0].bills[0] == rate(blocks, AgreementFacts(), [VERSION], CALENDAR, MONTH)
    prices = {line.key: line.price for line in found[1].bills[0].lines}
    assert prices["energy/peak"] == Decimal("0.22")
    assert found[1].total > found[0].total


def test_autumn_day_bills_its_25_hours_and_spring_day_its_23() -> None:
    for day, hours in ((date(2026, 10, 25), 25), (date(2026, 3, 29), 23)):
        days = DayRange(day, day + timedelta(days=1))
        blocks = {"import": blocks_of(days, ZONE, 900, [250] * hours * 4)}
        assert rated(blocks, SIMPLE, days).quantity("kwh") == hours
