"""A charge that a fact lets apply is charged for the days on which it does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))
TARIFF = """\
tariff: flags
effective: 2026-01-01
zone: UTC
currency: {code: EUR}
cycle: {normal_days: 30}
needs: {exempt: bool, lit: bool}
determinants: {kwh: {sum: import}, kw: {max: import, window: 60m}}
charges:
  - {id: standing, price: 30, per: month}
  - {id: energy, qty: kwh, price: 0.10}
  - {id: demand, qty: kw, price: 3}
  - {id: lighting, price: 1, per: day, only: lit}
riders: [{id: levy, percent: 10, of: energy, unless: exempt}]
minimums: [{id: least, of: all, amount: 200, per: month}]
taxes: [{id: vat, percent: 21, of: all, unless: exempt, point: interval}]
"""


def rated(*changes: tuple[str, bool, date], more: str = "") -> Rated:
    version = TariffVersion.of(load_tariff(TARIFF + more))
    blocks = {"import": blocks_from(JUNE, "UTC", 3600, lambda _: 1000)}
    known = [Fact("exempt", False), Fact("lit", True)]
    facts = AgreementFacts((*known, *(Fact(*change) for change in changes)))
    alone = rate(blocks, facts, [version], ResolvedCalendar(), JUNE)
    terms = Terms((version,), ResolvedCalendar(), JUNE, BillingPeriod.month(JUNE))
    for together in rate_many([Meter(blocks, facts, CarriedState())] * 5, terms):
        assert together == alone
    assert not alone.holds
    return alone


def of(bill: Rated, *names: str) -> dict[str, list[Decimal]]:
    return {name: [line.amount for line in bill.lines if line.id == name] for name in names}


def test_an_exemption_inside_a_bill_is_for_its_days() -> None:
    # 10 days are taxed: 24 kWh a day at 0.10 and 10 % of it, 10.00 of the standing charge, 1.00 of
    # demand, 10.00 of lighting.
    bill = rated(("exempt", True, date(2026, 6, 11)))
    assert of(bill, "levy", "vat") == {"levy": [Decimal("2.40")], "vat": [Decimal("9.95")]}
    assert of(bill, "standing", "energy", "demand") == {
        "standing": [Decimal(10), Decimal(20)],
        "energy": [Decimal(24), Decimal(48)],
        "demand": [Decimal(1), Decimal(2)],
    }


def test_a_fact_that_changes_as_a_season_does_is_for_its_days() -> None:
    change = ("exempt", True, date(2026, 6, 11))
    seasons = 'calendar: {seasons: {summer: "06-11..09-30", winter: rest}}\n'
    bill = rated(change, more=seasons)
    assert of(bill, "levy", "vat") == {"levy": [Decimal("2.40")], "vat": [Decimal("9.95")]}
    assert bill.total == rated(change).total


def test_a_charge_that_begins_inside_a_bill_is_for_its_days() -> None:
    bill = rated(("lit", False, date(2026, 6, 11)), ("lit", True, date(2026, 6, 21)))
    assert of(bill, "lighting") == {"lighting": [Decimal(10), Decimal(10)]}


def test_a_minimum_is_that_of_the_whole_bill() -> None:
    plain = rated()
    assert of(plain, "standing", "energy", "demand", "lighting", "levy", "least") == {
        "standing": [Decimal(30)],
        "energy": [Decimal(72)],
        "demand": [Decimal(3)],
        "lighting": [Decimal(30)],
        "levy": [Decimal("7.20")],
        "least": [Decimal("57.80")],
    }
    exempt = rated(("exempt", True, date(2026, 6, 11)))
    assert sum(of(exempt, "least")["least"]) == Decimal("62.60")


def test_what_says_the_same_again_changes_nothing() -> None:
    assert rated(("exempt", False, date(2026, 6, 11))).lines == rated().lines


CONDITIONS = """\
tariff: flags
effective: 2026-01-01
zone: UTC
currency: {code: EUR}
cycle: {normal_days: cycle}
needs: {exempt: bool, lit: bool}
determinants: {kwh: {sum: import}}
charges: [{id: energy, qty: kwh, price: 0.10}]
riders: [{id: levy, percent: 10, of: energy, only: lit}]
minimums:
  - {id: least, of: energy, amount: 300, per: month, unless: exempt}
  - {id: year, of: energy, amount: 2000, per: year, year_end: 6, share: none, only: lit}
commitments: [{id: agreed, of: energy, amount: 500, per: month, only: lit}]
taxes: [{id: vat, percent: 20, of: energy, only: lit, point: interval}]
"""


def conditioned(*changes: tuple[str, bool, date]) -> Rated:
    version = TariffVersion.of(load_tariff(CONDITIONS))
    blocks = {"import": blocks_from(JUNE, "UTC", 3600, lambda _: 1000)}
    known = [Fact("exempt", False), Fact("lit", True)]
    facts = AgreementFacts((*known, *(Fact(*change) for change in changes)))
    bill = rate(blocks, facts, [version], ResolvedCalendar(), JUNE)
    assert not bill.holds
    return bill


def test_a_monthly_minimum_is_for_the_days_on_which_it_applies() -> None:
    # 10 of 30 days: 300 x 10/30 = 100.00, less the 24.00 of those days.
    bill = conditioned(("exempt", True, date(2026, 6, 11)))
    assert of(bill, "least") == {"least": [Decimal("76.00")]}
    # From the 11th on: 200.00 less 48.00.
    bill = conditioned(("exempt", True, date(2026, 1, 1)), ("exempt", False, date(2026, 6, 11)))
    assert of(bill, "least") == {"least": [Decimal("152.00")]}
    assert of(conditioned(("exempt", True, date(2026, 1, 1))), "least") == {"least": []}


def test_taxes_and_percents_may_need_a_fact() -> None:
    bill = conditioned(("lit", False, date(2026, 6, 11)))
    assert of(bill, "levy", "vat") == {"levy": [Decimal("2.40")], "vat": [Decimal("4.80")]}


def test_the_last_day_says_whether_a_year_or_term_needs_its_amount() -> None:
    bill = conditioned()
    assert of(bill, "year", "agreed") == {
        "year": [Decimal("1928.00")],
        "agreed": [Decimal("428.00")],
    }
    bill = conditioned(("lit", False, date(2026, 6, 30)))
    assert of(bill, "year", "agreed") == {"year": [], "agreed": []}
    assert not bill.closing.sum_of("year")
