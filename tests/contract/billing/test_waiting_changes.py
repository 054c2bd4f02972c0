"""A change that waits for validation keeps back each bill that it may reach, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from central.domain.billing.bill import Party
from central.domain.metering.service_point import DAY_S
from central.service.ports.registry import (
    AccountRecord,
    AgreementRecord,
    InstallationRecord,
    PointChannelRecord,
    PointRecord,
)
from central.service.ports.registry_services import ServiceRecord
from firmware_bridge.contract.interval import MIDNIGHT, day_start
from firmware_bridge.contract.obis import ACTIVE_IMPORT, GAS_VOLUME, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Reading
from tests.support.actors import noted
from tests.support.books import HOURLY, ZONE, Utility
from tests.support.daily_books import approve, run
from tests.support.ingest import Edge, channel

HOUR, SECOND, DAY = timedelta(hours=1), timedelta(seconds=1), timedelta(days=1)
FIRST, END = date(2026, 10, 29), date(2026, 11, 1)
SIX = time(6)
TARIFF = """\
tariff: PLAIN
effective: 2026-01-01
zone: Europe/Madrid
day_start: {at}
currency: {{code: EUR, digits: 2}}
determinants: {{used: {{sum: {quantity}}}}}
charges: [{{id: energy, qty: used, price: 0.50}}]
"""


async def supplied(utility: Utility, obis: Obis, period_s: int, at: time) -> Edge:
    """A customer of three days, read at each boundary from a day before them to a day after."""
    edge, gas, of = Edge("gw-1"), obis == GAS_VOLUME, counted(obis)
    utility.now = day_start(END + 3 * DAY, ZONE, at)
    await utility.gateways.enrol(edge.name, noted(utility.now))
    enrol = utility.enrol
    await enrol.seller(Party("Sierra"))
    await enrol.tariff(TARIFF.format(at=f"{at:%H:%M}", quantity="m3" if gas else "import"))
    await enrol.service_point(
        PointRecord("SP-1", ZONE),
        PointChannelRecord(obis, period_s, of.unit),
        services=[ServiceRecord("gas", day_start=SIX)] if gas else [],
    )
    begin, until = (day_start(day, ZONE, at) for day in (FIRST - 3 * DAY, END + DAY))
    await enrol.installation(InstallationRecord("SP-1", "MTL", "S1", begin, gateway="gw-1"))
    await enrol.account(AccountRecord("A-1", Party("Customer")))
    await enrol.agreement(AgreementRecord("A-1", "SP-1", "PLAIN", FIRST))
    boundaries = [begin + HOUR * place for place in range((until - begin) // HOUR + 1)]
    if period_s == DAY_S:
        boundaries = [day_start(FIRST + DAY * number, ZONE, at) for number in range(-3, 5)]
    await utility.deliver(edge, [reading(of, instant, begin) for instant in boundaries])
    await utility.validate()
    return edge


def counted(obis: Obis) -> Channel:
    unit = Unit.LITRE if obis == GAS_VOLUME else Unit.WATT_HOUR
    return replace(channel("S1"), obis=obis, unit=unit)


def reading(of: Channel, at: datetime, begin: datetime) -> Reading:
    """What the register shows at an instant, which need be no boundary."""
    return Reading(of, at, 1_000 * ((at - begin) // HOUR), 0)


@pytest.mark.parametrize(
    ("obis", "period_s", "at", "reach"),
    [
        (ACTIVE_IMPORT, HOURLY, MIDNIGHT, 2 * HOUR),
        (ACTIVE_IMPORT, DAY_S, MIDNIGHT, 25 * HOUR),
        (GAS_VOLUME, DAY_S, SIX, 25 * HOUR),
    ],
    ids=["hourly", "daily", "gas"],
)
async def test_a_late_reading_keeps_the_bills_back_that_it_may_reach(
    utility: Utility, obis: Obis, period_s: int, at: time, reach: timedelta
) -> None:
    edge = await supplied(utility, obis, period_s, at)
    of = counted(obis)
    begin, end = (day_start(day, ZONE, at) for day in (FIRST - 3 * DAY, END))
    summary = await run(utility, "2026-10")
    for near in (end + reach + 9 * SECOND, day_start(FIRST, ZONE, at) - reach - 9 * SECOND):
        await utility.deliver(edge, [reading(of, near, begin)])
        assert await approve(utility, summary) == [("A-1", "VALIDATION_PENDING")]
        held = await run(utility, "2026-10")
        assert [hold.code for hold in held.held[0].holds] == ["VALIDATION_PENDING"]
        await utility.validate()
        await run(utility, "2026-10")
    far = (end + reach + 12 * SECOND, day_start(FIRST, ZONE, at) - reach - 12 * SECOND)
    await utility.deliver(edge, [reading(of, instant, begin) for instant in far])
    assert await approve(utility, summary) == []
