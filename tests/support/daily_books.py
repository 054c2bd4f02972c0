"""Customers whose points count once a day, so that a year of bills is quickly made."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from central.domain.actor import Actor
from central.domain.billing.bill import Party, RunType
from central.domain.billing.cycle import Cycle
from central.domain.billing.state import BillState
from central.domain.metering.block import DayBlock
from central.domain.metering.quality import IntervalQuality
from central.service.billing.approve_bills import ApproveBills, IssueBills
from central.service.billing.run_bills import RunBills
from central.service.ports.billing import BillHead, BillRecord, RunSummary
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, Obis
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import CHIEF, CLERK
from tests.support.books import Utility

FIRST = date(2026, 8, 1)
DAY_WH = 10_000
DAY = timedelta(days=1)

TARIFF = """\
tariff: {name}
effective: 2026-01-01
zone: UTC
currency: {{code: EUR, digits: 2}}
cycle: {{normal_days: 30}}
determinants: {{kwh: {{sum: import}}}}
charges: [{{id: energy, qty: kwh, price: {price}}}]
minimums: [{{id: yearly, of: energy, amount: 1, per: year}}]
"""
FEED_IN = """\
tariff: SOLD
effective: 2026-01-01
zone: UTC
currency: {code: EUR, digits: 2}
cycle: {normal_days: 30}
determinants: {sold: {sum: export}}
charges: [{id: sold, qty: sold, price: -0.05}]
"""


def at(day: date, hour: int = 6) -> datetime:
    """A time of a day."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


async def found(
    utility: Utility, customers: int = 1, *, since: date = FIRST, zone: str = "UTC"
) -> None:
    """Tariffs FLAT and DEAR, and points with an account each."""
    enrol = utility.enrol
    await enrol.seller(Party("Sierra Power"))
    await enrol.tariff(TARIFF.format(name="FLAT", price="0.30"))
    await enrol.tariff(TARIFF.format(name="DEAR", price="0.50"))
    for number in range(1, customers + 1):
        await enrol.service_point(
            PointRecord(f"SP-{number}", zone),
            PointChannelRecord(ACTIVE_IMPORT, 86_400, Unit.WATT_HOUR),
        )
        await enrol.account(AccountRecord(f"A-{number}", Party(f"Customer {number}")))
        await enrol.agreement(AgreementRecord(f"A-{number}", f"SP-{number}", "FLAT", since))


async def measured(  # noqa: PLR0913 - all but three have a default
    utility: Utility,
    first: date,
    end: date,
    channel: int = 1,
    *,
    wh: int = DAY_WH,
    version: int = 1,
    quality: IntervalQuality = IntervalQuality.ACTUAL,
) -> None:
    """Put days into a channel, 10 kWh each, validated where nothing else is said."""
    blocks = [
        DayBlock(
            channel_id=channel,
            day=first + DAY * number,
            zone="UTC",
            start=at(first + DAY * number, 0),
            period_s=86_400,
            exponent=0,
            unit=Unit.WATT_HOUR,
            values=np.array([wh], dtype=np.int64),
            quality=np.full(1, quality, dtype=np.uint8),
            version=version,
        )
        for number in range((end - first).days)
    ]
    async with utility.validation.transaction() as work:
        await work.add_blocks(blocks, Actor.job("validate"), utility.now)


async def run(
    utility: Utility,
    cycle: str,
    run_type: RunType = RunType.REGULAR,
    shard_size: int = 500,
    actor: Actor = CLERK,
) -> RunSummary:
    """Bill a cycle, as the clerk where nobody else is named."""
    use_case = RunBills(utility.billing, lambda: utility.now, shard_size)
    record = await use_case.start(Cycle.parse(cycle), actor, run_type)
    await use_case.work(record)
    return await utility.billing.summary(record)


async def approve(utility: Utility, summary: RunSummary) -> list[tuple[str, str]]:
    """Approve a run as the chief; account and code of what is refused."""
    outcome = await ApproveBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
    return [(bill.account, bill.code) for bill in outcome.refused]


async def issue(utility: Utility, summary: RunSummary) -> list[tuple[str, str]]:
    """Issue what is approved of a run as the chief; account and code of what is refused."""
    outcome = await IssueBills(utility.billing, lambda: utility.now).run(summary.run, CHIEF)
    return [(bill.account, bill.code) for bill in outcome.refused]


async def settle(utility: Utility, cycle: str) -> RunSummary:
    """Bill a cycle, and approve and issue its bills."""
    summary = await run(utility, cycle)
    assert await approve(utility, summary) == []
    assert await issue(utility, summary) == []
    return await run(utility, cycle)


async def heads(utility: Utility, summary: RunSummary) -> list[BillHead]:
    """The bills of a run that are not discarded."""
    return [
        head
        for head in await utility.billing.heads(summary.run)
        if head.state is not BillState.DISCARDED
    ]


async def bill(utility: Utility, account: str, period: str) -> BillRecord:
    """The newest bill of an account and period."""
    bills = await utility.billing.of_period(account, period)
    record = await utility.billing.bill(bills[-1].uid) if bills else None
    assert record is not None, (account, period)
    return record


def sells(obis: Obis = ACTIVE_EXPORT) -> PointChannelRecord:
    """A daily channel for what is sold."""
    return PointChannelRecord(obis, 86_400, Unit.WATT_HOUR)
