"""A hostile gateway among honest ones: no process ends, and nobody waits."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import aiomqtt
import psycopg
import pytest
from pydantic import SecretStr

from central.adapters.embedded.broker import EmbeddedBroker
from central.adapters.timescale.migrate import migrate
from central.config.ingest import IngestSettings
from central.process.ingest import run_ingest
from central.service.ports.faults import StoreUnfitError
from firmware_bridge.contract.messages import Ack, decode_down
from firmware_bridge.contract.topics import QOS, down, status, up
from tests.support.hostile import bad_batches, bad_hellos, bad_statuses
from tests.support.ingest import Edge, channel, readings
from tests.support.ingest_processes import PATIENCE_S, ask, enrol, environment, processes
from tests.support.servers import Database

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
HONEST = ("gw1", "gw2", "gw3")
# However busy the machine is: whom a hostile gateway holds up waits for longer.
LONGEST_DELAY_S = 20.0
SURROGATE = b'{"v":1,"state":"online","agent":"\\ud800"}'


async def longest_delay(client: aiomqtt.Client, edges: list[Edge], rounds: int) -> float:
    """Send honest batches one after the other, each once the one before is acknowledged. [s]"""
    longest = 0.0
    for number in range(len(edges[0].sealed), len(edges[0].sealed) + rounds):
        waiting = {}
        for edge in edges:
            start = START + number * timedelta(hours=1)
            batch = edge.seal(readings(4, start, number * 4, channel(edge.name)))
            waiting[edge.epoch] = batch.sha256
            await client.publish(up(edge.name), batch.payload, QOS)
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE_S):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                said = decode_down(message.payload)
                if isinstance(said, Ack) and waiting.get(said.epoch) == said.cum_hash:
                    del waiting[said.epoch]
                if not waiting:
                    break
        longest = max(longest, time.monotonic() - began)
    return longest


async def settled(database: Database, poison: int) -> None:
    """Wait until what the hostile gateway sent has come to its end, in its own lane."""
    async with asyncio.timeout(PATIENCE_S):
        count = "SELECT count(*) FROM quarantine WHERE code = 'POISON_23514'"
        while ask(database, count) != [(poison,)]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.2)


async def flood(broker: EmbeddedBroker, payloads: Iterable[bytes], topic: str) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port, identifier=uuid4().hex) as bad:
        for payload in payloads:
            await bad.publish(topic, payload, QOS)
            await asyncio.sleep(0.01)


async def test_a_hostile_gateway_ends_no_process_and_delays_no_honest_one(
    migrated: Database, mosquitto: EmbeddedBroker, record_property: pytest.FixtureRequest
) -> None:
    enrol(migrated, *HONEST, "evil")
    with psycopg.connect(migrated.dsn, autocommit=True) as connection:
        # Stands for whatever the database may refuse of data that decodes.
        connection.execute("ALTER TABLE reading ADD CONSTRAINT poison CHECK (mantissa <> 666)")
    evil = Edge("evil")
    poison = [
        evil.seal(readings(1, START + timedelta(hours=n), 666, channel("EVIL"))) for n in range(60)
    ]
    spoilt = [*bad_hellos().values(), *bad_batches("evil").values()]
    edges = [Edge(name) for name in HONEST]
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        # Retained, so that every process meets them at its start.
        await client.publish(status("evil"), SURROGATE, QOS, retain=True)
        await client.publish(status("never-enrolled"), SURROGATE, QOS, retain=True)
        for name in HONEST:
            await client.subscribe(down(name), QOS)
        async with processes(2, migrated, mosquitto):
            calm = await longest_delay(client, edges, 10)
            attack = asyncio.gather(
                flood(mosquitto, spoilt, up("evil")),
                flood(mosquitto, [batch.payload for batch in poison], up("evil")),
                flood(mosquitto, bad_statuses().values(), status("evil")),
                flood(mosquitto, bad_statuses().values(), status("never-enrolled")),
            )
            longest = await longest_delay(client, edges, 30)
            await attack
            longest = max(longest, await longest_delay(client, edges, 1))
            await settled(migrated, len(poison))
        record_property("delay_s", f"calm {calm:.3f}, attacked {longest:.3f}")  # type: ignore[operator]
        # And again, with all that is retained there from the beginning.
        async with processes(1, migrated, mosquitto):
            await longest_delay(client, [Edge("gw1")], 1)
    # A machine that is busy with other things is slow without a hostile gateway too.
    assert longest < LONGEST_DELAY_S + calm
    codes = {code for (code,) in ask(migrated, "SELECT DISTINCT code FROM rejected")}
    assert {"BAD_TEXT", "MALFORMED", "SCHEMA"} <= codes
    named = ask(
        migrated, "SELECT DISTINCT gateway FROM rejected WHERE code = 'BAD_TEXT' ORDER BY 1"
    )
    assert named == [("evil",), ("never-enrolled",)]
    held = ask(migrated, "SELECT count(*) FROM quarantine WHERE code = 'POISON_23514'")
    assert held == [(60,)]
    honest = "SELECT count(*) FROM reading JOIN channel c ON c.id = channel_id JOIN meter m"
    honest += " ON m.id = meter_id WHERE serial LIKE 'gw%'"
    assert ask(migrated, honest) == [(3 * 41 * 4,)]
    assert ask(migrated, "SELECT DISTINCT reconciles FROM reconciliation") == [(True,)]


async def test_a_database_of_another_release_ends_ingest_with_one_sentence(
    plain_database: Database, mosquitto: EmbeddedBroker
) -> None:
    settings = IngestSettings(database=SecretStr(plain_database.dsn), broker_port=mosquitto.port)
    with pytest.raises(StoreUnfitError, match="migrate"):
        await run_ingest(settings)
    migrate(plain_database.dsn)
    enrol(plain_database, "gw1")
    with psycopg.connect(plain_database.dsn, autocommit=True) as connection:
        connection.execute("UPDATE schema_migration SET version = version + 1000")
    with pytest.raises(StoreUnfitError, match="schema has version"):
        await run_ingest(settings)


@pytest.mark.parametrize(
    "fault",
    ["ALTER TABLE reading RENAME TO gone", "REVOKE INSERT ON batch FROM meterline_app"],
    ids=["a table is gone", "a right is gone"],
)
async def test_a_fault_of_the_deployment_is_said_once_and_ends_the_process(
    plain_migrated: Database, mosquitto: EmbeddedBroker, fault: str
) -> None:
    enrol(plain_migrated, "gw1")
    edge = Edge("gw1")
    first, second = (edge.seal(readings(4, START + timedelta(days=day))) for day in (0, 1))
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "central.process.ingest", env=environment(plain_migrated, mosquitto),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe(down("gw1"), QOS)
        async with asyncio.timeout(PATIENCE_S):
            said = None
            while not isinstance(said, Ack) or said.cum < 1:
                await client.publish(up("gw1"), first.payload, QOS)
                try:
                    async with asyncio.timeout(1.0):
                        message = await anext(client.messages)
                except TimeoutError:
                    continue
                assert isinstance(message.payload, bytes)
                said = decode_down(message.payload)
            with psycopg.connect(plain_migrated.dsn, autocommit=True) as connection:
                connection.execute(fault.encode())
            await client.publish(up("gw1"), second.payload, QOS)
            _, errors = await worker.communicate()
    text = errors.decode()
    assert worker.returncode != 0
    assert "Traceback" not in text
    assert text.count("STORE_UNFIT") == 1
    assert ask(plain_migrated, "SELECT count(*) FROM quarantine") == [(0,)]
