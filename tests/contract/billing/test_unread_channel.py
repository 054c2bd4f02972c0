"""What nobody is billed for holds no bill, and nobody is sent to read it: on every store."""

from __future__ import annotations

from datetime import timedelta

from central.domain.vee.estimated_gap import field_order
from central.service.ports.registry import PointChannelRecord, PointRecord
from central.service.ports.validation import ChannelDay, PointChannelId
from central.service.validation.estimate_held import EstimateTally
from firmware_bridge.contract.obis import ACTIVE_EXPORT
from firmware_bridge.contract.quantity import Unit
from tests.contract.billing.test_bill_window import (
    AUGUST,
    DAY,
    GAP,
    bill,
    codes,
    days,
    estimate,
    found,
    metered,
)
from tests.support.books import HOURLY, NOVEMBER, OCTOBER, TARIFF, ZONE, Utility
from tests.support.ingest import Edge

EXPORT = PointChannelId(2)


async def with_export(utility: Utility) -> Edge:
    """A meter that counts export, too, of which nothing ever came; its customer pays by import."""
    edge = await found(utility)
    channel = PointChannelRecord(ACTIVE_EXPORT, HOURLY, Unit.WATT_HOUR)
    await utility.enrol.service_point(PointRecord("SP-1", ZONE), channel)
    await metered(utility, edge, days(AUGUST, NOVEMBER, GAP))
    return edge


async def test_nobody_reads_on_site_what_is_not_billed(utility: Utility) -> None:
    await with_export(utility)
    await bill(utility, 9, 10)
    assert await estimate(utility) == EstimateTally(days=10)
    assert "ESTIMATED_GAP" in await codes(utility)
    assert (await bill(utility, 10)).held_count == 0
    # Another version reads it: now it is missing.
    solar = TARIFF.replace("sum: import", "sum: net").replace(
        "determinants:", "series: {net: {expr: import - export}}\ndeterminants:"
    )
    await utility.enrol.tariff(solar, reason="as the contract says")
    assert (await bill(utility, 9, 10)).held_count == 1
    assert (await estimate(utility)).orders == 2


async def test_what_validation_says_of_it_holds_no_bill(utility: Utility) -> None:
    edge = await with_export(utility)
    async with utility.validation.transaction() as work:
        await work.lock([EXPORT])
        (block,) = await work.days_of(EXPORT, OCTOBER, OCTOBER + DAY)
        order = field_order(block, "As its tariff read it once.", NOVEMBER)
        await work.raise_findings({ChannelDay(EXPORT, OCTOBER): (order,)}, utility.now)
    await metered(utility, edge, days(*GAP))
    assert (await bill(utility, 9, 10)).held_count == 0
    assert (await utility.validation.open_findings(EXPORT))[0].day <= OCTOBER + timedelta(days=1)
