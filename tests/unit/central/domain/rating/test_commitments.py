"""Commitments, granted and prepaid money, agreed prices and levelled bills, from month to month."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.billing_period import BillingPeriod, WholeMonths
from central.domain.rating.inputs.carried_state import CarriedState, MonthTotal, YearSum
from central.domain.rating.inputs.grant import Grant
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from tests.support.months import HEAD, ZONE, amounts, bills, codes, version
from tests.support.rating import blocks_from

QUARTER = {"2026-01": 100, "2026-02": 100, "2026-03": 50}


def commitment(text: str) -> str:
    return HEAD + f"commitments: [{{id: c, of: energy, amount: 300, {text}}}]\n"


def test_a_shortfall_is_charged_on_the_bill_that_ends_the_term_and_no_other() -> None:
    text = commitment("per: term, months: 3, begins: 2026-01-01")
    found = bills(text, QUARTER | {"2026-04": 10})
    assert [amounts(bill).get("c") for bill in found] == [None, None, "50.00", None]
    assert [bill.closing.sum_of("c") for bill in found] == [100, 200, 0, 10]


def test_a_shortfall_that_is_carried_is_charged_never_and_counts_in_the_next_term() -> None:
    text = commitment("per: term, months: 3, begins: 2026-01-01, shortfall: carry")
    found = bills(text, QUARTER | {"2026-04": 10})
    assert not any("c" in amounts(bill) for bill in found)
    assert [bill.closing.sum_of("c") for bill in found] == [100, 200, -50, -40]


def test_what_exceeds_a_commitment_lapses_or_counts_in_the_next_term() -> None:
    for excess, left in (("lapse", 0), ("carry", 60)):
        text = commitment(f"per: term, months: 3, begins: 2026-01-01, excess: {excess}")
        found = bills(text, QUARTER | {"2026-03": 160})
        assert "c" not in amounts(found[-1])
        assert found[-1].closing.sum_of("c") == left


def test_bills_before_the_term_do_not_count_and_a_fact_may_say_when_it_begins() -> None:
    text = commitment("per: term, months: 2, begins: since") + "needs: {since: text}\n"
    found = bills(text, QUARTER, AgreementFacts.of(since="2026-02-01"))
    assert [amounts(bill).get("c") for bill in found] == [None, None, "150.00"]
    assert codes(bills(text, QUARTER, AgreementFacts.of(since="soon"))[0]) == ["MISSING_FACT"]
    assert codes(bills(text, QUARTER)[0]) == ["MISSING_FACT"]


def test_a_term_that_begins_inside_a_month_ends_on_the_bill_that_holds_its_last_day() -> None:
    text = commitment("per: term, months: 1, begins: 2026-01-31")
    found = bills(text, QUARTER)
    # 31 January to 27 February, then to 30 March: months that are shorter take their last day.
    assert [amounts(bill).get("c") for bill in found] == [None, "100.00", "250.00"]


def test_a_yearly_commitment_ends_with_its_month_and_a_monthly_one_with_each() -> None:
    found = bills(commitment("per: year, year_end: 2"), QUARTER)
    assert [amounts(bill).get("c") for bill in found] == [None, "100.00", None]
    monthly = bills(commitment("per: month"), QUARTER)
    assert [amounts(bill)["c"] for bill in monthly] == ["200.00", "200.00", "250.00"]


@pytest.mark.parametrize(
    ("share", "needed"),
    # From 15 March to 30 April: 17 of 31 days and a month, or 47 of 61 days of two months.
    [("none", "600.00"), ("months", "464.52"), ("days", "462.30")],
)
def test_a_monthly_commitment_needs_the_share_of_a_part_that_it_names(
    share: str, needed: str
) -> None:
    text = commitment(f"per: month, share: {share}")
    own = DayRange(date(2026, 3, 1), date(2026, 5, 1))
    days = DayRange(date(2026, 3, 15), own.end)
    period = BillingPeriod("two", days, 2, own.end, (WholeMonths(own, 2),))
    nothing = {"import": blocks_from(days, ZONE, 3600, lambda _: 0)}
    rated = rate(
        nothing, AgreementFacts(), [version(text)], ResolvedCalendar(), days, period=period
    )
    assert amounts(rated)["c"] == needed
    whole = bills(text, {"2026-03": 0})[0]
    assert amounts(whole)["c"] == "300.00"


def test_a_version_that_changes_on_the_last_bill_counts_both_parts() -> None:
    text = commitment("per: month") + "riders: [{id: levy, price: 0.5, qty: kwh}]\n"
    override = AgreementFacts((Fact("price.levy", Decimal(2), date(2026, 1, 11)),))
    found = bills(text, {"2026-01": 100}, override)[0]
    assert amounts(found)["c/segment1"] == "200.00"


def test_a_balance_paid_in_is_drawn_down_oldest_first_and_what_is_too_old_lapses() -> None:
    text = HEAD + "settlement: [{prepaid: {expires_months: 2}}]\n"
    grants = [
        Grant("prepaid", date(2026, 1, 5), Decimal(130)),
        Grant("prepaid", date(2026, 2, 28), Decimal(20)),
        Grant("prepaid", date(2026, 2, 1), Decimal("60.50")),
    ]
    found = bills(text, QUARTER, grants=grants)
    assert [amounts(bill).get("prepaid") for bill in found] == ["-100.00", "-100.00", "-10.50"]
    assert [bill.total for bill in found] == [0, 0, Decimal("39.50")]
    assert found[0].lines[-1].kind == "settlement"
    late = bills(text, {"2026-01": 100, "2026-02": 0, "2026-03": 50}, grants=grants[:1])
    assert [amounts(bill).get("prepaid") for bill in late] == ["-100.00", None, "0.00"]
    assert late[2].lines[-1].note.startswith("expired 30.00, ")


def test_money_for_a_bank_that_the_tariff_does_not_have_holds_the_bill() -> None:
    grants = [Grant("gift", date(2026, 1, 5), Decimal(1))]
    assert codes(bills(HEAD, {"2026-01": 100}, grants=grants)[0]) == ["UNKNOWN_BANK"]
    assert not bills(HEAD, {"2026-02": 100}, grants=grants)[0].holds


def test_a_grant_changes_the_hash_of_what_went_in_and_only_where_there_is_one() -> None:
    text = HEAD + "banks: {gift: {unit: money, offsets: energy}}\n"
    plain, same, granted = (
        bills(text, {"2026-01": 100}, grants=grants)[0]
        for grants in ([], [], [Grant("gift", date(2026, 1, 5), Decimal(30))])
    )
    assert amounts(granted)["gift"] == "-30.00"
    assert plain.input_sha256 == same.input_sha256 != granted.input_sha256


BUDGET = HEAD + "settlement: [{budget_billing: {months: 3, settle_up: 4, only: levelled}}]\n"
BUDGET += "needs: {levelled: bool}\n"


def test_levelled_bills_defer_the_difference_and_settle_it_once_a_year() -> None:
    use = {"2026-01": 90, "2026-02": 30, "2026-03": 120, "2026-04": 60, "2026-05": 0}
    found = bills(BUDGET, use, AgreementFacts.of(levelled=True))
    # 90; (90 + 30) / 2 = 60; (90 + 30 + 120) / 3 = 80; settled; (120 + 60 + 0) / 3 = 60.
    assert [bill.total for bill in found] == [90, 60, 80, 70, 60]
    deferred = [bill.closing.sum_of("budget_billing") for bill in found]
    assert deferred == [0, -30, 10, 0, -60]
    assert sum(bill.total for bill in found[:4]) == sum(list(use.values())[:4])
    assert [total.amount for total in found[-1].closing.totals] == [120, 60, 0]


def test_whoever_leaves_the_plan_settles_at_once_and_keeps_the_history() -> None:
    facts = AgreementFacts((Fact("levelled", True), Fact("levelled", False, date(2026, 3, 1))))
    found = bills(BUDGET, {"2026-01": 90, "2026-02": 30, "2026-03": 50}, facts)
    assert [bill.total for bill in found] == [90, 60, 20]
    assert found[-1].closing.sum_of("budget_billing") == 0
    assert len(found[-1].closing.totals) == 3
    assert "budget_billing" not in amounts(
        bills(BUDGET, {"2026-01": 5}, AgreementFacts.of(levelled=False))[0]
    )


def test_settlements_act_in_the_order_of_the_tariff() -> None:
    opening = CarriedState(
        sums=(YearSum("budget_billing", Decimal(0)),),
        totals=(MonthTotal(date(2026, 1, 1), Decimal(50)),),
    )
    totals = {}
    for order in ("[prepaid, budget_billing]", "[budget_billing, prepaid]"):
        text = HEAD + f"settlement: {order}\n"
        grants = [Grant("prepaid", date(2026, 2, 1), Decimal(40))]
        found = bills(text, {"2026-02": 100}, opening=opening, grants=grants)[0]
        totals[order] = list(amounts(found).values())[1:]
    assert totals["[prepaid, budget_billing]"] == ["-40.00", "-5.00"]
    assert totals["[budget_billing, prepaid]"] == ["-25.00", "-40.00"]


def test_an_agreed_price_replaces_steps_and_ends_with_the_word_tariff() -> None:
    text = HEAD.replace("price: 1}", "steps: [{to: 10, price: 9}, {to: null, price: 5}]}")
    facts = AgreementFacts(
        (
            Fact("price.energy", Decimal("0.5"), date(2026, 1, 1)),
            Fact("price.energy", "tariff", date(2026, 2, 1)),
        )
    )
    first, second = bills(text, {"2026-01": 100, "2026-02": 100}, facts)
    assert amounts(first) == {"energy": "50.00"}
    assert first.lines[0].name == "energy, agreed price"
    assert amounts(second) == {"energy/tier1": "90.00", "energy/tier2": "450.00"}
    assert first.lines[0].tariff_sha256 == second.lines[0].tariff_sha256
    assert first.input_sha256 != second.input_sha256


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"price.enregy": Decimal(1)}, "UNKNOWN_OVERRIDE"),
        ({"discount.vat": Decimal(1)}, "UNKNOWN_OVERRIDE"),
        ({"price.energy": "cheap"}, "BAD_OVERRIDE"),
        ({"price.energy.P9": Decimal(1)}, "BAD_OVERRIDE"),
    ],
)
def test_an_override_that_fits_nothing_holds_the_bill(
    facts: dict[str, Decimal | str], code: str
) -> None:
    assert codes(bills(HEAD, {"2026-01": 1}, AgreementFacts.of(**facts))[0]) == [code]


def test_one_price_is_not_agreed_for_what_has_a_price_per_interval() -> None:
    text = HEAD.replace("qty: kwh, price: 1", "qty: import, times: spot")
    text += "series: {spot: {price: P}}\n"
    found = bills(text, {"2026-01": 1}, AgreementFacts.of(**{"price.energy": Decimal(1)}))[0]
    assert codes(found) == ["BAD_OVERRIDE"]


def test_a_discount_stands_on_its_own_line_and_taxes_rest_on_it() -> None:
    text = HEAD + "riders: [{id: levy, percent: 10, of: energy}]\n"
    text += "minimums: [{id: floor, of: energy, amount: 85}]\n"
    text += "taxes: [{id: vat, percent: 20, of: [energy, levy], point: interval}]\n"
    facts = AgreementFacts.of(**{"discount.energy": Decimal(20), "discount.levy": Decimal(50)})
    found = bills(text, {"2026-01": 100}, facts)[0]
    assert amounts(found) == {
        "energy": "100.00",
        "energy_discount": "-20.00",
        "levy": "8.00",
        "levy_discount": "-4.00",
        "floor": "5.00",
        "vat": "16.80",
    }


def test_a_discount_on_all_leaves_what_has_one_of_its_own() -> None:
    text = HEAD + "riders: [{id: levy, percent: 10, of: energy}]\n"
    text += "taxes: [{id: vat, percent: 20, of: [energy, levy], point: interval}]\n"
    facts = AgreementFacts.of(**{"discount.all": Decimal(50), "discount.energy": Decimal(20)})
    found = bills(text, {"2026-01": 100}, facts)[0]
    assert amounts(found) == {
        "energy": "100.00",
        "energy_discount": "-20.00",
        "levy": "8.00",
        "levy_discount": "-4.00",
        "vat": "16.80",
    }


def test_a_tariff_says_what_has_to_be_given_beside_the_month() -> None:
    text = HEAD.replace(
        "{kwh: {sum: import}}",
        "{kwh: {rebate: import, during: h, baseline: {days: 5, reach: 40}},"
        " calls: {events: api}, users: {events: web, take: unique, key: user}}",
    )
    document = version(text + "series: {h: {price: HOURS}}\n").document
    assert document.looks_back_days == 40
    assert document.given_streams == {"api", "web"}
    assert document.given_series == {"HOURS"}
    assert version(HEAD).document.looks_back_days == 0


def test_money_paid_in_for_a_balance_that_the_customer_does_not_have_holds_the_bill() -> None:
    text = HEAD + "settlement: [{prepaid: {only: member}}]\nneeds: {member: bool}\n"
    grants = [Grant("prepaid", date(2026, 1, 5), Decimal(30))]
    for member, wanted in ((True, []), (False, ["UNKNOWN_BANK"])):
        facts = AgreementFacts.of(member=member)
        assert codes(bills(text, {"2026-01": 100}, facts, grants=grants)[0]) == wanted


def test_what_one_tariff_deferred_is_settled_under_one_that_levels_no_bills() -> None:
    opening = CarriedState(sums=(YearSum("budget_billing", Decimal("-7.25")),))
    first, second = bills(HEAD, {"2026-01": 100, "2026-02": 50}, opening=opening)
    assert amounts(first) == {"energy": "100.00", "budget_billing": "-7.25"}
    assert amounts(second) == {"energy": "50.00"}
