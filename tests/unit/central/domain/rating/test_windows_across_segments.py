"""A rolling window across the border of two segments of one bill is not lost."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

HALF = Fraction(11, 2)
"""A window of which half lies in the high half of an hour before midnight, or after it."""
BILL, BORDER = DayRange(date(2026, 10, 1), date(2026, 11, 1)), date(2026, 10, 16)
TEXT = """\
tariff: rolling
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: 30}
on_change: {demand: %s}
calendar: {periods: {night: [{at: "22:00-%s"}], day: rest}}
determinants:
  kw: {max: import, window: 60m, mode: rolling%s}
charges:
  - {id: standing, price: 3, per: month}
  - {id: demand, qty: kw, price: 10}
"""


def watt_hours(at: datetime) -> int:
    """10 kW from 23:30 on 15 October to 00:30, and 1 kW else."""
    high = at.date() == date(2026, 10, 15) and (at.hour, at.minute) >= (23, 30)
    high |= at.date() == BORDER and (at.hour, at.minute) < (0, 30)
    return 2500 if high else 250


def billed(text: str, *facts: Fact) -> Rated:
    blocks = {"import": blocks_from(BILL, "Europe/Madrid", 900, watt_hours)}
    versions = [TariffVersion.of(load_tariff(text))]
    rated = rate(blocks, AgreementFacts(facts), versions, ResolvedCalendar(), BILL)
    assert not rated.holds
    for line in rated.lines:
        explain(line, blocks)
    return rated


def peaks(rated: Rated, label: str = "") -> list[Fraction]:
    return [
        found.exact for found in rated.determinants if (found.name, found.label) == ("kw", label)
    ]


AGREED = Fact("price.standing", Decimal(4), BORDER)


def test_a_price_that_changes_elsewhere_moves_no_peak_of_the_bill() -> None:
    text = TEXT % ("bill_peak", "06:00", "")
    assert peaks(billed(text)) == [10]
    assert peaks(billed(text, AGREED)) == [10, 10]


@pytest.mark.parametrize(
    ("border", "astride", "night", "day"),
    [
        # The night goes on until 06:00: the window is of one period, and counts where it begins.
        ("06:00", "none", [10, HALF], [1, 1]),
        ("06:00", "first", [10, HALF], [1, 1]),
        ("06:00", "last", [HALF, 10], [1, 1]),
        ("06:00", "each", [10, 10], [1, 1]),
        # At midnight the period changes as well.
        ("24:00", "none", [HALF, 1], [1, HALF]),
        ("24:00", "first", [10, 1], [1, HALF]),
        ("24:00", "last", [HALF, 1], [1, 10]),
        ("24:00", "each", [10, 1], [1, 10]),
    ],
)
def test_a_window_counts_for_the_segment_of_its_period(
    border: str, astride: str, night: list[Fraction], day: list[Fraction]
) -> None:
    text = TEXT % ("segment_peak_days_share", border, f", by: period, astride: {astride}")
    rated = billed(text, AGREED)
    assert peaks(rated, "night") == night
    assert peaks(rated, "day") == day


@pytest.mark.parametrize(
    ("astride", "first", "second"),
    [("first", 10, HALF), ("last", HALF, 10), ("each", 10, HALF)],
)
def test_a_peak_of_a_day_is_of_one_day(astride: str, first: Fraction, second: Fraction) -> None:
    """The highest day's peak: a window from one day into the next is a peak of one of them."""
    text = TEXT % (
        "segment_peak_days_share",
        "06:00",
        f", by: period, astride: {astride}, mean_of: 1",
    )
    assert peaks(billed(text, AGREED), "night") == [first, second]


def test_a_version_that_measures_otherwise_is_not_crossed_into() -> None:
    text = TEXT % ("segment_peak_days_share", "06:00", "")
    other = text.replace("2020-01-01", BORDER.isoformat()).replace("60m", "30m")
    blocks = {"import": blocks_from(BILL, "Europe/Madrid", 900, watt_hours)}
    versions = [TariffVersion.of(load_tariff(said)) for said in (text, other)]
    rated = rate(blocks, AgreementFacts(), versions, ResolvedCalendar(), BILL)
    assert peaks(rated) == [HALF, 10]
