"""Price series on every store, and bills at the price of each hour."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.inputs.price_days import PriceDay
from central.domain.rating.inputs.price_series import PriceSeries
from central.service.billing.lineage import ExplainBill
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillRecord
from central.service.ports.registry import AgreementRecord
from central.service.ports.series import SeriesConflictError
from central.service.rating.keep_series import KeptSeries, keep_series
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CLERK, OPERATOR, TRADER, person
from tests.support.books import NOVEMBER, NOW, OCTOBER, QUARTER, ZONE, Utility, month
from tests.support.ingest import channel

CYCLE = Cycle.parse("2026-10")
START = local_day(OCTOBER, ZONE).start
HOURS = 31 * 24 + 1
FLAT = PriceSeries("ES.DA", START, 3600, (100,) * HOURS, -3)
SPOT = """\
tariff: SPOT
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
series: {spot: {price: ES.DA}}
determinants: {kwh: {sum: import}}
charges:
  - {id: pool, qty: import, times: spot}
  - {id: fee, qty: kwh, price: 0.01}
"""


async def spot_bill(utility: Utility) -> BillRecord:
    summary = await RunBills(utility.billing, lambda: NOW)(CYCLE, CLERK)
    (head,) = await utility.billing.heads(summary.run)
    found = await utility.billing.bill(head.uid)
    assert found is not None
    return found


async def spot_customer(
    utility: Utility, tariff: str = SPOT, readings: Sequence[Reading] | None = None
) -> None:
    edge = await utility.found(customers=0)
    enrol = utility.enrol
    await enrol.tariff(tariff)
    await utility.customer(1)
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "HOME", date(2026, 9, 1), end=OCTOBER))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "SPOT", OCTOBER))
    await utility.deliver(edge, list(readings or month()))
    await utility.validate()


async def kept(utility: Utility, first: date, end: date) -> tuple[PriceDay, ...]:
    async with utility.series.transaction() as series:
        return await series.newest(["ES.DA", "unknown"], first, end)


async def test_a_series_is_kept_by_utc_day_and_twice_is_once(utility: Utility) -> None:
    assert await keep_series(utility.series, FLAT, TRADER) == KeptSeries(added=32)
    assert await keep_series(utility.series, FLAT, TRADER) == KeptSeries(unchanged=32)
    days = await kept(utility, date(2026, 9, 1), date(2026, 12, 1))
    assert [one.day for one in days] == [date(2026, 9, 30) + timedelta(n) for n in range(32)]
    # Madrid's October begins at 22:00 UTC and ends at 23:00.
    assert days[0].mantissas == (None,) * 22 + (100,) * 2
    assert days[-1].mantissas == (100,) * 23 + (None,)
    assert all(one.version == 1 for one in days)


async def test_what_is_asked_of_a_series_is_half_open(utility: Utility) -> None:
    await keep_series(utility.series, FLAT, TRADER)
    days = await kept(utility, OCTOBER, OCTOBER + timedelta(days=1))
    assert [one.day for one in days] == [OCTOBER]


async def test_a_known_price_changes_only_with_a_reason(utility: Utility) -> None:
    await keep_series(utility.series, FLAT, TRADER)
    wrong = PriceSeries("ES.DA", START, 3600, (100, 250), -3)
    with pytest.raises(SeriesConflictError):
        await keep_series(utility.series, wrong, TRADER)
    (day,) = await kept(utility, date(2026, 9, 30), OCTOBER)
    assert (day.version, day.mantissas[23]) == (1, 100)
    done = await keep_series(utility.series, wrong, TRADER, reason="the exchange republished")
    assert done == KeptSeries(corrected=1)
    (day,) = await kept(utility, date(2026, 9, 30), OCTOBER)
    assert (day.version, day.mantissas[22:]) == (2, (100, 250))


async def test_a_hole_is_filled_and_quarter_hours_take_over(utility: Utility) -> None:
    holed = replace(FLAT, mantissas=(100, None, *FLAT.mantissas[2:]))
    await keep_series(utility.series, holed, TRADER)
    quarters = PriceSeries("ES.DA", START + timedelta(hours=1), 900, (1, 2, 3, 4), -1)
    assert await keep_series(utility.series, quarters, TRADER) == KeptSeries(completed=1)
    (day,) = await kept(utility, date(2026, 9, 30), OCTOBER)
    assert (day.step_s, day.exponent, day.version) == (900, -3, 2)
    assert day.mantissas[88:] == (100, 100, 100, 100, 100, 200, 300, 400)


async def test_two_who_say_the_same_at_once_are_one(utility: Utility) -> None:
    done = await asyncio.gather(
        *(keep_series(utility.series, FLAT, person(f"trader {n}")) for n in range(4))
    )
    assert sorted(one.added for one in done) == [0, 0, 0, 32]
    assert sorted(one.unchanged for one in done) == [0, 32, 32, 32]


async def test_a_bill_is_at_the_price_of_each_hour(utility: Utility) -> None:
    await spot_customer(utility)
    await keep_series(utility.series, FLAT, TRADER)
    made = await spot_bill(utility)
    assert made.bill.state is BillState.DRAFT
    amounts = {entry.line.key: entry.line.amount for entry in made.bill.lines}
    # 2,980 quarter-hours of 25 Wh are 74.5 kWh.
    assert amounts == {"pool": Decimal("7.45"), "fee": Decimal("0.75")}


async def test_a_price_that_is_not_known_holds_the_bill_until_it_is(utility: Utility) -> None:
    await spot_customer(utility)
    await keep_series(utility.series, replace(FLAT, mantissas=FLAT.mantissas[:-1]), TRADER)
    held = await spot_bill(utility)
    assert held.bill.state is BillState.HELD
    assert [hold.code for hold in held.bill.holds] == ["MISSING_PRICE"]
    await keep_series(utility.series, FLAT, TRADER)
    assert (await spot_bill(utility)).bill.state is BillState.DRAFT


async def test_prices_of_other_months_leave_a_bill_as_it_is(utility: Utility) -> None:
    await spot_customer(utility)
    await keep_series(utility.series, FLAT, TRADER)
    first = await spot_bill(utility)
    november = PriceSeries("ES.DA", local_day(NOVEMBER, ZONE).start, 3600, (999,) * 24, -3)
    await keep_series(utility.series, november, TRADER)
    again = await spot_bill(utility)
    assert (again.sha256, again.uid) == (first.sha256, first.uid)


async def test_a_corrected_price_makes_a_draft_anew(utility: Utility) -> None:
    await spot_customer(utility)
    await keep_series(utility.series, FLAT, TRADER)
    first = await spot_bill(utility)
    dearer = PriceSeries("ES.DA", START, 3600, (10_100,), -3)
    await keep_series(utility.series, dearer, TRADER, reason="republished")
    again = await spot_bill(utility)
    # One hour of 100 Wh costs 10 a kWh more.
    assert again.bill.amounts.billed - first.bill.amounts.billed == Decimal("1.00")
    assert again.sha256 != first.sha256


async def fail_after_adding(utility: Utility) -> None:
    async with utility.series.transaction() as series:
        await series.hold("ES.DA")
        day = PriceDay("ES.DA", OCTOBER, 3600, 0, (1,) * 24)
        await series.add([day], TRADER, None, datetime(2026, 10, 1, tzinfo=UTC))
        raise ZeroDivisionError


async def test_a_failed_import_leaves_nothing(utility: Utility) -> None:
    with pytest.raises(ZeroDivisionError):
        await fail_after_adding(utility)
    assert await kept(utility, OCTOBER, NOVEMBER) == ()


CALORIFIC = """\
tariff: SPOT
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
series: {heat: {expr: import * cv, factors: {cv: ES.DA}, unit: kWh}}
determinants: {kwh: {sum: heat}}
charges:
  - {id: energy, qty: kwh, price: 1}
"""


async def test_a_factor_series_is_read_like_prices(utility: Utility) -> None:
    await spot_customer(utility, CALORIFIC)
    assert [hold.code for hold in (await spot_bill(utility)).bill.holds] == ["MISSING_FACTOR"]
    await keep_series(utility.series, FLAT, TRADER)
    # 74.5 kWh, a tenth of it.
    assert (await spot_bill(utility)).bill.amounts.billed == Decimal("7.45")


REBATE = """\
tariff: SPOT
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR, digits: 2}
series: {events: {price: ES.DA}}
determinants:
  kwh: {sum: import}
  saved: {rebate: import, during: events, baseline: {days: 2, pick: 2}}
charges:
  - {id: energy, qty: kwh, price: 1}
  - {id: rebate, qty: saved, price: -10}
"""


async def test_a_baseline_looks_at_days_before_the_cycle(utility: Utility) -> None:
    # 200 Wh an hour from 26 September on, 100 Wh in October, and an event in its first hour.
    first = local_day(date(2026, 9, 26), ZONE).start
    quarters = (START - first) // QUARTER
    meter = channel("S1")
    september = [Reading(meter, first + n * QUARTER, n * 50, 0) for n in range(quarters)]
    shown = september[-1].mantissa + 50
    october = [replace(one, mantissa=one.mantissa - 1000 + shown) for one in month()]
    await spot_customer(utility, REBATE, [*september, *october])
    hours = quarters // 4
    called = PriceSeries("ES.DA", first, 3600, (0,) * hours + (1,) + (0,) * (HOURS - 1), 0)
    await keep_series(utility.series, called, OPERATOR)
    made = await spot_bill(utility)
    assert made.bill.holds == ()
    amounts = {entry.line.key: entry.line.amount for entry in made.bill.lines}
    # 0.1 kWh saved at 10.
    assert amounts == {"energy": Decimal("74.50"), "rebate": Decimal("-1.00")}
    assert made.kwh == Decimal("74.5")
    proofs = await ExplainBill(utility.billing).bill(str(made.uid))
    days = {one.start.date() for line in proofs for proof in line.proofs for one in proof.intervals}
    assert min(days) < date(2026, 9, 30)


async def test_what_nobody_sent_events_of_counts_none(utility: Utility) -> None:
    counted = SPOT.replace("determinants: {", "determinants: {calls: {events: api, take: count}, ")
    await spot_customer(utility, counted + "  - {id: calls, qty: calls, price: 0.5}\n")
    await keep_series(utility.series, FLAT, TRADER)
    made = await spot_bill(utility)
    assert made.bill.holds == ()
    amounts = {entry.line.key: entry.line.amount for entry in made.bill.lines}
    assert amounts["calls"] == 0
