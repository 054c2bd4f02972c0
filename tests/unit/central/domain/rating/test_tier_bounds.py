"""Bounds of tiers: of nothing, and of a demand that makes them fall."""

from __future__ import annotations

from datetime import date

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))
HEAD = """\
tariff: bounds
effective: 2020-01-01
zone: UTC
currency: {code: EUR}
cycle: {normal_days: 30}
determinants: {kwh: {sum: import}, kw: {max: import}}
charges:
"""


def rated(charges: str, wh: int) -> Rated:
    version = TariffVersion.of(load_tariff(HEAD + charges))
    blocks = {"import": blocks_from(JUNE, "UTC", 3600, lambda _: wh)}
    return rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), JUNE)


STAIR = """\
  - {id: stair, qty: kwh, tiers: {kind: stair}, steps: [{to: 0, price: 1}, {to: null, price: 49}]}
  - {id: volume, qty: kwh, tiers: {kind: volume}, steps: [{to: 0, price: 5}, {to: null, price: 2}]}
"""


def test_no_use_reaches_the_step_that_ends_at_zero() -> None:
    assert [str(line.amount) for line in rated(STAIR, 0).lines] == ["1.00", "0.00"]
    assert [str(line.amount) for line in rated(STAIR, 1000).lines] == ["49.00", "1440.00"]


def test_a_bound_that_falls_below_the_one_before_it_holds_the_bill() -> None:
    steps = "{to: 100, unit: kWh/kW, of: kw, price: 3}, {to: 500, price: 2}, {to: null, price: 1}"
    charge = f"  - {{id: e, qty: kwh, steps: [{steps}]}}\n"
    assert not rated(charge, 4000).holds
    assert [hold.code for hold in rated(charge, 6000).holds] == ["BAD_BOUND"]
