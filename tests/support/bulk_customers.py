"""Many customers with a validated October each, put into the tables as validation would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import numpy as np
import psycopg

from central.adapters.timescale.pool import make_pool
from central.adapters.timescale.registry.registry import TimescaleRegistry
from central.adapters.timescale.validation.validation import TimescaleValidationStore
from central.domain.actor import Actor
from central.domain.billing.bill import Party
from central.domain.metering.block import DayBlock
from central.service.registry.register import Enrol
from firmware_bridge.contract.interval import expected_count, local_day
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from tests.support.actors import OPERATOR
from tests.support.books import NOVEMBER, NOW, OCTOBER, TARIFF, ZONE

_AT_ONCE = 1_000
_INSERT_CUSTOMERS = """\
WITH point AS (
    INSERT INTO service_point (uid, name, zone, created_at)
    SELECT gen_random_uuid(), 'SP-' || n, %(zone)s, %(now)s FROM generate_series(1, %(count)s) AS n
    RETURNING id, name
), counted AS (
    INSERT INTO point_channel (service_point_id, obis, period_s, unit, closed_through)
    SELECT id, %(obis)s, 900, 'Wh', '2026-10-31' FROM point ORDER BY id
    RETURNING id
), service AS (
    INSERT INTO service (uid, service_point_id, name)
    SELECT gen_random_uuid(), id, 'electricity' FROM point ORDER BY id
    RETURNING id, service_point_id
), payer AS (
    INSERT INTO account (uid, number, name, created_at)
    SELECT gen_random_uuid(), 'A-' || n, 'Customer ' || n, %(now)s
    FROM generate_series(1, %(count)s) AS n
    RETURNING id, number
), occupancy AS (
    INSERT INTO occupancy (uid, account_id, service_id, billing_from)
    SELECT gen_random_uuid(), payer.id, service.id, '2026-10-01'
    FROM payer
    JOIN point ON substr(point.name, 4) = substr(payer.number, 3)
    JOIN service ON service.service_point_id = point.id
    ORDER BY payer.id
    RETURNING id, account_id, service_id, billing_from
), root AS (
    INSERT INTO billed_period (occupancy_id, end_day) SELECT id, billing_from FROM occupancy
)
INSERT INTO agreement (
    uid, account_id, service_point_id, service_id, tariff_id, during, occupancy_id
)
SELECT
    gen_random_uuid(), occupancy.account_id, point.id, service.id, tariff.id, '[2026-10-01,)',
    occupancy.id
FROM occupancy
JOIN service ON service.id = occupancy.service_id
JOIN point ON point.id = service.service_point_id
JOIN tariff ON tariff.name = 'HOME'
"""


async def seed_customers(dsn: str, count: int, tariff: str = TARIFF) -> None:
    """Make the schema and `count` customers who can be billed for October."""
    async with make_pool(dsn, max_size=2) as pool:
        enrol = Enrol(TimescaleRegistry(pool), OPERATOR, lambda: NOW)
        await enrol.seller(Party("Sierra Power"))
        await enrol.tariff(tariff)
        with psycopg.connect(dsn, autocommit=True) as connection:
            values = {"zone": ZONE, "count": count, "obis": ACTIVE_IMPORT.code, "now": NOW}
            connection.execute(_INSERT_CUSTOMERS, values)
            rows = connection.execute("SELECT id FROM point_channel ORDER BY id").fetchall()
        channels = [row[0] for row in rows]
        for first in range(0, len(channels), _AT_ONCE):
            blocks = list(october_blocks(channels[first : first + _AT_ONCE]))
            async with TimescaleValidationStore(pool).transaction() as work:
                await work.add_blocks(blocks, Actor.job("validate"), NOW)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def october_blocks(channels: list[int]) -> Iterator[DayBlock]:
    """A block per channel and day of October, of use that varies by channel, day and hour."""
    days = [OCTOBER + timedelta(days=number) for number in range((NOVEMBER - OCTOBER).days)]
    spans = {day: local_day(day, ZONE) for day in days}
    for channel in channels:
        for day in days:
            count = expected_count(spans[day], 900)
            values = (np.arange(count, dtype=np.int64) * 7 + channel * 3 + day.day) % 400
            yield DayBlock(
                channel_id=channel,
                day=day,
                zone=ZONE,
                start=spans[day].start,
                period_s=900,
                exponent=0,
                unit=Unit.WATT_HOUR,
                values=values,
                quality=np.zeros(count, dtype=np.uint8),
            )


def october_kwh(channels: list[int]) -> Decimal:
    """What they used. [kWh]."""
    return Decimal(sum(block.total() for block in october_blocks(channels))) / 1000
