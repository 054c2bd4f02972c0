"""A channel that counts once a day is rated by local days of 23, 24 and 25 hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from central.domain.rating.bill_lines.line import Rated
from central.domain.rating.charged_energy import charged_energy
from central.domain.rating.columnar.rate_batch import rate_many
from central.domain.rating.columnar.terms import Meter, Terms
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState
from central.domain.rating.inputs.price_series import PriceSeries
from central.domain.rating.inputs.segments import DayRange
from central.domain.rating.lineage import explain
from central.domain.rating.rate import rate
from central.domain.tariff.calendar import ResolvedCalendar
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.version import TariffVersion
from firmware_bridge.contract.interval import MIDNIGHT, local_day, zone_info
from tests.support.rating import blocks_from

DAY_S, DAY = 86_400, timedelta(days=1)
MADRID, SANTIAGO, SIX = "Europe/Madrid", "America/Santiago", time(6)
CALENDAR = ResolvedCalendar()
MONTHS = [
    (MADRID, MIDNIGHT, DayRange(date(2026, 10, 1), date(2026, 11, 1))),
    (MADRID, SIX, DayRange(date(2026, 3, 1), date(2026, 4, 1))),
    (SANTIAGO, MIDNIGHT, DayRange(date(2026, 4, 1), date(2026, 5, 1))),
    (SANTIAGO, MIDNIGHT, DayRange(date(2026, 9, 1), date(2026, 10, 1))),
]
HEAD = """\
tariff: GAS
effective: {effective}
zone: {zone}
day_start: "{at:%H:%M}"
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: 30}}
"""
NAMED = "determinants: {{{0}: {{sum: import}}}}\ncharges: [{{id: e, qty: {0}, price: 1}}]\n"
SUMS = """\
calendar:
  days: {work: mon-fri, weekend: rest}
  periods: {busy: [{days: work, at: "00:00-24:00"}], calm: rest}
determinants: {kwh: {sum: import, by: period}}
charges:
  - {id: energy, qty: kwh, price: {busy: 1, calm: 0.5}}
  - {id: tiers, qty: kwh.total, steps: [{to: 20, price: 1}, {to: null, price: 2}]}
"""


def version(body: str, zone: str, at: time, effective: date = date(2026, 1, 1)) -> TariffVersion:
    head = HEAD.format(effective=effective, zone=zone, at=at)
    return TariffVersion.of(load_tariff(head + body))


def rated(
    versions: Sequence[TariffVersion],
    days: DayRange,
    zone: str = MADRID,
    at: time = MIDNIGHT,
    prices: Sequence[PriceSeries] = (),
) -> Rated:
    """A bill of a channel that used as many hundreds of watt-hours as the day of the month.

    Alone and in a batch, and its lines proven from their days.
    """
    blocks = blocks_from(days, zone, DAY_S, lambda local: local.day * 100, at=at)
    facts, inputs = AgreementFacts(), {"import": blocks}
    alone = rate(inputs, facts, versions, CALENDAR, days, prices=prices)
    terms = Terms(tuple(versions), CALENDAR, days, BillingPeriod.month(days), prices=tuple(prices))
    meters = [Meter(inputs, facts, CarriedState())] * 4
    assert [one.determinants for one in rate_many(meters, terms)] == [alone.determinants] * 4
    for line in alone.lines:
        for proof in explain(line, inputs):
            for used in proof.intervals:
                day = used.start.astimezone(zone_info(zone)).date()
                span = local_day(day, zone, at)
                assert (used.start, used.end) == (span.start, span.end)
    return alone


@pytest.mark.parametrize(("zone", "at", "days"), MONTHS)
def test_each_day_counts_by_its_own_kind(zone: str, at: time, days: DayRange) -> None:
    found = rated([version(SUMS, zone, at)], days, zone, at)
    assert found.holds == ()
    kwh = {one.label: one.value for one in found.determinants if one.name == "kwh"}
    busy = sum(day.day for day in days.days() if day.weekday() < 5)
    every = sum(day.day for day in days.days())
    assert kwh["busy"] * 10 == busy
    assert kwh["calm"] * 10 == every - busy
    tiers = [line.amount for line in found.lines if line.id == "tiers"]
    assert sum(tiers) == 20 + 2 * (Decimal(every) / 10 - 20)


@pytest.mark.parametrize(("zone", "at", "days"), MONTHS)
def test_versions_that_follow_each_other_charge_each_day_once(
    zone: str, at: time, days: DayRange
) -> None:
    change = days.end - 2 * DAY
    versions = [
        version(NAMED.format("old"), zone, at),
        version(NAMED.format("new"), zone, at, change),
    ]
    found = rated(versions, days, zone, at)
    assert found.holds == ()
    every = sum(day.day for day in days.days())
    assert charged_energy(found.lines, "import") * 10 == every
    late = next(part for part in found.determinants if part.name == "new")
    assert late.selection is not None
    assert late.selection.start == local_day(change, zone, at).start


DYNAMIC = """\
series: {h: {price: H}}
charges: [{id: energy, qty: import, times: h}]
"""


def test_a_day_takes_the_price_that_all_its_hours_have() -> None:
    days = DayRange(date(2026, 10, 24), date(2026, 10, 27))
    start = datetime(2026, 10, 23, 20, tzinfo=UTC)
    # From 22:00 UTC, 22:00 UTC and 23:00 UTC on: 24, 25 and 24 hours.
    hours = [None] * 2 + [1] * 24 + [2] * 25 + [3] * 24 + [None]
    found = rated(
        [version(DYNAMIC, MADRID, MIDNIGHT)],
        days,
        prices=[PriceSeries("H", start, 3600, tuple(hours), 0)],
    )
    assert found.holds == ()
    assert sum(line.amount for line in found.lines) == Decimal("2.4") + 5 + Decimal("7.8")
    hours[30] = 9
    found = rated(
        [version(DYNAMIC, MADRID, MIDNIGHT)],
        days,
        prices=[PriceSeries("H", start, 3600, tuple(hours), 0)],
    )
    assert [hold.code for hold in found.holds] == ["MISSING_PRICE"]


DEMAND = "determinants: {kw: {max: import}}\ncharges: [{id: d, qty: kw, price: 1}]\n"


def test_demand_is_not_compared_over_days_of_different_length() -> None:
    demand = [version(DEMAND, MADRID, MIDNIGHT)]
    found = rated(demand, DayRange(date(2026, 10, 1), date(2026, 11, 1)))
    assert [hold.code for hold in found.holds] == ["MIXED_INTERVALS"]
    found = rated(demand, DayRange(date(2026, 9, 1), date(2026, 10, 1)))
    assert found.determinants[0].exact * 24 == 3
