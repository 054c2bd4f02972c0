"""Several money banks that may pay the same charge: none of it is paid twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState, Credit
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

JUNE = DayRange(date(2026, 6, 1), date(2026, 7, 1))
TEXT = """\
tariff: banks
effective: 2020-01-01
zone: UTC
currency: {code: EUR}
determinants: {kwh: {sum: import}, sold: {sum: export}}
charges:
  - {id: energy, qty: kwh, price: 0.10}
  - {id: network, qty: kwh, price: 0.05}
banks:
  one: {earn: sold, price: 0.06, offsets: [energy], when: next_bill}
  two: {earn: sold, price: 0.02, offsets: OFFSETS, when: next_bill}
"""


def rated(one: str, two: str, offsets: str) -> Rated:
    """100 kWh: energy 10.00, network 5.00; with credits of two banks."""
    version = TariffVersion.of(load_tariff(TEXT.replace("OFFSETS", offsets)))
    blocks = {
        "import": blocks_from(
            JUNE, "UTC", 3600, lambda at: 100_000 if at.day == at.hour == 1 else 0
        ),
        "export": blocks_from(JUNE, "UTC", 3600, lambda _: 0, channel_id=2),
    }
    may = date(2026, 5, 1)
    credits_ = (Credit("one", "", may, Fraction(one)), Credit("two", "", may, Fraction(two)))
    opening = CarriedState(credits=credits_)
    return rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), JUNE, opening=opening)


def amounts(bill: Rated) -> list[str]:
    return [str(line.amount) for line in bill.lines]


def left(bill: Rated) -> dict[str, Fraction]:
    return {credit.bank: credit.amount for credit in bill.closing.credits}


def test_the_second_bank_pays_what_the_first_left() -> None:
    bill = rated("8", "8", "[energy]")
    assert amounts(bill) == ["10.00", "5.00", "-8.00", "-2.00"]
    assert left(bill) == {"two": 6}
    assert bill.total == Decimal("5.00")


def test_it_pays_its_other_charges_as_well() -> None:
    bill = rated("8", "8", "[energy, network]")
    assert amounts(bill) == ["10.00", "5.00", "-8.00", "-7.00"]
    assert left(bill) == {"two": 1}
    assert bill.total == 0


def test_banks_of_charges_of_their_own_do_not_meet() -> None:
    bill = rated("20", "3", "[network]")
    assert amounts(bill) == ["10.00", "5.00", "-10.00", "-3.00"]
    assert left(bill) == {"one": 10}


ORDERED = """\
tariff: banks
effective: 2020-01-01
zone: UTC
currency: {code: EUR}
determinants: {kwh: {sum: import}, sold: {sum: export}}
charges: [{id: energy, qty: kwh, price: 0.10}]
banks:
  lasts: {offsets: energy}
  year: {offsets: energy, expires_months: 12}
  settled: {offsets: energy, true_up: {month: 12}}
  paid_out: {offsets: energy, true_up: {month: 12, pay: 1}}
  months: {offsets: energy, expires_months: 3}
  bill: {earn: sold, price: 0.01, offsets: energy, expires: bill}
"""


def order_of(text: str) -> list[str]:
    """The banks by their lines where each has 1.00 to pay 10.00 with."""
    banks = ("lasts", "months", "paid_out", "settled", "year")
    may = date(2026, 5, 1)
    opening = CarriedState(credits=tuple(Credit(bank, "", may, Fraction(1)) for bank in banks))
    blocks = {
        "import": blocks_from(
            JUNE, "UTC", 3600, lambda at: 100_000 if at.day == at.hour == 1 else 0
        ),
        "export": blocks_from(
            JUNE,
            "UTC",
            3600,
            lambda at: 100_000 if at.day == at.hour == 1 else 0,
            channel_id=2,
        ),
    }
    version = TariffVersion.of(load_tariff(text))
    bill = rate(blocks, AgreementFacts(), [version], ResolvedCalendar(), JUNE, opening=opening)
    assert bill.total == Decimal("4.00")
    return [line.id for line in bill.lines if line.kind == "credit"]


def test_banks_pay_in_the_order_in_which_their_credit_lapses() -> None:
    assert order_of(ORDERED) == ["bill", "months", "year", "settled", "lasts", "paid_out"]


def test_banks_pay_as_listed_where_the_tariff_says_so() -> None:
    listed = ["lasts", "year", "settled", "paid_out", "months", "bill"]
    assert order_of(ORDERED + "bank_order: listed\n") == listed
