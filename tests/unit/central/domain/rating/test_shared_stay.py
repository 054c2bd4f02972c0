"""Parts of one bill under tariffs that follow one another are charged as versions of one are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

APRIL = DayRange(date(2026, 4, 1), date(2026, 5, 1))
CHANGE = date(2026, 4, 21)
PARTS = (DayRange(APRIL.first, CHANGE), DayRange(CHANGE, APRIL.end))
HEAD = """\
tariff: {name}
effective: {effective}
zone: Europe/Madrid
currency: {{code: EUR}}
cycle: {{full_days: [27, 33], normal_days: 365/12}}
needs: {{seats: seat}}
determinants: {{kwh: {{sum: import}}, kw: {{max: import, window: 60m}}, seat: {{counter: seats}}}}
charges: [{{id: e, qty: kwh, price: 0.1}}, {charge}]
{more}
"""
STEPS = "{id: c, qty: kwh, %s steps: [{to: 30, price: PRICE}, {to: null, price: 1}]}"
FLOOR = "minimums: [{id: floor, of: e, %samount: PRICE}]"
CASES = {
    "demand": ("{id: c, qty: kw, price: PRICE}", ""),
    "counter": ("{id: c, qty: seat, price: PRICE}", ""),
    "demand per month": ("{id: c, qty: kw, price: PRICE, per: month}", ""),
    "rent": ("{id: c, price: PRICE, per: month}", ""),
    "rent, whole": ("{id: c, price: PRICE, per: month, prorate: none}", ""),
    "steps": (STEPS % "", ""),
    "steps, whole": (STEPS % "tiers: {scale: whole},", ""),
    "minimum": ("{id: c, price: 0, per: day}", FLOOR % ""),
    "minimum, whole": ("{id: c, price: 0, per: day}", FLOOR % "prorate: none, "),
    "minimum per kW": (
        "{id: c, price: 0, per: day}",
        FLOOR.replace("PRICE", "PRICE00") % "qty: kw, ",
    ),
    "minimum per kWh": ("{id: c, price: 0, per: day}", FLOOR % "qty: kwh, "),
}


def bill(texts: list[TariffVersion], days: DayRange, stay: DayRange | None, of: int) -> Rated:
    """80 W an hour until the change, 50 W from then on."""
    blocks = blocks_from(days, "Europe/Madrid", 3600, lambda at: 80 if at.date() < CHANGE else 50)
    facts = AgreementFacts.of(seats=Decimal(3))
    period = BillingPeriod.month(APRIL)
    terms = Terms(tuple(texts), ResolvedCalendar(), days, period, stay=stay)
    rated = rate_many([Meter({"import": blocks}, facts)] * of, terms)[-1]
    assert not rated.holds
    return rated


@pytest.mark.parametrize("of", [1, 4])
@pytest.mark.parametrize("case", CASES)
def test_a_change_of_tariff_shares_a_bill_as_a_version_does(case: str, of: int) -> None:
    charge, more = CASES[case]

    def version(effective: str, price: str) -> TariffVersion:
        said = {"charge": charge.replace("PRICE", price), "more": more.replace("PRICE", price)}
        text = HEAD.format(name="t", effective=effective, **said)
        return TariffVersion.of(load_tariff(text))

    old, new = version("2020-01-01", "10"), version("2020-01-01", "11")
    as_parts = [bill([one], days, APRIL, of) for one, days in zip((old, new), PARTS, strict=True)]
    whole = bill([old, version(CHANGE.isoformat(), "11")], APRIL, None, of)
    by_parts = [line.amount for rated in as_parts for line in rated.lines if line.id != "floor"]
    assert by_parts == [line.amount for line in whole.lines if line.id != "floor"]
    if more:
        # A minimum is topped up in each part, and comes to that of the bill.
        floors = [x.exact for r in as_parts for x in r.lines if x.id == "floor"]
        assert sum(floors) == next(x.exact for x in whole.lines if x.id == "floor")
    alone = [bill([one], days, None, of) for one, days in zip((old, new), PARTS, strict=True)]
    assert (alone == as_parts) is False


def test_what_a_bill_was_shared_by_is_in_its_hash() -> None:
    text = HEAD.format(name="t", effective="2020-01-01", charge=CASES["demand"][0], more="")
    version = TariffVersion.of(load_tariff(text.replace("PRICE", "10")))
    hashes = {
        bill([version], PARTS[0], stay, of).input_sha256
        for stay in (None, PARTS[0], APRIL)
        for of in (1, 4)
    }
    assert len(hashes) == 2
