"""Decimals of currencies: those of ISO 4217, unless a tariff says others."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.currency import digits_of
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import TariffVersion

_TARIFF = """\
tariff: t
effective: 2026-01-01
zone: UTC
currency: {{code: {currency}}}
charges: [{{id: fixed, price: 10.1235, per: day}}]
"""


@pytest.mark.parametrize(
    ("code", "digits"),
    [("EUR", 2), ("COP", 2), ("CLP", 0), ("JPY", 0), ("KWD", 3), ("CLF", 4)],
)
def test_digits_are_those_of_the_standard(code: str, digits: int) -> None:
    assert digits_of(code) == digits


@pytest.mark.parametrize("code", ["ZZZ", "XXX", "XAU", "eur", "EURO", ""])
def test_what_is_no_currency_has_none(code: str) -> None:
    assert digits_of(code) is None


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("JPY", "101"),
        ("KWD", "101.235"),
        ("EUR", "101.24"),
        ("COP", "101.24"),
        ("COP, digits: 0", "101"),
        ("KWD, digits: 2", "101.24"),
    ],
)
def test_a_line_has_the_decimals_of_its_currency(currency: str, amount: str) -> None:
    document = load_tariff(_TARIFF.format(currency=currency))
    days = DayRange(date(2026, 1, 1), date(2026, 1, 11))
    rated = rate({}, AgreementFacts(), [TariffVersion.of(document)], ResolvedCalendar(), days)
    assert [line.amount for line in rated.lines] == [Decimal(amount)]


def test_a_kept_tariff_goes_on_in_a_currency_that_is_refused_today() -> None:
    assert load_kept(_TARIFF.format(currency="ZZZ"), file="kept").currency.digits == 2
    with pytest.raises(TariffRefusedError) as refused:
        load_tariff(_TARIFF.format(currency="ZZZ"))
    assert {finding.code for finding in refused.value.findings} == {Code.UNKNOWN_CURRENCY}


def test_a_kept_tariff_without_a_currency_is_refused_by_name() -> None:
    text = _TARIFF.replace("{{code: {currency}}}", "{{}}")
    with pytest.raises(TariffRefusedError) as refused:
        load_kept(text.format(), file="kept")
    assert {finding.code for finding in refused.value.findings} == {Code.UNKNOWN_CURRENCY}
