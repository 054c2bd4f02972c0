"""A demand window that lies in two periods counts as the tariff says, and is never dropped."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.document import TariffDocument
from central.domain.tariff.load.document import load_kept, load_tariff
from central.domain.tariff.refusal import Code, TariffRefusedError
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

DAY = DayRange(date(2026, 10, 5), date(2026, 10, 6))
TEXT = """\
tariff: peaks
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR}
calendar: {periods: {P1: [{at: "%s-20:00"}], P2: rest}}
determinants: {kw: {max: import, by: period, %s}}
charges: [{id: demand, qty: kw, price: {P1: 2, P2: 1}}]
"""


def billed(document: TariffDocument) -> Rated:
    """20 kW from 08:00 to 08:30, and 0.4 kW before and after."""
    blocks = blocks_from(
        DAY, "Europe/Madrid", 900, lambda at: 5000 if at.hour == 8 and at.minute < 30 else 100
    )
    version = TariffVersion.of(document)
    rated = rate({"import": blocks}, AgreementFacts(), [version], ResolvedCalendar(), DAY)
    assert not rated.holds
    return rated


@pytest.mark.parametrize(
    ("at", "how", "place"),
    [
        ("08:15", "window: 30m", "08:15"),
        ("08:30", "window: 60m", "08:30"),
        ("08:00", "window: 30m, mode: rolling", "Rolling"),
    ],
)
def test_a_window_in_two_periods_is_refused(at: str, how: str, place: str) -> None:
    with pytest.raises(TariffRefusedError) as caught:
        load_tariff(TEXT % (at, how))
    (found,) = caught.value.findings
    assert (found.code, found.path) == (Code.WINDOW_ASTRIDE, "determinants.kw")
    assert place in found.message
    assert load_kept(TEXT % (at, how), file="kept")
    for word in ("first", "last", "each", "none"):
        load_tariff(TEXT % (at, f"{how}, astride: {word}"))


@pytest.mark.parametrize("how", ["window: 30m", "window: 60m", "estimated: include"])
def test_a_window_in_one_period_needs_no_word(how: str) -> None:
    load_tariff(TEXT % ("08:00", how))


@pytest.mark.parametrize(
    ("astride", "amounts"),
    [
        ("first", ["0.80", "20.00"]),
        ("last", ["40.00", "0.40"]),
        ("each", ["40.00", "20.00"]),
        ("none", ["0.80", "0.40"]),
    ],
)
def test_a_window_counts_for_the_period_that_the_tariff_says(
    astride: str, amounts: list[str]
) -> None:
    rated = billed(load_tariff(TEXT % ("08:15", f"window: 30m, astride: {astride}")))
    assert [line.amount for line in rated.lines] == [Decimal(amount) for amount in amounts]


def test_a_kept_tariff_leaves_it_out_as_it_did() -> None:
    kept = load_kept(TEXT % ("08:15", "window: 30m"), file="kept")
    assert [line.amount for line in billed(kept).lines] == [Decimal("0.80"), Decimal("0.40")]
