"""What gateways may still send is one figure for all processes, on every server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from central.adapters.timescale.ingest.gateway_rates import TimescaleGatewayRates
from central.adapters.timescale.pool import make_pool
from central.service.ports.gateway_rate import RateQuota, Sent
from tests.support.servers import Database

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
QUOTA = RateQuota(messages=600, payload_bytes=6_000)
ENROL = (
    "INSERT INTO gateway (name, enrolled_at) SELECT 'gw' || n, now() FROM generate_series(1, 9) n"
)


@pytest.fixture
def enrolled(migrated: Database) -> Database:
    with psycopg.connect(migrated.dsn, autocommit=True) as owner:
        owner.execute(ENROL)
    return migrated


async def test_what_was_sent_is_taken_off_and_fills_with_time(enrolled: Database) -> None:
    async with make_pool(enrolled.dsn_as("meterline_app"), max_size=2) as pool:
        rates = TimescaleGatewayRates(pool)
        first = await rates.debit({"gw1": Sent(100, 6_500), "stranger": Sent(1, 1)}, QUOTA, NOW)
        assert first == {"gw1": Sent(500, -500)}
        # 10 messages and 100 bytes a second.
        later = NOW + timedelta(seconds=3)
        assert await rates.debit({"gw1": Sent(50, 0)}, QUOTA, later) == {"gw1": Sent(480, -200)}
        # The clock of another process that is behind fills nothing, and takes nothing away.
        assert await rates.debit({"gw1": Sent(10, 0)}, QUOTA, NOW) == {"gw1": Sent(470, -200)}
        later += timedelta(seconds=6)
        assert await rates.debit({"gw1": Sent(0, 0)}, QUOTA, later) == {"gw1": Sent(530, 400)}
        later += timedelta(days=1)
        assert await rates.debit({"gw1": Sent(1, 1)}, QUOTA, later) == {"gw1": Sent(599, 5_999)}


async def test_many_processes_lose_no_debit_and_wait_for_none_for_ever(enrolled: Database) -> None:
    names = [f"gw{number}" for number in range(1, 10)]
    async with make_pool(enrolled.dsn, max_size=8) as pool:
        rates = TimescaleGatewayRates(pool)
        orders = [names if turn % 2 else names[::-1] for turn in range(60)]
        await asyncio.gather(
            *(rates.debit(dict.fromkeys(order, Sent(5, 90)), QUOTA, NOW) for order in orders)
        )
        credits_left = await rates.debit(dict.fromkeys(names, Sent(0, 0)), QUOTA, NOW)
    assert credits_left == dict.fromkeys(names, Sent(300, 600))
