"""Days share a line's amount, whole or cut at any of them, and sum to it to the last cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.unbilled import by_day
from central.domain.metering.block import DayBlock
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.line_days import day_weights, share_before
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from firmware_bridge.contract.interval import day_start
from tests.support.months import ZONE, version
from tests.support.rating import blocks_from

MONTH = Cycle.parse("2026-10").period
TARIFF = """\
tariff: t
effective: 2020-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
calendar:
  seasons: {s: 10-11..12-31, w: rest}
  days: {work: mon-fri, off: rest}
  periods: {P1: [{days: work, at: "08:00-20:00"}], P2: rest}
series: {both: {expr: import - export}}
determinants:
  kwh: {sum: import, by: period}
  net: {sum: both}
  kw: {max: import, window: 60m}
charges:
  - {id: basic, price: 5, per: month}
  - {id: energy, qty: kwh, price: {P1: 0.31, P2: 0.13}}
  - {id: net, qty: net, price: 0.01}
  - {id: power, qty: kw, price: 2}
taxes:
  - {id: levy, percent: 5.11, of: [energy, power], point: interval}
  - {id: vat, percent: 21, of: [all], point: interval}
"""


def used(days: DayRange) -> dict[str, list[DayBlock]]:
    """Hourly use that differs from day to day; a clock change is among the days."""

    def imported(at: datetime) -> int:
        return 100 + 37 * at.day % 90 + 11 * at.hour % 70

    return {
        "import": blocks_from(days, ZONE, 3600, imported),
        "export": blocks_from(days, ZONE, 3600, lambda at: imported(at) - 60, channel_id=2),
    }


@pytest.mark.parametrize("count", [1, 10, 31])
def test_a_line_cut_at_a_day_is_the_sum_of_its_days(count: int) -> None:
    days = DayRange(MONTH.days.first, MONTH.days.first + timedelta(days=count))
    blocks = used(days)
    tariff = version(TARIFF)
    rated = rate(blocks, AgreementFacts(), [tariff], ResolvedCalendar(), days, period=MONTH)
    assert not rated.holds
    weights = day_weights(rated.lines, blocks)
    for line in rated.lines:
        own = weights[line.key]
        assert sum(own.by_day.values()) == own.total > 0
        for cut in days.days():
            if line.first < cut < line.end:
                early = Fraction(sum(w for day, w in own.by_day.items() if day < cut), own.total)
                start = day_start(cut, ZONE, tariff.document.day_start)
                assert share_before(line, cut, start, rated.lines, blocks) == early
    charges = by_day(rated.lines, days, blocks)
    assert set(charges) == set(days.days())
    for line in rated.lines:
        mine = [other.amount for other in rated.lines if other.id == line.id]
        spread = [of_day.get(line.id, Decimal(0)) for of_day in charges.values()]
        assert sum(spread) == sum(mine)
