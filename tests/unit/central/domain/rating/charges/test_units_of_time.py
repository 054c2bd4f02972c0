"""A price per year by days: each day is 1/365 of its calendar year, or 1/366 of a leap year."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.rating.bill_lines.line import RatedLine
from central.domain.rating.charges.units_of_time import UNITS, ByDays
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.grammar.charges import CHARGE
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import TariffVersion

HEAD = """\
tariff: years
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 4}
cycle: {normal_days: 30}
needs: {contracted: kW}
"""


def lines_of(charge: str, first: date, end: date, *facts: Fact) -> list[RatedLine]:
    version = TariffVersion.of(load_tariff(f"{HEAD}charges: [{charge}]\n"))
    given = AgreementFacts(facts)
    bill = rate({}, given, [version], ResolvedCalendar(), DayRange(first, end))
    assert not bill.holds
    return list(bill.lines)


def amount_of(charge: str, first: date, end: date, *facts: Fact) -> Decimal:
    return sum((line.amount for line in lines_of(charge, first, end, *facts)), Decimal(0))


def test_every_unit_that_the_grammar_lists_can_be_counted() -> None:
    (per,) = (row for row in CHARGE.rows if row.key == "per")
    assert set(per.kind.schema["enum"]) == set(UNITS)


@pytest.mark.parametrize("year", [2026, 2028, 2100])
def test_a_calendar_year_is_charged_once(year: int) -> None:
    first, end = date(year, 1, 1), date(year + 1, 1, 1)
    assert amount_of("{id: a, price: 73, per: year_by_days}", first, end) == 73


def test_a_bill_over_the_new_year_counts_each_day_by_its_own_year() -> None:
    (line,) = lines_of(
        "{id: a, price: 1000, per: year_by_days}", date(2027, 12, 17), date(2028, 1, 17)
    )
    assert line.amount == Decimal("84.8117")  # 1000 x (15/365 + 16/366)
    assert line.note == "(15/365 + 16/366) year"


def test_a_period_is_charged_as_its_days_are() -> None:
    unit = UNITS["year_by_days"]
    assert isinstance(unit, ByDays)
    first, end = date(2027, 11, 20), date(2028, 3, 9)
    days = DayRange(first, end)
    single = [DayRange(day, day + timedelta(days=1)) for day in days.days()]
    assert sum(map(unit.count, single), Fraction(0)) == unit.count(days)
    for cut in days.days()[1:]:
        parts = (DayRange(first, cut), DayRange(cut, end))
        assert sum(map(unit.count, parts), Fraction(0)) == unit.count(days)


def test_a_fact_that_changes_weighs_each_day_by_its_own_year() -> None:
    facts = (Fact("contracted", Decimal(4)), Fact("contracted", Decimal(6), date(2028, 1, 1)))
    charge = "{id: a, qty: contracted, price: 1000, per: year_by_days}"
    amount = amount_of(charge, date(2027, 12, 17), date(2028, 1, 17), *facts)
    exact = 1000 * (Fraction(4 * 15, 365) + Fraction(6 * 16, 366))
    assert amount == round(Decimal(exact.numerator) / Decimal(exact.denominator), 4)


def test_a_shortened_period_is_charged_for_its_days_and_not_by_twelfths() -> None:
    first, end = date(2026, 2, 1), date(2026, 2, 11)
    assert amount_of("{id: a, price: 73, per: year_by_days}", first, end) == 2
    assert amount_of("{id: a, price: 73, per: year}", first, end) == Decimal("6.0833")


def test_a_price_by_days_is_never_charged_whole() -> None:
    charge = "{id: a, price: 1, per: year_by_days, prorate: none}"
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(f"{HEAD}charges: [{charge}]\n")
    assert [(found.code, found.line, found.path) for found in caught.value.findings] == [
        (Code.CONFLICT, 7, "charges[0].prorate")
    ]
