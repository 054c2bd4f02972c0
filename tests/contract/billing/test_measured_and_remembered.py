"""Bills of tariffs that leave out estimates, or want every earlier month, through the run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.rating.inputs.agreement_facts import AgreementFacts
from central.domain.rating.inputs.billing_period import BillingPeriod
from central.domain.rating.inputs.carried_state import CarriedState, Peak
from central.domain.rating.inputs.segments import DayRange
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillRecord
from firmware_bridge.contract.interval import local_day
from firmware_bridge.contract.reading import Reading
from tests.support.actors import CLERK
from tests.support.books import HOURLY, NOVEMBER, OCTOBER, ZONE, Utility
from tests.support.ingest import channel
from tests.support.rating import blocks_from
from tests.support.stored_case import StoredCase

HOUR = timedelta(hours=1)
MEASURED = """\
tariff: MEASURED
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants:
  known_kw: {max: import, window: 60m, estimated: exclude}
  any_kw: {max: import, window: 60m, estimated: include}
charges:
  - {id: measured, qty: known_kw, price: 10}
  - {id: any, qty: any_kw, price: 10}
"""
REMEMBERED = """\
tariff: REMEMBERED
effective: 2026-01-01
zone: Europe/Madrid
currency: {code: EUR}
cycle: {normal_days: cycle}
determinants:
  kw: {max: import, window: 60m}
  mean: {expr: "mean(kw, months: 3)", unit: kW}
state: {kw: {months: 3, missing: hold}}
charges: [{id: demand, qty: mean, price: 10}]
"""
# 2 kW but for three hours of the 10th, of which the reading between the last two comes late.
USES = {18: 2_700, 19: 2_500, 9: 2_300}


def readings(*, without: Collection[int]) -> list[Reading]:
    """October's, hourly, without those of some hours of the 10th."""
    at, end = local_day(OCTOBER, ZONE).start, local_day(NOVEMBER, ZONE).start
    tenth = local_day(date(2026, 10, 10), ZONE).start
    of, register, made = channel("S1", period_s=HOURLY), 1_000, []
    while at <= end:
        hour = (at - tenth) // HOUR
        if hour not in without:
            made.append(Reading(of, at, register, 0))
        register += USES.get(hour, 2_000)
        at += HOUR
    return made


async def october(utility: Utility) -> BillRecord:
    run = RunBills(utility.billing, lambda: utility.now)
    started = await run.start(Cycle(2026, 10), CLERK)
    await run.work(started)
    (head,) = await utility.billing.heads(started)
    record = await utility.billing.bill(head.uid)
    assert record is not None
    return record


def amounts(record: BillRecord) -> dict[str, Decimal]:
    assert not record.bill.holds, record.bill.holds
    return {entry.line.key: entry.line.amount for entry in record.bill.lines}


async def test_an_estimate_is_no_peak_until_it_is_read(utility: Utility) -> None:
    edge = await utility.found(0)
    await utility.enrol.tariff(MEASURED)
    await utility.customer(1, "MEASURED", period_s=HOURLY)
    await utility.deliver(edge, readings(without={19}))
    await utility.validate()
    # 5.2 kWh in two hours are 2.6 kW in each; the highest that was read is 2.3.
    first = amounts(await october(utility))
    assert first == {"measured": Decimal("23.00"), "any": Decimal("26.00")}
    await utility.deliver(edge, [one for one in readings(without=()) if one.at.hour == 17][9:10])
    await utility.validate()
    second = amounts(await october(utility))
    assert second == {"measured": Decimal("27.00"), "any": Decimal("27.00")}


async def test_a_month_that_nobody_remembers_holds_what_rests_on_it(utility: Utility) -> None:
    days = DayRange(OCTOBER, NOVEMBER)
    blocks = {"import": blocks_from(days, ZONE, HOURLY, lambda _: 3_000)}
    peaks = tuple(
        Peak("kw", "", date(2026, month, 1), Fraction(kw)) for month, kw in ((8, 9), (9, 6))
    )
    period = BillingPeriod.month(days)
    known = StoredCase(
        *("known", (REMEMBERED,), period, days, blocks, AgreementFacts()),
        opening=CarriedState(peaks=peaks),
    )
    edge = await utility.found(0)
    utility.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    await known.enter(utility, edge)
    new = replace(known, name="new", opening=CarriedState())
    await new.enter(utility, edge)
    await utility.validate()
    assert amounts(await known.bill(utility)) == {"demand": Decimal("60.00")}
    record = await october(utility)
    assert record.bill.state is BillState.HELD
