"""A line at a price per interval proves its amount, from what is kept with it alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.billing.line_form import NumberedLine, joined, parted
from central.domain.rating.bill_lines.bill_form import figures_of, filled, form_of
from central.domain.rating.bill_lines.interval_price_text import price_text, prices_in
from central.domain.rating.bill_lines.line import Rated, RatedLine
from central.domain.rating.bill_lines.line_text import LineTexts
from central.domain.rating.hashing import canonical
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import LineageError, explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_of

DAYS = DayRange(date(2026, 6, 1), date(2026, 6, 3))
TARIFF = """\
tariff: spot
effective: 2020-01-01
zone: UTC
currency: {code: EUR}
cycle: {normal_days: cycle}
series:
  spot: {price: DA}
  retail: {prices: "min(0.35, spot + 0.02)"}
charges:
  - {id: energy, qty: import, times: retail}
banks:
  sun: {unit: money, earn: export, times: spot, offsets: energy, when: this_bill}
"""
PRICES = [10, 12, 500, 12] * 12
BLOCKS = {
    "import": blocks_of(DAYS, "UTC", 3600, range(48)),
    "export": blocks_of(DAYS, "UTC", 3600, [1] * 48, channel_id=2),
}


def rated() -> Rated:
    prices = PriceSeries("DA", datetime(2026, 6, 1, tzinfo=UTC), 3600, tuple(PRICES), -3)
    version = TariffVersion.of(load_tariff(TARIFF))
    found = rate(BLOCKS, AgreementFacts(), [version], ResolvedCalendar(), DAYS, prices=(prices,))
    assert not found.holds
    return found


def kept(line: RatedLine) -> RatedLine:
    return RatedLine.from_json(line.to_json())


def test_each_interval_is_proven_at_its_price() -> None:
    energy, sun = map(kept, rated().lines)
    (proof,) = explain(energy, BLOCKS)
    retail = [min(Fraction(35, 100), Fraction(price + 20, 1000)) for price in PRICES]
    assert [used.price for used in proof.intervals] == retail
    amounts = [Fraction(number, 1000) * price for number, price in enumerate(retail)]
    assert [used.worth for used in proof.intervals] == amounts
    # 264 Wh at 0.030, 276 and 300 at 0.032 and 288 at 0.350 come to 0.127152.
    assert proof.worth == sum(amounts) == energy.exact
    assert energy.amount == Decimal("0.13")
    (earned,) = explain(sun, BLOCKS)
    # 12 x (0.010 + 0.012 + 0.500 + 0.012) x 0.001; no more than 0.13 of it is used.
    assert earned.worth == earned.determinant.worth == Fraction(6408, 10**6)
    assert sun.amount == Decimal("-0.01")


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line._replace(amount=line.amount + Decimal("0.01")),
        lambda line: line._replace(exact=line.exact + Fraction(1, 10**9)),
        lambda line: _at(line, price_text([30] * 48, 1000)),
        lambda line: _at(line, price_text([30] * 47, 1000)),
        lambda line: _at(line, "1000:A"),
    ],
)
def test_an_amount_that_its_prices_do_not_give_is_refused(change: object) -> None:
    assert callable(change)
    line = change(rated().lines[0])
    with pytest.raises(LineageError):
        explain(line, BLOCKS)


def _at(line: RatedLine, prices: str) -> RatedLine:
    (energy,) = line.determinants
    return line._replace(determinants=(energy._replace(prices=prices),))


def test_what_a_bank_earned_is_proven_beside_the_amount() -> None:
    sun = rated().lines[1]
    (export,) = sun.determinants
    wrong = sun._replace(determinants=(export._replace(worth=Fraction(1)),))
    with pytest.raises(LineageError, match="come to 801/125000, not 1"):
        explain(wrong, BLOCKS)


def test_bills_share_the_prices_and_each_keeps_what_it_earned() -> None:
    result = rated()
    said = result.to_json()
    assert filled(form_of(said), figures_of(said)) == said
    texts = LineTexts()
    lines = [NumberedLine(n, "SP", texts.of(line)) for n, line in enumerate(result.lines)]
    assert [line.text for line in lines] == [canonical(line.to_json()) for line in result.lines]
    forms, figures = parted(lines)
    assert joined([form.content for form in forms], figures) == lines
    (behind,) = result.lines[1].determinants
    assert all(behind.prices not in own for own in (figures,))
    assert behind.prices in forms[1].content
    assert "801/125000" in figures


@given(
    st.lists(st.integers(-(10**9), 10**9) | st.sampled_from([0, 5, -(10**20)]), max_size=200),
    st.integers(1, 10**6),
)
def test_prices_come_back_from_their_text(tops: list[int], bottom: int) -> None:
    text = price_text(tops, bottom)
    assert prices_in(text) == [Fraction(top, bottom) for top in tops]
    assert price_text([top * 7 for top in tops], bottom * 7) == text or not any(tops)
    assert text.isascii()
    assert not set('"\\$\x1e\x1f') & set(text)


def test_the_text_of_prices_is_fixed() -> None:
    """It is hashed with every bill: another text would make bills of before stale."""
    assert price_text([10, 12, 12, 12, 5], 1000) == "1000:KAkCGg=="
    assert price_text([200] * 24, 100) == "1:CRc="


def test_a_month_of_hourly_prices_is_small() -> None:
    market = [11_234 + 1_379 * (hour * hour % 97) // 50 for hour in range(744)]
    assert len(price_text(market, 100_000)) < 2_100
    by_period = [5 if hour % 24 < 8 else 9 for hour in range(744)]
    assert len(price_text(by_period, 100)) < 180
