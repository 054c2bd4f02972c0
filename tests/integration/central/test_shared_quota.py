"""Two real ingest processes together take of a gateway what its quota says, as one does."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import aiomqtt
import pytest

from central.adapters.embedded.broker import EmbeddedBroker
from firmware_bridge.contract.topics import QOS, up
from tests.support.ingest import Edge, channel, readings
from tests.support.ingest_processes import ask, enrol, processes
from tests.support.servers import Database

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=9)
QUOTA, FLOOD, OTHERS = 120, 600, 20
STORED = "SELECT count(*) FROM batch JOIN gateway g ON g.id = gateway_id WHERE name = '{}'"


def stored(database: Database, name: str) -> int:
    ((count,),) = ask(database, STORED.format(name))
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("count", [1, 2])
async def test_a_flood_gets_one_quota_from_all_processes(
    count: int, plain_migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(plain_migrated, "gw1", "gw2")
    flood, other = Edge("gw1"), Edge("gw2")
    for number in range(FLOOD):
        flood.seal(readings(1, START + timedelta(minutes=15 * number), number, channel("gw1")))
    for number in range(OTHERS):
        other.seal(readings(1, START + timedelta(hours=number), number, channel("gw2")))
    setting = {"METERLINE_GATEWAY_MESSAGES_PER_MINUTE": str(QUOTA)}
    async with (
        processes(count, plain_migrated, mosquitto, **setting) as workers,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
    ):
        assert len(workers) == count
        began = time.monotonic()
        for number in range(0, FLOOD, 10):
            for batch in flood.sealed[number : number + 10]:
                await client.publish(up("gw1"), batch.payload, QOS)
            if number % 30 == 0:
                one = other.sealed[number // 30]
                await client.publish(up("gw2"), one.payload, QOS)
            await asyncio.sleep(0.05)
        # Whoever is within his quota is stored whole, behind all that was sent before it.
        async with asyncio.timeout(60):
            while stored(plain_migrated, "gw2") < OTHERS:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.1)
        took = stored(plain_migrated, "gw1")
        passed_s = time.monotonic() - began
    # 1 % of the quota is told at once; what is on its way meanwhile may be taken twice.
    assert QUOTA <= took <= QUOTA + QUOTA * passed_s / 60 + 10 * count
