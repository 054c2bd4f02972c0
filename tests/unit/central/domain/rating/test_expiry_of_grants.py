"""Money with a day of its own on which it lapses: used first, and lapsed on the bill behind."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import CarriedState, Credit
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.settle import settle
from central.domain.tariff.calendar import ResolvedCalendar
from tests.support.months import HEAD, amounts, bills, version

PREPAID = HEAD + "settlement: [prepaid]\n"
GIFT = HEAD + "banks: {gift: {unit: money, offsets: energy%s}}\n"
JANUARY = date(2026, 1, 5)


def granted(amount: int, expires: date, day: date = JANUARY, bank: str = "prepaid") -> Grant:
    return Grant(bank, day, Decimal(amount), expires)


def notes(text: str, months: dict[str, int], *grants: Grant) -> list[str]:
    return [bill.lines[-1].note for bill in bills(text, months, grants=grants)]


def test_money_pays_every_bill_that_begins_before_its_day_and_then_lapses_on_a_line() -> None:
    found = bills(
        PREPAID,
        {"2026-01": 10, "2026-02": 20, "2026-03": 30},
        grants=[granted(50, date(2026, 2, 10))],
    )
    assert [amounts(bill)["prepaid"] for bill in found] == ["-10.00", "-20.00", "0.00"]
    assert [bill.total for bill in found] == [0, 0, 30]
    assert [bill.lines[-1].note for bill in found] == [
        "paid in 50.00, drawn 10.00, left 40.00 EUR, of it 40.00 lapses on 2026-02-10",
        "paid in 0.00, drawn 20.00, left 20.00 EUR, of it 20.00 lapses on 2026-02-10",
        "expired 20.00, paid in 0.00, drawn 0.00, left 0.00 EUR",
    ]
    assert found[2].expired == {"prepaid": 20}
    assert not found[2].closing.credits


def test_a_bill_that_begins_on_the_day_is_not_paid() -> None:
    (note,) = notes(PREPAID, {"2026-02": 20}, granted(50, date(2026, 2, 1), date(2026, 2, 1)))
    assert note == "expired 50.00, paid in 50.00, drawn 0.00, left 0.00 EUR"


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        # What never lapses comes last, and of two days the earlier one first.
        ("", "left 90.00 EUR, of it 40.00 lapses on 2027-01-01"),
        # The bank's 2 months end on 1 March, before 2027 and behind 15 February.
        (", expires_months: 2", "left 90.00 EUR, of it 50.00 lapses on 2027-01-01"),
    ],
)
def test_what_lapses_first_is_used_first(rule: str, left: str) -> None:
    grants = (
        Grant("gift", JANUARY, Decimal(50)),
        granted(50, date(2027, 1, 1), bank="gift"),
        granted(30, date(2026, 2, 15), date(2026, 1, 20), "gift"),
    )
    (note,) = notes(GIFT % rule, {"2026-01": 40}, *grants)
    assert note == f"granted 130.00, earned 0.00, used 40.00, {left}"


def test_a_day_of_its_own_takes_the_place_of_the_banks_months() -> None:
    months = {"2026-01": 0, "2026-02": 0, "2026-03": 20}
    grants = (Grant("gift", JANUARY, Decimal(7)), granted(15, date(2026, 6, 1), bank="gift"))
    found = bills(GIFT % ", expires_months: 1", months, grants=grants)
    assert [amounts(bill).get("gift") for bill in found] == ["0.00", "0.00", "-15.00"]
    assert found[1].lines[-1].note.startswith("expired 7.00, ")
    found = bills(GIFT % ", expires: bill", months, grants=grants)
    assert found[0].lines[-1].note.startswith("expired 7.00, granted 22.00")
    assert amounts(found[2])["gift"] == "-15.00"


def test_the_state_says_the_day_and_old_ones_say_none() -> None:
    dated = Credit("gift", "", JANUARY.replace(day=1), Fraction(3), expires=date(2026, 6, 1))
    plain = Credit("gift", "", JANUARY.replace(day=1), Fraction(3))
    state = CarriedState(credits=(dated, plain))
    written = state.to_json()["credits"]
    assert written[0] == ["gift", "", "2026-01-01", "3", None, None, "occupancy", "2026-06-01"]
    assert written[1] == ["gift", "", "2026-01-01", "3"]
    assert CarriedState.from_json(state.to_json()) == state


def test_the_day_is_part_of_what_went_in() -> None:
    plain = Grant("prepaid", JANUARY, Decimal(50))
    hashes = {
        bills(PREPAID, {"2026-01": 10}, grants=[grant])[0].input_sha256
        for grant in (plain, granted(50, date(2026, 2, 1)), granted(50, date(2026, 2, 2)))
    }
    assert len(hashes) == 3


def settled(text: str, expires: date) -> Rated:
    """What 20 that stay and 30 that lapse on a day come to behind the last bill of January."""
    january = JANUARY.replace(day=1)
    bank = "prepaid" if "prepaid" in text else "gift"
    credits_ = (
        Credit(bank, "", january, Fraction(20)),
        Credit(bank, "", january, Fraction(30), expires=expires),
    )
    last = DayRange(date(2026, 1, 31), date(2026, 2, 1))
    return settle(
        CarriedState(credits=credits_),
        AgreementFacts(),
        [version(text)],
        ResolvedCalendar(),
        last,
        Cycle.parse("2026-01").period,
        PartEnding(final=True),
    )


@pytest.mark.parametrize(
    ("expires", "amount", "note"),
    [
        # On the last day that is billed it has lapsed: nobody is paid back what was lost.
        (date(2026, 1, 31), "-20.00", "paid back at the end, 30.00 expired"),
        (date(2026, 2, 1), "-50.00", "paid back at the end"),
    ],
)
def test_at_the_end_what_has_lapsed_is_not_paid_back(expires: date, amount: str, note: str) -> None:
    rated = settled(PREPAID, expires)
    (line,) = rated.lines
    assert (f"{line.amount}", line.note) == (amount, note)
    assert not rated.closing.credits


def test_a_bank_shares_what_has_not_lapsed() -> None:
    rated = settled(GIFT % ", at_end: {pay: 0.5}", date(2026, 1, 31))
    (line,) = rated.lines
    assert f"{line.amount}" == "-10.00"
    assert line.note == "at the end 10.00 paid out, 40.00 expired"
    assert rated.expired == {"gift": 40}
