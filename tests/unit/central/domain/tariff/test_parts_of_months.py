"""What is charged for a part of a month: how many days a month has is said, and not assumed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import TariffVersion

HEAD = """\
tariff: rent
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
needs: {seats: seat}
determinants: {kwh: {sum: import}, kw: {max: import}, seat: {counter: seats}}
"""
DETERMINANTS = HEAD.splitlines(keepends=True)[-1]
STEPS = "steps: [{to: 10%s, price: 1}, {to: null, price: 2}]"
MONTH = DayRange(date(2026, 10, 1), date(2026, 11, 1))
TENANTS = (DayRange(MONTH.first, date(2026, 10, 6)), DayRange(date(2026, 10, 6), MONTH.end))


@pytest.mark.parametrize(
    "text",
    [
        "charges: [{id: a, price: 1, per: month}]",
        "charges: [{id: a, price: 1, per: year}]",
        "charges: [{id: a, qty: kw, price: 1, per: month}]",
        f"charges: [{{id: a, qty: kwh, {STEPS % ''}}}]",
        f"charges: [{{id: a, qty: kwh, {STEPS % ', unit: kWh/kW, of: kw'}}}]",
        "charges: [{id: a, price: 1, per: day}]\ncycle: {daily: month}",
        "charges: [{id: a, price: 1, per: month}]\ncycle: {full_days: [27, 33]}",
        "charges: [{id: e, price: 1, per: day}]\nriders: [{id: a, price: 1, per: month}]",
        "charges: [{id: e, price: 1, per: day}]\nminimums: [{id: a, of: e, amount: 1}]",
    ],
)
def test_parts_of_a_month_need_its_days(text: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(HEAD + text)
    (found,) = caught.value.findings
    assert (found.code, found.path) == (Code.NO_DAYS_OF_MONTH, "cycle")
    assert found.message.startswith("'a' counts parts of a month")
    assert load_kept(HEAD + text, file="kept").cycle.normal_days == 30
    for days in ("30", "365/12", "cycle"):
        said = f"normal_days: {days}"
        more = f"{text}\ncycle: {{{said}}}"
        if "cycle:" in text:
            more = text.replace("cycle: {", f"cycle: {{{said}, ")
        load_tariff(HEAD + more)


@pytest.mark.parametrize(
    "text",
    [
        "charges: [{id: a, price: 1, per: day}]",
        "charges: [{id: a, price: 1, per: year_by_days}]",
        "charges: [{id: a, price: 1, per: month, prorate: none}]",
        "charges: [{id: a, qty: kwh, price: 1}]",
        f"charges: [{{id: a, qty: kwh, tiers: {{scale: whole}}, {STEPS % ''}}}]",
        f"charges: [{{id: a, qty: kwh, {STEPS % ', unit: kWh/day'}}}]",
        f"charges: [{{id: a, qty: kw, {STEPS % ''}}}]",
        f"charges: [{{id: a, qty: seat, {STEPS % ''}}}]",
        "charges: [{id: e, price: 1, per: day}]\nminimums: [{id: a, of: e, amount: 1, per: year}]",
    ],
)
def test_what_knows_no_months_needs_no_days_of_them(text: str) -> None:
    load_tariff(HEAD + text)


def of_both(document: TariffDocument) -> list[Decimal]:
    version, period = TariffVersion.of(document), BillingPeriod.month(MONTH)
    bills = [
        rate({}, AgreementFacts(), [version], ResolvedCalendar(), days, period=period)
        for days in TENANTS
    ]
    return [bill.total for bill in bills]


def test_tenants_of_one_month_pay_it_once() -> None:
    rent = HEAD.replace(DETERMINANTS, "") + "charges: [{id: a, price: 31, per: month}]\n"
    assert of_both(load_tariff(rent + "cycle: {normal_days: cycle}")) == [5, 26]
    # As the tariff says: a day is 1/30 of a month, or 12/365.
    by_30 = [Decimal("5.17"), Decimal("26.87")]
    assert of_both(load_tariff(rent + "cycle: {normal_days: 30}")) == by_30
    by_year = [Decimal("5.10"), Decimal("26.50")]
    assert of_both(load_tariff(rent + "cycle: {normal_days: 365/12}")) == by_year
    assert of_both(load_kept(rent, file="kept")) == by_30
