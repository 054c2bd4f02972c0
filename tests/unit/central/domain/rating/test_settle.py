"""A settlement without days comes to what a final part of days would have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.account_periods import AccountPeriods
from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    Origin,
    Peak,
    YearSum,
)
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.rating.settle import settle
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.state_rules import Owner
from tests.support.months import HEAD, amounts, month_of, version

OCTOBER = Cycle.parse("2026-10").period
SEPTEMBER, AUGUST = date(2026, 9, 1), date(2026, 8, 1)
LAST = DayRange(date(2026, 10, 31), date(2026, 11, 1))
NO_FACTS = AgreementFacts()
FINAL = PartEnding(final=True)
NET = HEAD.replace("{kwh: {sum: import}}", "{kwh: {sum: import, bank: solar, netting: month}}")
KW = HEAD.replace("{sum: import}}", "{sum: import}, kw: {max: import, window: 60m}}")
SEATS = HEAD.replace("[{", "[{id: seats, price: 30, per: month, in_advance: true}, {")
YEAR = HEAD.replace("import}", "import, side: use, netting: year, begins: 2026-07-01}")
ENERGY = CarriedState(credits=(Credit("solar", "", SEPTEMBER, Fraction("595.2")),))
TERM = "commitments: [{id: c, of: energy, amount: 1200, per: term, begins: 2026-08-01, months: "
TAXED = "taxes: [{id: vat, percent: 10, of: all, point: interval}]\n"


def october(
    text: str, opening: CarriedState, ending: PartEnding, facts: AgreementFacts = NO_FACTS
) -> Rated:
    return rate(
        month_of(10, "2026-10"),
        facts,
        [version(text)],
        ResolvedCalendar(),
        OCTOBER.days,
        period=OCTOBER,
        ending=ending,
        opening=opening,
    )


def settled(
    text: str,
    state: CarriedState,
    grants: tuple[Grant, ...] = (),
    ending: PartEnding = FINAL,
    facts: AgreementFacts = NO_FACTS,
) -> Rated:
    period = AccountPeriods({}, {}).cut_to(1, LAST)
    assert period is not None
    calendar = ResolvedCalendar()
    return settle(state, facts, [version(text)], calendar, LAST, period, ending, grants)


def summed(identifier: str, since: date = AUGUST) -> CarriedState:
    return CarriedState(sums=(YearSum(identifier, Decimal(100), Origin(since)),))


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        (NET + "banks: {solar: {unit: kWh}}\n", ENERGY),
        (NET + "banks: {solar: {unit: kWh, true_up: {month: 4, pay: 0.05}}}\n", ENERGY),
        (NET + "banks: {solar: {unit: kWh, true_up: {month: 10, pay: 0.05}}}\n", ENERGY),
        (
            HEAD + "banks: {wallet: {offsets: energy, at_end: {pay: 0.5}}}\n",
            CarriedState(credits=(Credit("wallet", "", SEPTEMBER, Fraction(30)),)),
        ),
        (
            HEAD + "settlement: [prepaid]\n",
            CarriedState(credits=(Credit("prepaid", "", SEPTEMBER, Fraction(30)),)),
        ),
        (HEAD + "settlement: [budget_billing]\n" + TAXED, summed("budget_billing")),
        (HEAD + TERM + "12, share: days}]\n" + TAXED, summed("c")),
        (KW + TERM + "12, share: days, qty: kw}]\n", summed("c")),
        (KW + "minimums: [{id: m, of: energy, amount: 365, per: year, qty: kw}]\n", summed("m")),
        (HEAD + TERM + "3, share: days}]\n", summed("c")),
        (HEAD + TERM + "3, share: days, shortfall: carry}]\n" + TAXED, summed("c")),
        (HEAD + "commitments: [{id: c, of: energy, amount: 50, per: month}]\n", CarriedState()),
        (
            HEAD
            + "commitments: [{id: c, of: energy, amount: 5000, per: month, shortfall: carry}]\n",
            CarriedState(),
        ),
        (HEAD + "minimums: [{id: m, of: energy, amount: 3650, per: year}]\n" + TAXED, summed("m")),
        (
            HEAD + "minimums: [{id: m, of: energy, amount: 3650, per: year, year_end: 10}]\n",
            summed("m"),
        ),
        (SEATS + TAXED, CarriedState()),
        (SEATS.replace("30,", "30, prorate: none,"), CarriedState()),
        (YEAR, CarriedState()),
        (
            KW + "state: {kw: {months: 12}}\n",
            CarriedState((Peak("kw", "", SEPTEMBER, Fraction(80)),)),
        ),
    ],
)
def test_it_comes_to_what_a_final_part_would_have(text: str, opening: CarriedState) -> None:
    in_time = october(text, opening, FINAL)
    late = october(text, opening, PartEnding())
    rest = settled(text, CarriedState.from_json(late.closing.to_json()))
    assert (in_time.holds, late.holds, rest.holds) == ((), (), ())
    assert late.total + rest.total == in_time.total
    assert (in_time.closing, rest.closing) == (CarriedState(), CarriedState())
    assert len(amounts(rest)) >= len(late.closing.to_settle)


def test_a_fact_counts_as_on_the_last_bill_and_not_as_on_its_last_day() -> None:
    text = HEAD + "needs: {kw: number}\n"
    text += "minimums: [{id: m, of: energy, amount: 100, per: year, qty: kw, share: days}]\n"
    kw = (Fact("kw", Decimal(5)), Fact("kw", Decimal(36), date(2026, 10, 31)))
    facts = AgreementFacts(kw)
    in_time = october(text, summed("m"), FINAL, facts)
    late = october(text, summed("m"), PartEnding(), facts)
    rest = settled(text, CarriedState.from_json(late.closing.to_json()), facts=facts)
    # 30 days of 5 and one of 36 are 6 kW: 600.00 x 92 / 365, less 100.00 and 10.00.
    assert (amounts(in_time)["m"], amounts(rest)["m"]) == ("41.23", "41.23")


def test_what_has_nothing_to_settle_stands_on_a_line_of_zero() -> None:
    text = HEAD + "minimums: [{id: m, of: energy, amount: 1, per: year}]\n"
    (line,) = settled(text, summed("m")).lines
    assert (line.id, str(line.amount), line.note) == ("m-settlement", "0.00", "nothing to settle")


def test_a_year_that_counts_no_day_leaves_nothing() -> None:
    over = CarriedState(sums=(YearSum("m", Decimal(0), Origin(LAST.end, LAST.end)),))
    assert over.to_settle == ()
    assert (
        settled(HEAD + "minimums: [{id: m, of: energy, amount: 9, per: year}]\n", over).total == 0
    )


def test_money_that_came_after_the_last_bill_is_paid_back() -> None:
    paid = Grant("prepaid", LAST.end, Decimal(20))
    rest = settled(HEAD + "settlement: [prepaid]\n", CarriedState(), (paid,))
    assert amounts(rest) == {"prepaid-settlement": "-20.00"}


def test_money_that_came_to_an_account_that_stays_goes_on_with_it() -> None:
    paid = Grant("prepaid", LAST.end, Decimal(20))
    stays = PartEnding(final=True, account_stays=True)
    rest = settled(HEAD + "settlement: [prepaid]\n", CarriedState(), (paid,), stays)
    (credit,) = rest.closing.credits
    assert (credit.amount, credit.origin.owner) == (Fraction(20), Owner.ACCOUNT)
    assert rest.lines == ()


def test_a_quantity_that_no_bill_kept_is_held_until_it_is_said() -> None:
    text = KW + "minimums: [{id: m, of: energy, amount: 365, per: year, qty: kw}]\n"
    (hold,) = settled(text, summed("m")).holds
    assert hold.code == "NO_QUANTITY"
    assert "agreement fact ACCOUNT POINT kw VALUE --from 2026-10-31" in hold.message
    said = settled(text, summed("m"), facts=AgreementFacts.of(kw=Decimal(10)))
    assert amounts(said) == {"m": "820.00"}


def test_rules_that_nobody_knows_hold_it() -> None:
    period = AccountPeriods({}, {}).cut_to(1, LAST)
    assert period is not None
    rated = settle(ENERGY, AgreementFacts(), (), ResolvedCalendar(), LAST, period, FINAL)
    assert [hold.code for hold in rated.holds] == ["NO_TARIFF_VERSION"]
