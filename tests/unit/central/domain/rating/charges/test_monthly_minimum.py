"""A monthly minimum is one of the bill, whatever number of versions share its days."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.billing_cycle import BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from tests.support.months import HEAD, ZONE, amounts, month_of, version
from tests.support.rating import blocks_from

OCTOBER = Cycle.parse("2026-10").period
FLOOR = "minimums: [{id: floor, of: energy, amount: %s}]\n"


def billed(*texts: str, kwh: int = 10, period: BillingPeriod = OCTOBER, of: int = 1) -> Rated:
    """A bill under one version from 2020, and under each of the others from 11, 21 October on."""
    begins = (f"2026-10-{10 * number + 1}" for number in range(1, len(texts)))
    versions = [
        version(text, day) for text, day in zip(texts, ("2020-01-01", *begins), strict=True)
    ]
    days = period.days
    at = days.first
    blocks = blocks_from(
        days, ZONE, 3600, lambda i: kwh * 1000 if (i.date(), i.hour) == (at, 0) else 0
    )
    terms = Terms(tuple(versions), ResolvedCalendar(), days, period)
    meters = [Meter({"import": blocks})] * of
    return rate_many(meters, terms)[0]


@pytest.mark.parametrize("of", [1, 4])
def test_two_versions_of_one_amount_need_it_once(of: int) -> None:
    rated = billed(HEAD + FLOOR % 31, HEAD.replace("price: 1", "price: 2") + FLOOR % 31, of=of)
    assert amounts(rated) == {
        "energy/segment0": "10.00",
        "energy/segment1": "0.00",
        "floor/segment1": "21.00",
    }
    line = rated.lines[-1]
    assert (line.first, line.end) == (OCTOBER.days.first, OCTOBER.days.end)
    assert line.of == ("energy/segment0", "energy/segment1")
    assert line.note == "31 per month"


@pytest.mark.parametrize("of", [1, 4])
def test_each_versions_amount_counts_for_its_days(of: int) -> None:
    # 10 of 31 days of 31, and 21 of 31 days of 62: 10 + 42, less 10.
    rated = billed(HEAD + FLOOR % 31, HEAD + FLOOR % 62, of=of)
    assert amounts(rated)["floor/segment1"] == "42.00"
    assert rated.lines[-1].note == "31 per month for 10 days, 62 per month for 21 days"


def test_use_under_one_version_counts_for_the_minimum_of_both() -> None:
    rated = billed(HEAD + FLOOR % 31, HEAD + FLOOR % 31, kwh=31)
    assert not any(line.id == "floor" for line in rated.lines)


def test_a_minimum_that_a_version_drops_needs_the_days_until_then() -> None:
    rated = billed(HEAD + FLOOR % 62, HEAD, kwh=5)
    # 10 of 31 days of 62, less 5.
    assert amounts(rated)["floor/segment0"] == "15.00"
    again = billed(HEAD + FLOOR % 62, HEAD, HEAD + FLOOR % 62, kwh=5)
    # And 11 days more from 21 October on: 42, less 5.
    assert amounts(again)["floor/segment2"] == "37.00"


def test_a_minimum_that_is_whole_in_a_shortened_period_is_whole_once() -> None:
    whole = "minimums: [{id: floor, of: energy, amount: 31, prorate: none}]\n"
    days = DayRange(date(2026, 10, 6), OCTOBER.days.end)
    blocks = blocks_from(days, ZONE, 3600, lambda _: 0)
    rated = rate(
        {"import": blocks},
        AgreementFacts(),
        [version(HEAD + whole), version(HEAD + whole, "2026-10-11")],
        ResolvedCalendar(),
        days,
        period=OCTOBER,
    )
    assert amounts(rated)["floor/segment1"] == "31.00"


def test_two_months_need_it_twice_and_each_version_for_its_days() -> None:
    period = BillingCycle("bimonthly", date(2026, 9, 1), 2).period_of(date(2026, 9, 1))
    rated = billed(HEAD + FLOOR % 61, HEAD + FLOOR % 122, period=period)
    # 40 of 61 days of 2 x 61, and 21 of 61 of 2 x 122: 80 + 84, less 10.
    assert amounts(rated)["floor/segment1"] == "154.00"


def test_a_bill_that_a_year_cuts_needs_its_month_once() -> None:
    text = HEAD + (
        "minimums: [{id: floor, of: energy, amount: 31},"
        " {id: year, of: energy, amount: 1, per: year, year: contract, begins: 2025-10-15,"
        " ends: date}]\n"
    )
    rated = billed(text)
    assert [line.amount for line in rated.lines if line.id == "floor"] == [21]


def test_a_quantity_in_kw_counts_for_the_days_of_its_segment() -> None:
    text = HEAD.replace("{sum: import}}", "{sum: import}, kw: {max: import, window: 60m}}")
    text += "minimums: [{id: floor, of: energy, amount: 31, qty: kw}]\n"
    seasons = "calendar: {seasons: {summer: 04-01..10-10, winter: rest}}\n"
    kw = {1: 2, 2: 1}
    blocks = blocks_from(
        OCTOBER.days, ZONE, 3600, lambda at: 1000 * kw.get(at.day - 9, 0) * (at.hour == 0)
    )
    rated = rate(
        {"import": blocks},
        AgreementFacts(),
        [version(text + seasons)],
        ResolvedCalendar(),
        OCTOBER.days,
        period=OCTOBER,
    )
    # 2 kW for 10 of 31 days and 1 kW for 21: 20 + 21, less 3 kWh.
    assert amounts(rated)["floor/segment0"] == "38.00"


def test_a_counted_quantity_and_the_lines_of_both_versions_are_those_of_the_bill() -> None:
    text = HEAD + "needs: {seats: seat}\nminimums: [{id: m, of: energy, amount: 31, qty: seats}]\n"
    facts = AgreementFacts(
        (Fact("seats", Decimal(1)), Fact("seats", Decimal(2), OCTOBER.days.first + timedelta(10)))
    )
    rated = rate(
        month_of(10, "2026-10"),
        facts,
        [version(text), version(text, "2026-10-21")],
        ResolvedCalendar(),
        OCTOBER.days,
        period=OCTOBER,
    )
    # 10 days of one seat and 21 of two: 52, less 10.
    assert amounts(rated)["m/segment1"] == "42.00"
