"""Local days of 0 to 26 hours, in zones that had them: every interval is billed once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.rating.running_bill import RunningBill
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from tests.support import brute
from tests.support.rating import blocks_of

TARIFF = """\
tariff: long-days
effective: 1980-01-01
zone: {zone}
currency: {{code: USD}}
cycle: {{normal_days: cycle}}
calendar:
  seasons: {{s: "{border:%m-%d}..{border:%m-%d}", w: rest}}
  periods: {{low: [{{at: "22:00-07:00"}}], high: rest}}
determinants:
  kwh: {{sum: import, by: period}}
  all: {{sum: import}}
  kw: {{max: import, window: 60m}}
  daily: {{max: import, window: 60m, per: day}}
charges:
  - {{id: energy, qty: kwh, price: {{low: 1, high: 1}}}}
  - {{id: fixed, per: day, price: 1}}
  - {{id: demand, qty: kw, price: 1}}
  - {{id: peaks, qty: daily, price: 1}}
  - {{id: steps, qty: all, steps: [{{to: 2, unit: kWh/day, price: 1}}, {{to: null, price: 1}}]}}
"""
# A zone, one of its days, the hours that the day had.
DAYS = [
    ("Pacific/Apia", "2011-12-30", 0),
    ("Pacific/Fakaofo", "2011-12-30", 0),
    ("Pacific/Kwajalein", "1993-08-21", 0),
    ("Pacific/Kiritimati", "1994-12-31", 0),
    ("Antarctica/Casey", "2009-10-18", 21),
    ("Antarctica/Troll", "2026-03-29", 22),
    ("Europe/Madrid", "2026-03-29", 23),
    ("Africa/Cairo", "2026-04-24", 23),
    ("Australia/Lord_Howe", "2026-10-04", 23.5),
    ("Asia/Pyongyang", "2018-05-04", 23.5),
    ("Asia/Kolkata", "2026-10-04", 24),
    ("Australia/Lord_Howe", "2026-04-05", 24.5),
    ("Asia/Pyongyang", "2015-08-14", 24.5),
    ("Europe/Madrid", "2026-10-25", 25),
    ("America/Havana", "2026-11-01", 25),
    ("Antarctica/Troll", "2026-10-25", 26),
]


def bills(zone: str, days: DayRange, border: date, step_s: int) -> tuple[Rated, list[int]]:
    """The bill of some days, alone, running, among many and beside others; and what was counted."""
    start, end = brute.instants(days.first, days.end, zone)
    wh = [37 * n % 900 for n in range((end - start) // timedelta(seconds=step_s))]
    blocks = {"import": blocks_of(days, zone, step_s, wh)}
    version = TariffVersion.of(load_tariff(TARIFF.format(zone=zone, border=border)))
    period, calendar = BillingPeriod.month(days), ResolvedCalendar()
    alone = rate(blocks, AgreementFacts(), (version,), calendar, days, period=period)
    assert not alone.holds, alone.holds
    terms = Terms((version,), calendar, days, period)
    for of_many in (1, 4):
        assert rate_many([Meter(blocks)] * of_many, terms)[-1].sha256 == alone.sha256
    running = RunningBill(AgreementFacts(), [version], calendar, period)
    for day in days.days():
        running.add({"import": [block for block in blocks["import"] if block.day <= day]})
    amounts = [(line.key, line.exact) for line in alone.lines]
    assert [(line.key, line.exact) for line in running.bill().lines] == amounts
    for line in alone.lines:
        explain(line, blocks)
    return alone, wh


@pytest.mark.parametrize(("zone", "day", "hours"), DAYS)
@pytest.mark.parametrize("step_s", [900, 1800, 3600])
def test_a_day_of_any_length_is_billed(zone: str, day: str, hours: float, step_s: int) -> None:
    odd = date.fromisoformat(day)
    days = DayRange(odd - timedelta(days=2), odd + timedelta(days=3))
    if hours * 3600 % step_s:
        pytest.skip("such a day is no whole number of these intervals")
    start, end = brute.instants(odd, odd + timedelta(days=1), zone)
    assert (end - start).total_seconds() == hours * 3600
    # A season of nothing but the odd day, and one that begins elsewhere.
    for border in (odd, odd + timedelta(days=100)):
        bill, wh = bills(zone, days, border, step_s)
        energy = sum((line.exact for line in bill.lines if line.id == "energy"), Fraction(0))
        assert energy == Fraction(sum(wh), 1000)
        stepped = sum((line.exact for line in bill.lines if line.id == "steps"), Fraction(0))
        assert stepped == energy
        begin = brute.instants(days.first, days.end, zone)[0]
        peaks: dict[date, Fraction] = {}
        for on, power in windows(begin, step_s, wh, zone):
            peaks[on] = max(power, peaks.get(on, Fraction(0)))
        daily = sum((line.exact for line in bill.lines if line.id == "peaks"), Fraction(0))
        assert daily == sum(peaks.values())


def windows(begin: datetime, step_s: int, wh: list[int], zone: str) -> list[tuple[date, Fraction]]:
    """Local hours that are whole and of one day, with their mean power. [kW]."""
    own: dict[tuple[date, int, object], list[int]] = {}
    for number, value in enumerate(wh):
        at = (begin + timedelta(seconds=step_s * number)).astimezone(ZoneInfo(zone))
        own.setdefault((at.date(), at.hour, at.utcoffset()), []).append(value)
    return [
        (day, Fraction(sum(values), 1000))
        for (day, _, _), values in own.items()
        if len(values) * step_s == 3600
    ]
