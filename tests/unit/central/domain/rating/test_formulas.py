"""Formulas of determinants: what they read, and what holds a bill."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState, Peak
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

JANUARY = DayRange(date(2026, 1, 1), date(2026, 2, 1))
TEXT = """\
tariff: formulas
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
calendar:
  seasons: {summer: 06-01..09-30, winter: rest}
  periods: {noon: [{season: summer, at: "12:00-14:00"}], other: rest}
determinants:
  kw: {max: import, by: period}
  billed: {expr: "FORMULA", unit: kW}
state: {kw: {months: 12}}
charges: [{id: demand, qty: billed, price: 1}]
"""


def rated(formula: str) -> Rated:
    version = TariffVersion.of(load_tariff(TEXT.replace("FORMULA", formula)))
    blocks = {"import": blocks_from(JANUARY, "Europe/Madrid", 900, lambda _: 500)}
    opening = CarriedState((Peak("kw", "noon", date(2025, 8, 1), Fraction(10)),))
    return rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), JANUARY, opening=opening)


def test_a_period_without_hours_in_these_days_has_no_peak() -> None:
    assert rated("max(kw.noon, kw.other)").quantity("billed") == 2


def test_a_share_of_the_same_period_months_ago_counts() -> None:
    assert rated("max(kw.other, prior(kw.noon, months: 6-9, pct: 80))").quantity("billed") == 8
    assert rated("max(kw.other, prior(kw.other, months: 6-9, pct: 80))").quantity("billed") == 2


def test_nothing_divided_by_nothing_holds_the_bill() -> None:
    assert [hold.code for hold in rated("kw.other / kw.noon").holds] == ["DIVISION_BY_ZERO"]
