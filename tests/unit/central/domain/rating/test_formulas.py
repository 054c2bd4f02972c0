"""Formulas of determinants: what they read, and what holds a bill."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.carried_state import CarriedState, Peak
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.export import to_canonical_text
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
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
    version = TariffVersion.of(load_kept(TEXT.replace("FORMULA", formula), file="kept"))
    blocks = {"import": blocks_from(JANUARY, "Europe/Madrid", 900, lambda _: 500)}
    opening = CarriedState((Peak("kw", "noon", date(2025, 8, 1), Fraction(10)),))
    return rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), JANUARY, opening=opening)


def test_a_period_without_hours_in_these_days_has_no_peak() -> None:
    assert rated("max(kw.noon, kw.other)").quantity("billed") == 2


def test_a_share_of_the_same_period_months_ago_counts() -> None:
    assert rated("max(kw.other, prior(kw.noon, months: 6-9, pct: 80))").quantity("billed") == 8
    assert rated("max(kw.other, prior(kw.other, months: 6-9, pct: 80))").quantity("billed") == 2


def test_nothing_divided_by_nothing_holds_the_bill_of_a_tariff_that_is_kept() -> None:
    assert [hold.code for hold in rated("kw.other / kw.noon").holds] == ["DIVISION_BY_ZERO"]


def test_a_quotient_is_what_it_says_where_its_divisor_is_zero() -> None:
    assert rated("kw.other / kw.noon else 1").quantity("billed") == 1
    assert rated("kw.other / kw.noon else kw.other * 3").quantity("billed") == 6
    assert rated("kw.other / 4 else 1").quantity("billed") == Fraction(1, 2)
    assert rated("3 * (1 / kw.noon else 2) - 1").quantity("billed") == 5
    assert rated("1 / kw.noon else 2 * 3").quantity("billed") == 6


@pytest.mark.parametrize(
    "formula",
    [
        *("kw.other / kw.noon", "1 / (kw.noon + 1)", "1 / max(kw.noon, 0)", "1 / (2 * kw.noon)"),
        *("1 / min(kw.noon, 1)", "max(1, 1 / kw.noon)", "1 / 0", "1 / kw.noon else 1 / kw.other"),
    ],
)
def test_a_quotient_that_may_have_no_value_is_refused(formula: str) -> None:
    with pytest.raises(TariffRefusedError, match="can be zero") as refused:
        load_tariff(TEXT.replace("FORMULA", formula))
    assert {one.code for one in refused.value.findings} == {Code.MAY_DIVIDE_BY_ZERO}


@pytest.mark.parametrize("formula", ["kw.other / 0.9", "1 / max(kw.noon, 0.1)", "1 / agreed"])
def test_a_divisor_that_is_not_zero_needs_no_more(formula: str) -> None:
    load_tariff(TEXT.replace("FORMULA", formula).replace("state:", "needs: {agreed: kW}\nstate:"))


def test_a_formula_is_written_as_it_is_read() -> None:
    document = load_tariff(TEXT.replace("FORMULA", "2 * kw.other / kw.noon else max(1, kw.other)"))
    assert load_tariff(to_canonical_text(document)) == document


def test_what_a_table_does_not_have_holds_the_bill() -> None:
    said = """\
tariff: t
effective: 2026-01-01
zone: UTC
currency: {code: EUR}
needs: {zone: text}
tables:
  access:
    by: zone
    rows: [{from: 2026-01-01, values: {"1": 2}}, {from: 2026-06-11, values: {"1": 2, "2": 3}}]
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, rate: access}]
"""
    days = DayRange(date(2026, 6, 1), date(2026, 7, 1))
    blocks = {"import": blocks_from(days, "UTC", 3600, lambda _: 1000)}
    version = TariffVersion.of(load_tariff(said))

    def bill(*facts: Fact) -> Rated:
        return rate(blocks, AgreementFacts(facts), [version], ResolvedCalendar(), days)

    # A stratum or zone that was entered as a number is the key of its digits.
    known = bill(Fact("zone", Decimal(1)), Fact("zone", Decimal("2.0"), date(2026, 6, 21)))
    assert [line.price for line in known.lines] == [Decimal(2), Decimal(3)]
    assert [line.quantity for line in known.lines] == [Decimal(480), Decimal(240)]
    assert [hold.code for hold in bill(Fact("zone", "2")).holds] == ["MISSING_FACT"]
    assert [hold.code for hold in bill().holds] == ["MISSING_FACT"]
