"""What bills carry ends with an occupancy or a tariff on a line, or goes on under its new name.

It is long because every kind of carried state ends in three ways, each with its printed line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.billing_cycle import CALENDAR_MONTHS, BillingCycle
from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.inputs.account_state import account_after, opening_of
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    Level,
    MonthTotal,
    Origin,
    Peak,
    YearSum,
)
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import TariffVersion
from tests.support.months import HEAD, ZONE, amounts, month_of, version
from tests.support.rating import blocks_from

OCTOBER = Cycle.parse("2026-10").period
SEPTEMBER = date(2026, 9, 1)
FINAL = PartEnding(final=True)
NET = HEAD.replace("{kwh: {sum: import}}", "{kwh: {sum: import, bank: solar, netting: month}}")
ENERGY = CarriedState(credits=(Credit("solar", "", SEPTEMBER, Fraction("595.2")),))
MONEY = CarriedState(credits=(Credit("wallet", "", SEPTEMBER, Fraction(30)),))


def october(  # noqa: PLR0913 - what a bill depends on
    text: str,
    opening: CarriedState,
    ending: PartEnding = FINAL,
    *,
    kwh: int = 10,
    facts: AgreementFacts | None = None,
    predecessor: TariffVersion | None = None,
) -> Rated:
    known = facts or AgreementFacts()
    rated = rate(
        month_of(kwh, "2026-10"),
        known,
        [version(text)],
        ResolvedCalendar(),
        OCTOBER.days,
        period=OCTOBER,
        ending=ending,
        opening=opening,
        predecessor=predecessor,
    )
    for line in rated.lines:
        explain(line, month_of(kwh, "2026-10"))
    return rated


def quantity(rated: Rated, key: str) -> Decimal | None:
    return next(line.quantity for line in rated.lines if line.key == key)


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        ("", "0.00"),
        (", true_up: {month: 4, pay: 0.05}", "-29.26"),
        (", true_up: {month: 4, pay: 0.05}, at_end: {pay: 0.10}", "-58.52"),
    ],
)
def test_a_bank_of_energy_ends_on_a_line_also_for_nothing(rule: str, amount: str) -> None:
    text = NET + f"banks: {{solar: {{unit: kWh{rule}}}}}\n"
    rated = october(text, ENERGY)
    assert quantity(rated, "solar_settlement") == Decimal("585.2")
    assert amounts(rated)["solar_settlement"] == amount
    assert rated.closing.credits == ()
    going_on = october(text, ENERGY, PartEnding())
    assert "solar_settlement" not in amounts(going_on)
    assert going_on.closing.credits[0].amount == Fraction("585.2")


@pytest.mark.parametrize(
    ("rule", "amount", "note"),
    [
        ("", "0.00", "at the end 20.00 expired"),
        (", at_end: {pay: 0.5}", "-10.00", "at the end 10.00 paid out, 10.00 expired"),
        (", at_end: {apply: true}", "-12.00", "at the end 12.00 applied, 8.00 expired"),
        (", at_end: {apply: true, pay: 1}", "-20.00", "at the end 12.00 applied, 8.00 paid out"),
    ],
)
def test_a_bank_of_money_is_applied_paid_out_or_expires(rule: str, amount: str, note: str) -> None:
    charges = "[{id: energy, qty: kwh, price: 1}, {id: rent, price: 12, per: month}]"
    text = HEAD.replace("[{id: energy, qty: kwh, price: 1}]", charges)
    rated = october(text + f"banks: {{wallet: {{offsets: energy{rule}}}}}\n", MONEY)
    assert amounts(rated)["wallet"] == "-10.00"
    line = next(one for one in rated.lines if one.key == "wallet_settlement")
    assert (format(line.amount, "f"), line.note) == (amount, note)
    assert rated.closing == CarriedState()


def test_a_bank_that_an_earlier_version_had_expires_on_a_line() -> None:
    rated = october(HEAD, ENERGY)
    assert amounts(rated)["solar-settlement"] == "0.00"
    assert rated.closing == CarriedState()


def test_a_deferral_is_settled_by_the_final_bill_and_nothing_is_levelled() -> None:
    opening = CarriedState(
        sums=(YearSum("budget_billing", Decimal("103.33")),),
        totals=(MonthTotal(SEPTEMBER, Decimal(500)),),
    )
    text = HEAD + "settlement: [budget_billing]\n"
    rated = october(text, opening)
    assert amounts(rated)["budget_billing"] == "103.33"
    assert rated.total == Decimal("113.33")
    assert rated.closing == CarriedState()
    assert october(text, opening, PartEnding()).closing.sum_of("budget_billing") != 0


def test_what_was_paid_in_before_is_paid_back() -> None:
    opening = CarriedState(credits=(Credit("prepaid", "", SEPTEMBER, Fraction(30)),))
    rated = october(HEAD + "settlement: [prepaid]\n", opening)
    assert [line.amount for line in rated.lines] == [10, -10, -20]
    assert len({line.key for line in rated.lines}) == 3
    assert rated.total == -20


def test_peaks_end_on_a_line() -> None:
    text = HEAD.replace("{sum: import}}", "{sum: import}, kw: {max: import, window: 60m}}")
    opening = CarriedState((Peak("kw", "", SEPTEMBER, Fraction(80)),))
    rated = october(text + "state: {kw: {months: 12}}\n", opening)
    line = next(one for one in rated.lines if one.id == "kw-peaks")
    assert (str(line.quantity), line.unit, str(line.amount)) == ("80", "kW", "0.00")
    assert rated.closing == CarriedState()


def test_a_commitment_that_ends_early_charges_what_is_short() -> None:
    term = (
        "commitments: [{id: c, of: energy, amount: 1200, per: term, months: 12, begins: 2026-08-01"
    )
    opening = CarriedState(sums=(YearSum("c", Decimal(100), Origin(date(2026, 8, 1))),))
    assert amounts(october(HEAD + term + "}]\n", opening))["c"] == "1090.00"
    # 92 of 365 days: 302.4658 less 110.
    assert amounts(october(HEAD + term + ", share: days}]\n", opening))["c"] == "192.47"
    assert amounts(october(HEAD + term + ", share: months}]\n", opening))["c"] == "190.00"
    carried = october(HEAD + term + ", shortfall: carry, share: months}]\n", opening)
    assert amounts(carried)["c"] == "190.00"
    assert carried.closing == CarriedState()


SUCCESSOR = version(
    HEAD.replace("tariff: t", "tariff: new").replace(
        "{kwh: {sum: import}}", "{kwh: {sum: import, bank: roof, netting: month}}"
    )
    + "banks: {roof: {unit: kWh, owner: account}}\ntakes_over: {solar: roof}\n"
)
PLAIN = version(HEAD.replace("tariff: t", "tariff: plain"))


def test_a_tariff_takes_over_what_it_says_under_its_own_name() -> None:
    text = NET + "banks: {solar: {unit: kWh, true_up: {month: 4, pay: 0.05}}}\n"
    rated = october(text, ENERGY, PartEnding(successor=SUCCESSOR.document))
    assert "solar_settlement" not in amounts(rated)
    (credit,) = rated.closing.credits
    assert (credit.bank, credit.amount) == ("roof", Fraction("585.2"))
    assert credit.origin.owner is Owner.ACCOUNT


def test_what_a_tariff_does_not_take_over_ends_by_the_old_rule() -> None:
    text = NET + "banks: {solar: {unit: kWh, true_up: {month: 4, pay: 0.05}}}\n"
    rated = october(text, ENERGY, PartEnding(successor=PLAIN.document))
    assert amounts(rated)["solar_settlement"] == "-29.26"
    assert rated.closing == CarriedState()


def test_what_no_bill_has_handed_over_is_handed_over_by_the_first_under_the_new_tariff() -> None:
    old = version(
        NET
        + "banks: {solar: {unit: kWh, true_up: {month: 4, pay: 0.05}}}\n"
        + "commitments: [{id: c, of: energy, amount: 50, per: year}]\n"
        + "taxes: [{id: vat, percent: 10, of: all, point: interval}]\n"
        + "settlement: [budget_billing]\n"
    )
    sums = (YearSum("budget_billing", Decimal("103.33")), YearSum("c", Decimal(20)))
    opening = replace(ENERGY, sums=sums)
    text = (
        HEAD.replace("tariff: t", "tariff: plain")
        + "taxes: [{id: vat, percent: 10, of: all, point: interval}]\n"
    )
    rated = october(text, opening, PartEnding(), predecessor=old)
    assert amounts(rated) == {
        "c/t": "30.00",
        "energy": "10.00",
        "vat": "4.00",
        "budget_billing/t": "103.33",
        "solar_settlement/t": "-29.76",
    }
    assert rated.closing == CarriedState()
    assert rated.input_sha256 != october(text, opening, PartEnding()).input_sha256
    assert all(line.first == OCTOBER.days.first for line in rated.lines)


def test_energy_taken_over_into_money_or_into_unknown_periods_holds() -> None:
    text = NET + "banks: {solar: {unit: kWh}}\n"
    wrong = HEAD.replace("tariff: t", "tariff: n") + "takes_over: {solar: wallet}\n"
    new = version(wrong + "banks: {wallet: {offsets: energy}}\n")
    rated = october(text, ENERGY, PartEnding(successor=new.document))
    assert [hold.code for hold in rated.holds] == ["STATE_MISMATCH"]
    periods = 'calendar: {periods: {day: [{at: "00:00-12:00"}], night: rest}}\n'
    split = HEAD.replace("tariff: t", "tariff: n") + periods
    split = split.replace("{sum: import}", "{sum: import, by: period, bank: solar, netting: month}")
    split += "banks: {solar: {unit: kWh}}\ntakes_over: {solar: solar}\n"
    rated = october(text, ENERGY, PartEnding(successor=version(split).document))
    assert [hold.code for hold in rated.holds] == ["STATE_MISMATCH"]


def test_what_is_the_accounts_goes_on_where_the_account_does() -> None:
    opening = CarriedState(
        sums=(YearSum("budget_billing", Decimal("103.33"), Origin(owner=Owner.ACCOUNT)),)
    )
    text = HEAD + "settlement: [budget_billing]\n"
    levelled = version(text.replace("tariff: t", "tariff: other")).document
    for ending in (PartEnding(final=True, account_stays=True), PartEnding(successor=levelled)):
        rated = october(text, opening, ending)
        assert rated.closing.of(Owner.ACCOUNT).sum_of("budget_billing") == Decimal("103.33")
    rated = october(text, opening, PartEnding(successor=PLAIN.document))
    assert amounts(rated)["budget_billing"] == "103.33"


def test_a_part_opens_with_its_occupancys_state_and_what_it_knows_of_its_accounts() -> None:
    mine = Origin(owner=Owner.OCCUPANCY)
    ours = Origin(owner=Owner.ACCOUNT)
    before = CarriedState(
        (Peak("kw", "", SEPTEMBER, Fraction(1), mine),), sums=(YearSum("old", Decimal(1), ours),)
    )
    account = CarriedState(
        sums=(
            YearSum("known", Decimal(2), ours),
            YearSum("old", Decimal(3), ours),
            YearSum("other", Decimal(4), ours),
        )
    )
    opening = opening_of(before, account, {"known"})
    assert [(entry.id, int(entry.amount)) for entry in opening.sums] == [("known", 2), ("old", 3)]
    assert opening.peaks == before.peaks
    closing = CarriedState(opening.peaks, sums=(YearSum("known", Decimal(7), ours),))
    after = account_after(account, opening, closing)
    assert [(entry.id, int(entry.amount)) for entry in after.sums] == [("known", 7), ("other", 4)]
    assert after.peaks == ()


def test_a_state_survives_json_with_and_without_its_origin() -> None:
    whole = Origin(SEPTEMBER, date(2026, 10, 1), Owner.ACCOUNT)
    state = CarriedState(
        (Peak("kw", "", SEPTEMBER, Fraction(1, 3), whole),),
        (Credit("solar", "", SEPTEMBER, Fraction(2), whole),),
        (YearSum("c", Decimal("3.10"), Origin(SEPTEMBER)),),
        (MonthTotal(SEPTEMBER, Decimal(4), whole),),
        (Level("seats", "", "", Fraction(5)),),
    )
    said = state.to_json()
    again = CarriedState.from_json(said)
    assert again == state
    assert again.to_json() == said
    assert again.peaks[0].origin == whole
    old = {"peaks": [["kw", "", "2026-09-01", "1/3"]], "credits": [], "sums": [["c", "3.10"]]}
    assert CarriedState.from_json(old).to_json() == old


YEARLY = HEAD + "minimums: [{id: m, of: energy, amount: 1200, per: year%s}]\n"


def first_hour_of(day: date) -> Callable[[datetime], int]:
    return lambda at: 10_000 if (at.date(), at.hour) == (day, 0) else 0


def chain(
    text: str, periods: Mapping[str, BillingPeriod], ending: PartEnding | None = None
) -> Rated:
    """Bills of whole periods in a row, 10 kWh in the first hour of each; gives the last."""
    state = CarriedState()
    for number, (_, period) in enumerate(periods.items(), start=1):
        days = period.days
        blocks = blocks_from(days, ZONE, 3600, first_hour_of(days.first))
        rated = rate(
            {"import": blocks},
            AgreementFacts(),
            [version(text)],
            ResolvedCalendar(),
            days,
            period=period,
            opening=state,
            ending=ending if ending and number == len(periods) else PartEnding(),
        )
        assert not rated.holds
        state = CarriedState.from_json(rated.closing.to_json())
    return rated


def months(first: str, count: int) -> dict[str, BillingPeriod]:
    cycle, found = Cycle.parse(first), {}
    for _ in range(count):
        found[str(cycle)] = cycle.period
        cycle = cycle.next
    return found


@pytest.mark.parametrize(
    ("share", "needed"),
    [("days", "200.55"), ("months", "200.00"), ("none", "1200.00")],
)
def test_a_part_of_a_year_needs_its_share_by_days_or_by_months(share: str, needed: str) -> None:
    rated = chain(YEARLY % f", share: {share}", months("2026-11", 2))
    assert rated.total - 10 == Decimal(needed) - 20
    again = chain(YEARLY % f", share: {share}", months("2026-11", 14))
    assert again.total - 10 == 1200 - 120


def test_a_year_that_ends_early_needs_the_days_until_then() -> None:
    rated = chain(YEARLY % "", months("2026-01", 10), FINAL)
    # 304 of 365 days: 999.4521 less 100.
    assert amounts(rated)["m"] == "899.45"
    assert rated.closing == CarriedState()


def test_a_contracts_year_begins_with_the_contract() -> None:
    text = YEARLY % ", year: contract, begins: 2026-07-15"
    assert "m" not in amounts(chain(text, months("2026-06", 13)))
    rated = chain(text, months("2026-06", 14))
    # July 2026 to July 2027, whole: 14 bills less that of June, which is before the contract.
    assert amounts(rated)["m"] == "1070.00"


def test_a_year_ends_with_the_first_longer_period_that_reaches_its_month() -> None:
    cycle = BillingCycle("bimonthly", date(2026, 1, 1), 2)
    periods = {str(p): p for p in cycle.periods(date(2026, 1, 1), date(2027, 1, 1))}
    rated = chain(YEARLY % ", year_end: 11", periods)
    assert amounts(rated)["m"] == "1140.00"
    assert rated.closing.sum_of("m") == 0


@pytest.mark.parametrize(
    "period",
    [
        BillingCycle("bimonthly", date(2026, 1, 1), 2).period_of(date(2026, 9, 1)),
        CALENDAR_MONTHS.cut_to(DayRange(date(2026, 9, 21), date(2026, 11, 1))),
    ],
)
def test_a_bill_longer_than_a_month_keeps_a_peak_of_each(period: BillingPeriod) -> None:
    text = HEAD.replace("{sum: import}}", "{sum: import}, kw: {max: import, window: 60m}}")
    text += "state: {kw: {months: 12}}\n"
    kw = {9: 4, 10: 7}
    blocks = blocks_from(period.days, ZONE, 3600, lambda at: 1000 * kw[at.month])
    rated = rate(
        {"import": blocks},
        AgreementFacts(),
        [version(text)],
        ResolvedCalendar(),
        period.days,
        period=period,
    )
    found = [(peak.month.month, int(peak.value)) for peak in rated.closing.peaks]
    assert found == [(9, 4), (10, 7)]
    assert rated.closing.peaks[0].origin.first == period.days.first


def test_peaks_by_calendar_month_are_kept_apart_where_the_tariff_says_so() -> None:
    text = HEAD.replace("{sum: import}}", "{sum: import}, kw: {max: import, window: 60m}}")
    period = Cycle.parse("2026-10@15").period
    kw = {10: 7, 11: 4}
    blocks = blocks_from(period.days, ZONE, 3600, lambda at: 1000 * kw[at.month])
    for by, wanted in (("period", [(11, 7)]), ("calendar", [(10, 7), (11, 4)])):
        rated = rate(
            {"import": blocks},
            AgreementFacts(),
            [version(text + f"state: {{kw: {{months: 12, by: {by}}}}}\n")],
            ResolvedCalendar(),
            period.days,
            period=period,
        )
        assert [(p.month.month, int(p.value)) for p in rated.closing.peaks] == wanted


def test_a_part_that_ends_inside_its_period_ends_no_year() -> None:
    text = YEARLY % ", year_end: 10"
    days = DayRange(date(2026, 10, 1), date(2026, 10, 11))
    part = rate(
        month_of(10, "2026-10"),
        AgreementFacts(),
        [version(text)],
        ResolvedCalendar(),
        days,
        period=OCTOBER,
    )
    assert "m" not in amounts(part)
    assert part.closing.sum_of("m") == 10


def test_a_year_may_end_on_its_date_inside_a_bill() -> None:
    cycle = BillingCycle("bimonthly", date(2026, 2, 1), 2)
    first = cycle.periods(date(2026, 2, 1), date(2027, 2, 1))
    periods = {str(period): period for period in first}
    rated = chain(YEARLY % ", ends: date", periods)
    # December has 10 kWh, as the five bills before it: 334 of 365 days of 1200 less 60.
    assert amounts(rated) == {
        "energy/segment0": "10.00",
        "m/segment0": "1038.08",
        "energy/segment1": "0.00",
    }
    (entry,) = rated.closing.sums
    assert (str(entry.amount), entry.origin.first) == ("0", date(2027, 1, 1))
    waiting = chain(YEARLY % "", periods)
    # By periods the year ends with January, which reaches December, and is whole.
    assert amounts(waiting)["m"] == "1140.00"


def test_a_term_may_end_on_its_date_inside_a_bill() -> None:
    term = "commitments: [{id: c, of: energy, amount: 100, per: term, months: 3, ends: date, "
    text = HEAD + term + "begins: 2026-01-15, excess: carry}]\n"
    rated = chain(text, months("2026-01", 4))
    # January to 14 April: 4 bills of 10 kWh in their first hours.
    assert amounts(rated) == {
        "energy/segment0": "10.00",
        "c/segment0": "60.00",
        "energy/segment1": "0.00",
    }
    assert rated.closing.sum_of("c") == 0
    assert rated.closing.sums[0].origin.first == date(2026, 4, 15)
