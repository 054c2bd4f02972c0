"""One side of a net: of the bill's sum, of every interval; tiers that fill in order of time."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from fractions import Fraction

from central.domain.metering.block import DayBlock
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.rating.running_bill import RunningBill
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_of

ZONE = "Australia/Lord_Howe"
DAYS = DayRange(date(2026, 4, 3), date(2026, 4, 8))  # 98 quarter-hours on the fifth
COUNT = 5 * 96 + 2
TEXT = """\
tariff: sides
effective: 2020-01-01
zone: Australia/Lord_Howe
currency: {code: AUD}
cycle: {normal_days: 30}
calendar: {periods: {day: [{at: "08:00-20:00"}], night: rest}}
series: {net: {expr: import - export}}
determinants:
  taken: {sum: net, by: period, side: use, netting: interval}
  given: {sum: net, side: surplus, netting: interval}
  all_taken: {sum: net, side: use, netting: bill}
charges:
  - {id: taken, qty: taken, price: 0.3}
  - id: given
    qty: given
    tiers: {style: in_order}
    steps: [{to: 10, price: -0.1}, {to: null, price: -0.05}]
  - {id: all_taken, qty: all_taken, price: 0.3}
  - id: day
    qty: taken.day
    tiers: {style: in_order}
    steps: [{to: 5, price: 1}, {to: null, price: 2}]
"""


def blocks(seed: int) -> tuple[dict[str, list[DayBlock]], list[int]]:
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    used = [draw.randint(0, 500) for _ in range(COUNT)]
    made = [draw.choice([0, draw.randint(0, 800)]) for _ in range(COUNT)]
    found = {
        "import": blocks_of(DAYS, ZONE, 900, used),
        "export": blocks_of(DAYS, ZONE, 900, made),
    }
    return found, [one - two for one, two in zip(used, made, strict=True)]


def version(text: str = TEXT) -> TariffVersion:
    return TariffVersion.of(load_tariff(text))


def rated(given: dict[str, list[DayBlock]], text: str = TEXT) -> Rated:
    bill = rate(given, AgreementFacts(), [version(text)], ResolvedCalendar(), DAYS)
    assert not bill.holds, bill.holds
    for line in bill.lines:
        explain(line, given)
    return bill


def test_every_interval_is_netted_alone() -> None:
    given, net = blocks(1)
    bill = rated(given)
    assert bill.quantity("taken") == Fraction(sum(value for value in net if value > 0), 1000)
    assert bill.quantity("given") == Fraction(-sum(value for value in net if value < 0), 1000)
    assert bill.quantity("all_taken") == Fraction(max(0, sum(net)), 1000)


def test_surplus_fills_tiers_in_order_of_time() -> None:
    given, net = blocks(2)
    bill = rated(given)
    total = Fraction(-sum(value for value in net if value < 0), 1000)
    tiers = {line.tier: line.quantity for line in bill.lines if line.id == "given"}
    assert tiers[1] == Decimal(10)
    assert Fraction(tiers[2] or 0) == total - 10


def test_one_period_in_order_is_filled_by_its_own_energy() -> None:
    given, _ = blocks(3)
    bill = rated(given)
    day = next(d.exact for d in bill.determinants if (d.name, d.label) == ("taken", "day"))
    tiers = {line.tier: line.quantity for line in bill.lines if line.id == "day"}
    assert tiers[1] == Decimal(5)
    assert Fraction(tiers[2] or 0) == day - 5


def test_the_running_bill_nets_intervals_as_the_bill_does() -> None:
    text = TEXT[: TEXT.index("  - id: given")] + TEXT[TEXT.index("  - {id: all_taken") :]
    text = text[: text.index("  - id: day")]
    given, _ = blocks(4)
    running = RunningBill(
        AgreementFacts(), [version(text)], ResolvedCalendar(), BillingPeriod.month(DAYS)
    )
    for number in range(DAYS.count):
        running.add({name: [own[number]] for name, own in given.items()})
    amounts = [(line.key, line.amount) for line in running.bill().lines]
    assert amounts == [(line.key, line.amount) for line in rated(given, text).lines]


ORDERED = """\
tariff: ordered
effective: 2020-01-01
zone: Australia/Lord_Howe
currency: {code: AUD}
cycle: {normal_days: 30}
quantities: {kWh: 0}
calendar: {periods: {day: [{at: "08:00-20:00"}], night: rest}}
determinants: {kwh: {sum: import, by: period}}
charges:
  - id: energy
    qty: kwh
    tiers: {style: in_order}
    steps: [{to: 30, price: {day: 1, night: 2}}, {to: null, price: {day: 3, night: 4}}]
"""


def test_tiers_in_order_sum_to_the_rounded_periods() -> None:
    for seed in range(8):
        given, _ = blocks(seed)
        bill = rated({"import": given["import"]}, ORDERED)
        for label in ("day", "night"):
            value = next(d.value for d in bill.determinants if d.label == label)
            parts = [line.quantity for line in bill.lines if line.label == label]
            assert all(part is not None and part == int(part) for part in parts)
            assert sum((Fraction(part or 0) for part in parts), Fraction(0)) == value
