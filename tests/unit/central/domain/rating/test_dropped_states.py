"""What a newer version of a tariff drops, or the next one lets lapse, ends on a printed line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charges.ending import PartEnding
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.account_state import account_after
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.carried_state import (
    CarriedState,
    Credit,
    Origin,
    YearSum,
)
from central.domain.rating.rate import rate
from central.domain.rating.running_bill import RunningBill
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.state_rules import Owner
from central.domain.tariff.version import TariffVersion
from tests.support.months import HEAD, amounts, codes, month_of, version

OCTOBER = Cycle.parse("2026-10").period
SEPTEMBER = date(2026, 9, 1)
NET = HEAD.replace("{kwh: {sum: import}}", "{kwh: {sum: import, bank: solar, netting: month}}")
ENERGY = CarriedState(credits=(Credit("solar", "", SEPTEMBER, Fraction("595.2")),))
MONEY = CarriedState(credits=(Credit("wallet", "", SEPTEMBER, Fraction(30)),))
OURS = Origin(owner=Owner.ACCOUNT)


def october(
    versions: Sequence[TariffVersion],
    opening: CarriedState,
    ending: PartEnding | None = None,
    predecessor: TariffVersion | None = None,
) -> Rated:
    return rate(
        month_of(10, "2026-10"),
        AgreementFacts(),
        versions,
        ResolvedCalendar(),
        OCTOBER.days,
        period=OCTOBER,
        opening=opening,
        ending=ending or PartEnding(),
        predecessor=predecessor,
    )


def solar(rule: str = "") -> TariffVersion:
    return version(NET + f"banks: {{solar: {{unit: kWh{rule}}}}}\n")


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        ("", "0.00"),
        (", at_end: {pay: 0.10}", "-59.52"),
        (", true_up: {month: 4, pay: 0.05}", "-29.76"),
    ],
)
def test_a_bank_of_energy_that_a_version_drops_is_settled_by_the_one_before(
    rule: str, amount: str
) -> None:
    rated = october([solar(rule), version(HEAD, "2026-10-01")], ENERGY)
    line = next(line for line in rated.lines if line.id == "solar-settlement")
    assert (format(line.amount, "f"), line.quantity) == (amount, Decimal("595.2"))
    assert line.note.endswith("the tariff has no such bank any more")
    assert rated.closing == CarriedState()
    assert len(amounts(rated)) == 2


@pytest.mark.parametrize("day", ["2026-10-01", "2026-10-11"])
@pytest.mark.parametrize(
    "bank", ["{earn: kwh, price: 0.06, offsets: energy}", "{unit: kWh, basis: total}"]
)
def test_a_bank_that_a_version_takes_for_something_else_holds_the_bill(day: str, bank: str) -> None:
    head = HEAD if "earn" in bank else NET
    changed = version(f"{head}banks: {{solar: {bank}}}\n", day)
    assert codes(october([solar(), changed], ENERGY)) == ["STATE_MISMATCH"]
    if day == "2026-10-01":
        assert codes(october([solar(), changed], CarriedState())) == []


def test_a_bank_that_is_dropped_inside_the_bill_is_drawn_from_until_then() -> None:
    rated = october([solar(", at_end: {pay: 0.10}"), version(HEAD, "2026-10-11")], ENERGY)
    assert amounts(rated) == {
        "energy/segment0": "0.00",
        "energy/segment1": "0.00",
        "solar-settlement/segment1": "-58.52",
    }
    assert rated.closing == CarriedState()


def test_the_last_version_that_had_the_bank_settles_it() -> None:
    old, newer = (
        solar(),
        version(NET + "banks: {solar: {unit: kWh, at_end: {pay: 1}}}\n", "2021-01-01"),
    )
    versions = [old, newer, version(HEAD, "2026-10-01")]
    assert amounts(october(versions, ENERGY))["solar-settlement"] == "-595.20"
    returned = version(NET + "banks: {solar: {unit: kWh}}\n", "2026-11-01")
    assert amounts(october([*versions, returned], ENERGY))["solar-settlement"] == "-595.20"


@pytest.mark.parametrize(
    ("rule", "amount"),
    [("", "0.00"), (", at_end: {apply: true}", "-10.00"), (", at_end: {pay: 1}", "-30.00")],
)
def test_a_bank_of_money_that_a_version_drops_is_applied_paid_out_or_expires(
    rule: str, amount: str
) -> None:
    had = version(HEAD + f"banks: {{wallet: {{offsets: energy{rule}}}}}\n")
    rated = october([had, version(HEAD, "2026-10-01")], MONEY)
    assert amounts(rated)["wallet-settlement"] == amount
    assert rated.closing == CarriedState()


def test_what_was_paid_in_is_paid_back_where_a_version_has_no_balance() -> None:
    opening = CarriedState(credits=(Credit("prepaid", "", SEPTEMBER, Fraction(30)),))
    had = version(HEAD + "settlement: [prepaid]\n")
    rated = october([had, version(HEAD, "2026-10-01")], opening)
    assert amounts(rated)["prepaid-settlement"] == "-30.00"
    assert rated.closing == CarriedState()


def test_a_version_that_settles_a_bank_is_an_input_of_the_bill() -> None:
    new = version(HEAD, "2026-10-01")
    hashes = {
        october([had, new], ENERGY).input_sha256 for had in (solar(), solar(", at_end: {pay: 1}"))
    }
    assert len(hashes) == 2
    assert october([solar(), new], CarriedState()).input_sha256 == (
        october([new], CarriedState()).input_sha256
    )


def test_what_is_the_accounts_waits_for_its_last_bill() -> None:
    had = version(NET + "banks: {solar: {unit: kWh, owner: account, at_end: {pay: 0.10}}}\n")
    versions = [had, version(HEAD, "2026-10-01")]
    credit = replace(ENERGY.credits[0], origin=OURS)
    opening = replace(ENERGY, credits=(credit,))
    for ending in (PartEnding(), PartEnding(final=True, account_stays=True)):
        rated = october(versions, opening, ending)
        assert set(amounts(rated)) == {"energy"}
        assert rated.closing.credits == (credit,)
    last = october(versions, opening, PartEnding(final=True))
    assert amounts(last)["solar-settlement"] == "-59.52"
    assert last.closing == CarriedState()


def test_a_running_bill_settles_what_a_version_dropped_as_the_bill_does() -> None:
    versions = [solar(", at_end: {pay: 0.10}"), version(HEAD, "2026-10-11")]
    running = RunningBill(AgreementFacts(), versions, ResolvedCalendar(), OCTOBER, opening=ENERGY)
    blocks = month_of(10, "2026-10")["import"]
    for block in blocks:
        running.add({"import": [block]})
    assert amounts(running.bill()) == amounts(october(versions, ENERGY))


def lapsing(names: str) -> TariffVersion:
    return version(HEAD.replace("tariff: t", "tariff: new") + f"takes_over: {{{names}: none}}\n")


@pytest.mark.parametrize(("left", "quantity"), [(ENERGY, "585.2"), (CarriedState(), "0.0")])
def test_energy_that_the_next_tariff_takes_over_as_none_lapses_on_a_line(
    left: CarriedState, quantity: str
) -> None:
    ending = PartEnding(successor=lapsing("solar").document)
    rated = october([solar(", at_end: {pay: 0.10}")], left, ending)
    line = next(line for line in rated.lines if line.id == "solar_settlement")
    assert (line.quantity, line.amount) == (Decimal(quantity), Decimal(0))
    assert line.note == "lapses, for the next tariff takes nothing of it over"
    assert rated.closing == CarriedState()


def test_energy_lapses_on_the_first_bill_under_the_new_tariff_where_none_has_settled_it() -> None:
    rated = october([lapsing("solar")], ENERGY, predecessor=solar(", at_end: {pay: 0.10}"))
    assert amounts(rated)["solar_settlement/t"] == "0.00"
    assert rated.closing == CarriedState()


def test_nothing_but_energy_lapses_by_the_next_tariff() -> None:
    had = version(HEAD + "banks: {wallet: {offsets: energy}}\n")
    rated = october([had], MONEY, PartEnding(successor=lapsing("wallet").document))
    assert codes(rated) == ["STATE_MISMATCH"]


COMMITTED = CarriedState(sums=(YearSum("c", Decimal("120.50"), Origin(SEPTEMBER)),))
SHARED = CarriedState(sums=(YearSum("c", Decimal("120.50"), OURS),))


def test_a_sum_that_the_last_version_does_not_know_ends_on_a_line() -> None:
    had = version(HEAD + "commitments: [{id: c, of: energy, amount: 500, per: year}]\n")
    rated = october([had, version(HEAD, "2026-10-01")], COMMITTED)
    line = next(line for line in rated.lines if line.id == "c-settlement")
    assert (line.quantity, line.unit, line.amount) == (Decimal("120.50"), "EUR", Decimal(0))
    assert line.note == "120.50 EUR come to; the tariff has no such minimum or commitment"
    assert rated.closing == CarriedState()


def test_a_sum_of_the_account_goes_on_until_its_last_bill_and_ends_on_a_line() -> None:
    plain = [version(HEAD)]
    for ending in (PartEnding(), PartEnding(final=True, account_stays=True)):
        rated = october(plain, SHARED, ending)
        assert set(amounts(rated)) == {"energy"}
        assert account_after(SHARED, SHARED, rated.closing).sum_of("c") == Decimal("120.50")
    last = october(plain, SHARED, PartEnding(final=True))
    assert amounts(last)["c-settlement"] == "0.00"
    assert last.closing == CarriedState()
    zero = CarriedState(sums=(YearSum("c", Decimal(0), OURS),))
    assert amounts(october(plain, zero, PartEnding(final=True)))["c-settlement"] == "0.00"


def test_a_batch_ends_a_sum_as_one_bill_does() -> None:
    terms = Terms((version(HEAD),), ResolvedCalendar(), OCTOBER.days, OCTOBER)
    meters = [Meter(month_of(10, "2026-10"), opening=COMMITTED) for _ in range(5)]
    assert {amounts(rated)["c-settlement"] for rated in rate_many(meters, terms)} == {"0.00"}
