"""A quantity below zero in steps: credited as the tariff says, or the bill is held by name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

DAY = DayRange(date(2026, 6, 1), date(2026, 6, 2))
TEXT = """\
tariff: net
effective: 2026-01-01
zone: UTC
currency: {{code: EUR}}
cycle: {{normal_days: 30}}
calendar: {{periods: {{day: [{{at: "08:00-20:00"}}], night: rest}}}}
series: {{net: {{expr: import - export}}}}
determinants: {{kwh: {{sum: net}}, tou: {{sum: net, by: period}}}}
charges: [{{id: energy, qty: {qty}, {price}, tiers: {{{tiers}}}}}]
"""
STEPS = "steps: [{to: 0.5, unit: kWh/day, price: 0.10}, {to: null, price: 0.20}]"
BY_PERIOD = (
    "steps: [{to: 0.5, unit: kWh/day, price: {day: 0.10, night: 0.05}},"
    " {to: null, price: {day: 0.20, night: 0.15}}]"
)


def rated(tiers: str, used: tuple[int, int], qty: str = "kwh", price: str = STEPS) -> Rated:
    """What is used of the net by day and by night. [Wh/h]."""
    text = TEXT.format(qty=qty, price=price, tiers=tiers)
    version = TariffVersion.of(load_tariff(text))
    day, night = used
    blocks = {
        "import": blocks_from(
            DAY, "UTC", 3600, lambda at: 1000 + (day if 8 <= at.hour < 20 else night)
        ),
        "export": blocks_from(DAY, "UTC", 3600, lambda _: 1000, channel_id=2),
    }
    alone = rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), DAY)
    terms = Terms((version,), ResolvedCalendar(), DAY, BillingPeriod.month(DAY))
    meter = Meter(blocks, AgreementFacts(), CarriedState())
    together = rate_many([meter, meter], terms)
    assert [one.lines for one in together] == [alone.lines, alone.lines]
    assert [one.holds for one in together] == [alone.holds, alone.holds]
    return alone


def amounts(of: Rated) -> list[Decimal]:
    assert not of.holds
    return [line.amount for line in of.lines]


def test_steps_are_mirrored_where_the_tariff_says_so() -> None:
    # -2.4 kWh: 0.5 at 0.10 and 1.9 at 0.20 are credited.
    assert amounts(rated("below_zero: mirror", (-100, -100))) == [
        Decimal("-0.05"),
        Decimal("-0.38"),
    ]
    assert amounts(rated("below_zero: mirror", (100, 100))) == [Decimal("0.05"), Decimal("0.38")]
    assert amounts(rated("below_zero: mirror", (-10, -10))) == [Decimal("-0.02")]


def test_packages_are_mirrored_as_well() -> None:
    tiers = "kind: package, size: 0.5, below_zero: mirror"
    price = "steps: [{to: null, price: 1}]"
    # -2.4 kWh: five packages of 0.5 kWh are begun.
    assert amounts(rated(tiers, (-100, -100), price=price)) == [Decimal("-5.00")]


def test_a_volume_is_credited_at_the_price_of_its_step() -> None:
    assert amounts(rated("kind: volume", (-100, -100))) == [Decimal("-0.24")]


def test_the_bill_is_held_where_the_tariff_says_nothing() -> None:
    for tiers in ("", "kind: package, size: 0.5"):
        holds = rated(tiers, (-100, -100)).holds
        assert [hold.code for hold in holds] == ["NEGATIVE_QUANTITY"]
        assert "below_zero: mirror" in holds[0].message


def test_shares_of_periods_keep_their_signs() -> None:
    # +6 kWh by day, -3.6 by night: of 2.4 kWh each step gives 2.5 times to the day, -1.5 to the
    # night.
    shares = [Decimal("0.13"), Decimal("-0.04"), Decimal("0.95"), Decimal("-0.43")]
    assert amounts(rated("", (500, -300), "tou", BY_PERIOD)) == shares
    mirrored = rated("below_zero: mirror", (-500, 300), "tou", BY_PERIOD)
    assert amounts(mirrored) == [-share for share in shares]


@pytest.mark.parametrize(
    ("tiers", "used"),
    [
        ("below_zero: mirror", (500, -500)),
        ("style: in_order, below_zero: mirror", (500, -300)),
        ("style: in_order", (-500, 300)),
        ("", (-500, 300)),
    ],
)
def test_periods_that_leave_no_share_hold_the_bill(tiers: str, used: tuple[int, int]) -> None:
    holds = rated(tiers, used, "tou", BY_PERIOD).holds
    assert [hold.code for hold in holds] == ["NEGATIVE_QUANTITY"]


def test_each_period_alone_has_steps_of_its_own() -> None:
    # By day -6 kWh: 0.5 at 0.10, 5.5 at 0.20; by night 3.6: 0.5 at 0.05, 3.1 at 0.15.
    tiers = "style: per_period, below_zero: mirror"
    found = rated(tiers, (-500, 300), "tou", BY_PERIOD)
    wanted = {
        "day": [Decimal("-0.05"), Decimal("-1.10")],
        "night": [Decimal("0.03"), Decimal("0.47")],
    }
    for label, of_label in wanted.items():
        assert [line.amount for line in found.lines if line.label == label] == of_label
