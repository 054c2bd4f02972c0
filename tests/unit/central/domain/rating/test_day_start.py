"""Days that begin at 06:00 are rated from then on, alone and together, over clock changes."""

from __future__ import annotations

from datetime import date, datetime, time
from fractions import Fraction

import pytest

from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support.rating import blocks_from

ZONE, SIX = "Europe/Madrid", time(6)
TARIFF = """\
tariff: GAS
effective: 2026-01-01
zone: Europe/Madrid
day_start: "06:00"
currency: {code: EUR, digits: 2}
calendar:
  days: {work: mon-fri, weekend: rest}
  periods:
    night: [{days: work, at: "00:00-06:00"}]
    other: rest
determinants: {kwh: {sum: import, by: period}}
charges: [{id: energy, qty: kwh, price: {night: 1, other: 0.5}}]
"""


@pytest.mark.parametrize(
    "days",
    [
        DayRange(date(2026, 10, 1), date(2026, 11, 1)),
        DayRange(date(2026, 3, 1), date(2026, 4, 1)),
    ],
    ids=["autumn", "spring"],
)
def test_hours_are_the_clocks_and_days_those_that_a_day_begins_on(days: DayRange) -> None:
    version = TariffVersion.of(load_tariff(TARIFF))
    instants = days.interval(ZONE, SIX)

    def wh_at(local: datetime) -> int:
        return 1000 if local.hour < 6 else 0

    blocks = blocks_from(days, ZONE, 3600, wh_at, at=SIX)
    assert (blocks[0].start, blocks[-1].end) == (instants.start, instants.end)
    rated = rate({"import": blocks}, AgreementFacts(), [version], ResolvedCalendar(), days)
    found = {one.label: one.value for one in rated.determinants}
    # The night after a Friday belongs to Friday, that after a Sunday to Sunday; so does the hour
    # that comes twice in autumn, or that spring leaves out.
    work = sum(1 for day in days.days() if day.weekday() < 5)
    change = 1 if days.first.month == 10 else -1
    assert found == {
        "night": Fraction(6 * work),
        "other": Fraction(6 * (days.count - work) + change),
    }
    terms = Terms((version,), ResolvedCalendar(), days, BillingPeriod.month(days))
    meters = [Meter({"import": blocks}, AgreementFacts(), CarriedState())] * 4
    assert [one.determinants for one in rate_many(meters, terms)] == [rated.determinants] * 4
