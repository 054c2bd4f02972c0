"""Bills through the bill run over local days of 0, 23.5 and 24.5 hours, issued and explained."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.rating.inputs.segments import DayRange
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    PointChannelRecord,
    PointRecord,
)
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.books import Utility
from tests.support.daily_books import bill, found, settle
from tests.support.rating import blocks_of

TARIFF = """\
tariff: T
effective: 2000-01-01
zone: {zone}
currency: {{code: EUR, digits: 2}}
determinants: {{kwh: {{sum: import}}, kw: {{max: import, window: 60m}}}}
charges: [{{id: energy, qty: kwh, price: 0.5}}, {{id: power, qty: kw, price: 1}}]
"""


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Pacific/Apia", date(2011, 12, 1), Decimal(30 * 24)),
        ("Australia/Lord_Howe", date(2026, 10, 1), Decimal("743.5")),
        ("Australia/Lord_Howe", date(2026, 4, 1), Decimal("720.5")),
    ],
)
async def test_a_month_is_billed_for_the_time_that_it_had(
    utility: Utility, zone: str, first: date, hours: Decimal
) -> None:
    end = (first + timedelta(days=31)).replace(day=1)
    utility.now = datetime(end.year, end.month, 5, 12, tzinfo=UTC)
    await found(utility, 0)
    await utility.enrol.tariff(TARIFF.format(zone=zone))
    channel = PointChannelRecord(ACTIVE_IMPORT, 1_800, Unit.WATT_HOUR)
    await utility.enrol.service_point(PointRecord("SP-1", zone), channel)
    await utility.enrol.account(AccountRecord("A-1", Party("Customer 1")))
    await utility.enrol.agreement(AgreementRecord("A-1", "SP-1", "T", first))
    days = DayRange(first, end)
    blocks = blocks_of(days, zone, 1_800, [1_000] * int(hours * 2))
    async with utility.validation.transaction() as work:
        await work.add_blocks(blocks, Actor.job("validate"), utility.now)
    await settle(utility, f"{first:%Y-%m}")
    record = await bill(utility, "A-1", f"{first:%Y-%m}")
    assert not record.bill.holds
    lines = {entry.line.id: entry.line.amount for entry in record.bill.lines}
    assert lines == {"energy": hours, "power": Decimal("2.00")}
