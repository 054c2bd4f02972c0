"""The oldest day that is over and not closed, of all channels, on every server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from central.adapters.timescale.validation.unclosed_days import TimescaleUnclosedDays
from central.service.ports.registry import InstallationRecord, PointChannelRecord, PointRecord
from central.service.ports.unclosed_days import UnclosedDays
from central.service.validation.unclosed_days import CountUnclosedDays
from central.service.validation.validate import VeeSettings
from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import noted
from tests.support.books import HOURLY, Utility, pool_of, timescale_utility
from tests.support.servers import Database

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)


class Watched:
    """A utility, and what is counted of its days."""

    def __init__(self, utility: Utility, store: TimescaleUnclosedDays) -> None:
        self.utility, self.store = utility, store

    async def install(self, point: str, zone: str, since: date, end: date | None = None) -> None:
        utility = self.utility
        await utility.enrol.service_point(
            PointRecord(point, zone),
            PointChannelRecord(ACTIVE_IMPORT, HOURLY, Unit.WATT_HOUR),
            PointChannelRecord(ACTIVE_EXPORT, HOURLY, Unit.WATT_HOUR),
        )
        start = datetime(since.year, since.month, since.day, 6, tzinfo=UTC)
        until = None if end is None else datetime(end.year, end.month, end.day, 6, tzinfo=UTC)
        meter = InstallationRecord(point, "MTL", point, start, end=until, gateway="gw-1")
        await utility.enrol.installation(meter)

    async def count(self, grace: timedelta = timedelta(minutes=15)) -> UnclosedDays:
        now = self.utility.now
        counted = await CountUnclosedDays(self.store, lambda: now, VeeSettings(grace=grace))()
        assert await self.store.newest() == counted
        return counted


@pytest.fixture
async def watched(migrated: Database) -> AsyncIterator[Watched]:
    async with timescale_utility(migrated.dsn) as utility:
        pool = pool_of(utility)
        utility.now = NOW
        await utility.gateways.enrol("gw-1", noted(NOW))
        yield Watched(utility, TimescaleUnclosedDays(pool))


async def test_a_channel_that_was_never_heard_holds_it_back_until_it_is_closed(
    watched: Watched, migrated: Database
) -> None:
    assert await watched.store.newest() is None
    assert await watched.count() == UnclosedDays(NOW, 0)
    await watched.install("SP-1", "UTC", date(2026, 11, 2))
    await watched.install("SP-2", "Europe/Madrid", date(2026, 10, 30), end=date(2026, 11, 1))
    # Today is not over anywhere else, and no meter was there before.
    await watched.install("SP-3", "America/New_York", date(2026, 11, 4))
    counted = await watched.count()
    assert counted == UnclosedDays(NOW, 4, date(2026, 10, 30), "SP-2", str(ACTIVE_IMPORT))
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        # All days of SP-2 but one are closed, and the server does not know the zone of SP-1.
        owner.execute(
            "UPDATE point_channel SET closed_through = CASE"
            " WHEN service_point_id = 1 THEN NULL WHEN obis = '\\x0100010800ff' THEN '2026-11-01'"
            " ELSE '2026-10-31'::date END"
        )
        owner.execute("UPDATE service_point SET zone = 'Mars/Olympus' WHERE name = 'SP-1'")
    counted = await watched.count()
    assert (counted.channels, counted.oldest, counted.point) == (3, date(2026, 11, 1), "SP-2")
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute("UPDATE service_point SET zone = 'UTC' WHERE name = 'SP-1'")
    await watched.utility.validate()
    assert await watched.count() == UnclosedDays(NOW, 0)
    # A day later the day is over; its grace may last.
    watched.utility.now += timedelta(hours=12, minutes=20)
    assert (await watched.count(grace=timedelta(hours=1))).channels == 0
    assert (await watched.count()).oldest == date(2026, 11, 4)
    # Another worker takes what was counted a moment ago.
    now = watched.utility.now + timedelta(seconds=20)
    count = CountUnclosedDays(watched.store, lambda: now, VeeSettings())
    assert (await count(timedelta(seconds=30))).as_of == watched.utility.now
    assert (await count(timedelta(seconds=10))).as_of == now
