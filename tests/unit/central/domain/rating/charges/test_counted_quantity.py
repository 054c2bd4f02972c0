"""What a year or term is multiplied by is that of the whole bill, not of its last part."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts, Fact
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from tests.support.months import ZONE, amounts, version
from tests.support.rating import blocks_from

DECEMBER = DayRange(date(2026, 12, 1), date(2027, 1, 1))
CHANGE = date(2026, 12, 11)
HEAD = """\
tariff: t
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
needs: {seats: seat}
determinants: {kwh: {sum: import}, kw: {max: import, window: 60m}, seat: {counter: seats}}
charges: [{id: energy, qty: kwh, price: 0}]
"""
FACTS = AgreementFacts(
    (Fact("seats", Decimal(31)), Fact("seats", Decimal(62), CHANGE + timedelta(days=10)))
)


def december(*texts: str) -> Rated:
    """1 kW on the first ten days, 2 kW until the 20th, 3 kW afterwards."""
    since = ("2020-01-01", CHANGE.isoformat())
    versions = [version(text, day) for text, day in zip(texts, since, strict=False)]
    blocks = blocks_from(
        DECEMBER, ZONE, 3600, lambda at: 1000 * (1 + (at.day > 10) + (at.day > 20))
    )
    rated = rate({"import": blocks}, FACTS, versions, ResolvedCalendar(), DECEMBER)
    assert not rated.holds
    return rated


RULES = {
    "minimum": "minimums: [{id: m, of: energy, per: year, share: none, amount: %s, qty: %s}]\n",
    "term": "commitments: [{id: m, of: energy, per: year, amount: %s, qty: %s}]\n",
    "month": "commitments: [{id: m, of: energy, per: month, amount: %s, qty: %s}]\n",
}
SPLITS = {
    "one version": 'calendar: {seasons: {w: "12-11..12-31", rest: rest}}\n',
    "two versions": "",
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("qty", "amount", "short"),
    [
        ("kwh", "0.01", "14.88"),  # 240 + 480 + 792 kWh, less the hour that is none
        ("kw", "31", "73.00"),  # (10 x 1 + 21 x 3) / 31
        ("seat", "31", "1302.00"),  # (20 x 31 + 11 x 62) / 31
        ("seats", "31", "1302.00"),
    ],
)
def test_a_quantity_is_that_of_the_bill(
    split: str, rule: str, qty: str, amount: str, short: str
) -> None:
    text = HEAD + SPLITS[split] + RULES[rule] % (amount, qty)
    if qty == "kwh":
        short = "15.12"
    found = amounts(december(*[text] * (1 + (split == "two versions"))))
    assert next(value for key, value in found.items() if key.startswith("m")) == short


def test_days_under_a_version_without_the_rule_do_not_count() -> None:
    found = amounts(december(HEAD, HEAD + RULES["minimum"] % ("1", "kw")))
    assert found["m/segment1"] == "3.00"


def test_a_term_that_ends_inside_the_bill_counts_its_own_days() -> None:
    rule = "commitments: [{id: m, of: energy, per: term, months: 1, amount: 1, qty: kwh,"
    rule += " begins: 2026-11-11, ends: date}]\n"
    rated = december(HEAD + rule)
    assert amounts(rated)["m/segment0"] == "240.00"
    # The next term has the days behind it.
    (entry,) = rated.closing.sums
    assert entry.quantity == 480 + 792
