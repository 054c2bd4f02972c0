"""Ingest between a real broker and a real database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiomqtt
import psycopg
from pydantic import SecretStr

from central.adapters.embedded.broker import EmbeddedBroker
from central.config.ingest import IngestSettings
from central.process.ingest import run_ingest
from firmware_bridge.contract.envelope import HEADER_BYTES, digest
from firmware_bridge.contract.messages import (
    Ack,
    EpochState,
    GatewayState,
    Hello,
    Start,
    Status,
    decode_down,
    encode_hello,
    encode_status,
)
from firmware_bridge.contract.reading import Reading
from firmware_bridge.contract.reports import (
    ConfigurationReport,
    ConfigurationState,
    RefusalReport,
)
from firmware_bridge.contract.topics import ALL_DOWN, QOS, down, status, up
from tests.support.ingest import Edge, channel, readings
from tests.support.servers import Database

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
PATIENCE_S = 60.0


@asynccontextmanager
async def running(
    database: Database, broker: EmbeddedBroker, messages_per_minute: int = 6_000
) -> AsyncIterator[None]:
    """Ingest in this process."""
    settings = IngestSettings(
        database=SecretStr(database.dsn),
        broker_port=broker.port,
        gateway_messages_per_minute=messages_per_minute,
    )
    ready = asyncio.Event()
    task = asyncio.create_task(run_ingest(settings, ready=ready))
    await asyncio.wait_for(ready.wait(), PATIENCE_S)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def enrol(database: Database, *names: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for name in names:
            connection.execute(
                "INSERT INTO gateway (name, enrolled_at) VALUES (%s, now())", (name,)
            )


def ask(database: Database, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.dsn) as connection:
        return connection.execute(query.encode()).fetchall()


async def next_ack(client: aiomqtt.Client, epoch: UUID, cum: int) -> Ack:
    """The first acknowledgement of an epoch that reaches `cum`, or asks for a new epoch."""
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            said = decode_down(message.payload)
            if isinstance(said, Ack) and said.epoch == epoch and _is_due(said, cum):
                return said
    raise AssertionError


def _is_due(ack: Ack, cum: int) -> bool:
    return ack.cum >= cum or ack.new_epoch


async def drained(client: aiomqtt.Client, edges: list[Edge]) -> None:
    """Wait until the last batch of every gateway is acknowledged."""
    waiting = {edge.epoch: edge.sealed[-1].sha256 for edge in edges}
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            said = decode_down(message.payload)
            if isinstance(said, Ack) and waiting.get(said.epoch) == said.cum_hash:
                del waiting[said.epoch]
            if not waiting:
                return


def of_version(payload: bytes, version: int, gateway: str, epoch: UUID, sequence: int) -> bytes:
    body = payload[HEADER_BYTES:]
    sha256 = digest(gateway, version, epoch, sequence, body)
    head = payload[:3] + bytes([version]) + payload[4 : HEADER_BYTES - 32]
    return head + sha256 + body


async def test_each_bad_batch_gets_its_own_name_is_kept_and_the_queue_moves_on(
    migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(migrated, "gw1", "gw2")
    edge, other, again = Edge("gw1"), Edge("gw2"), Edge("gw1")
    first, second = (edge.seal(readings(10, START + timedelta(days=day))) for day in (0, 1))
    theirs = other.seal(readings(10, START, of=channel("B2")))
    replayed = again.seal([Reading(channel(), START, 999, 0)])
    version_9 = of_version(second.payload, 9, "gw1", edge.epoch, 2)
    async with (
        running(migrated, mosquitto),
        aiomqtt.Client("127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5) as client,
    ):
        for name in ("gw1", "gw2"):
            await client.subscribe(down(name), QOS)
        await client.publish(up("gw2"), theirs.payload, QOS)
        await next_ack(client, other.epoch, 1)
        bad = [
            first.payload[:-3],
            first.payload + bytes(64 * 1024),
            theirs.payload,
        ]
        for payload in (*bad, first.payload, version_9):
            await client.publish(up("gw1"), payload, QOS)
        ack = await next_ack(client, edge.epoch, 2)
        assert (ack.cum, ack.new_epoch) == (2, False)
        await client.publish(up("gw1"), replayed.payload, QOS)
        assert (await next_ack(client, again.epoch, 1)).cum == 1
        # Behind all of them the queue still moves.
        last = again.seal(readings(5, START + timedelta(days=2)))
        await client.publish(up("gw1"), last.payload, QOS)
        assert (await next_ack(client, again.epoch, 2)).cum_hash == last.sha256
    assert ask(migrated, "SELECT code, payload_bytes FROM rejected ORDER BY code") == [
        ("OVERSIZE", len(first.payload) + 64 * 1024),
        ("TRUNCATED", len(first.payload) - 3),
        ("WRONG_GATEWAY", len(theirs.payload)),
    ]
    assert ask(migrated, "SELECT code, payload FROM quarantine") == [("UNKNOWN_VERSION", version_9)]
    assert ask(migrated, "SELECT mantissa, kept_mantissa FROM conflict") == [(999, 0)]
    assert ask(migrated, "SELECT count(*) FROM reading") == [(25,)]
    assert ask(migrated, "SELECT DISTINCT reconciles FROM reconciliation") == [(True,)]


async def test_hello_status_and_start_on_either_protocol(
    plain_migrated: Database, broker: EmbeddedBroker
) -> None:
    enrol(plain_migrated, "gw1")
    edge = Edge("gw1")
    batch = edge.seal(readings(10, START))
    word = Status(GatewayState.ONLINE, "edge/1", datetime.now(UTC), 7)
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(down("gw1"), QOS)
        await client.subscribe(ALL_DOWN, QOS)
        await client.publish(status("gw1"), encode_status(word), QOS, retain=True)
        async with running(plain_migrated, broker):
            async with asyncio.timeout(PATIENCE_S):
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    assert isinstance(decode_down(message.payload), Start)
                    break
            await client.publish(up("gw1"), batch.payload, QOS)
            assert (await next_ack(client, edge.epoch, 1)).cum_hash == batch.sha256
            state = EpochState(edge.epoch, 1, 1, batch.sha256, 0, bytes(32))
            hello = Hello(b"0123456789abcdef", datetime.now(UTC), "edge/1", (state,))
            await client.publish(up("gw1"), encode_hello(hello), QOS)
            ack = await next_ack(client, edge.epoch, 1)
            assert (ack.nonce, ack.cum) == (hello.nonce, 1)
    ((state_, backlog, seen),) = ask(
        plain_migrated, "SELECT status, backlog, last_seen_at IS NOT NULL FROM gateway_seen"
    )
    assert (state_, backlog, seen) == ("online", 7, True)


async def test_nothing_that_a_revoked_gateway_reports_is_kept(
    plain_migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(plain_migrated, "gw1", "gw2")

    def word(waiting: int, meter: str) -> bytes:
        now = datetime.now(UTC)
        report = ConfigurationReport(ConfigurationState.GOOD, waiting)
        refusal = RefusalReport(meter, "NOT_A_NUMBER", "It is none.", now)
        return encode_status(
            Status(GatewayState.ONLINE, "edge/1", now, waiting, report, refused=(refusal,))
        )

    async def said(client: aiomqtt.Client, name: str, waiting: int, meter: str) -> None:
        await client.publish(status(name), word(waiting, meter), QOS, retain=True)

    async def until(query: str, answer: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if ask(plain_migrated, query) == [(answer,)]:
                    return
                await asyncio.sleep(0.05)

    backlog = "SELECT backlog FROM gateway WHERE name = "
    kept = "SELECT status, agent, backlog, status_at FROM gateway WHERE name = 'gw1'"
    found = "SELECT count(*) FROM finding"
    async with (
        aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
        running(plain_migrated, mosquitto),
    ):
        await said(client, "gw1", 7, "one")
        await until(f"{backlog}'gw1'", 7)
        await until(found, 1)
        with psycopg.connect(plain_migrated.dsn, autocommit=True) as owner:
            owner.execute("UPDATE gateway SET revoked_at = now() WHERE name = 'gw1'")
        before = ask(plain_migrated, kept)
        await said(client, "gw1", 8, "two")
        # The other's came later, over the same connection, and what it says is found.
        await said(client, "gw2", 9, "three")
        await until(f"{backlog}'gw2'", 9)
        await until(found, 2)
        assert ask(plain_migrated, kept) == before


async def test_processes_share_the_work(migrated: Database, mosquitto: EmbeddedBroker) -> None:
    names = [f"gw{number}" for number in range(6)]
    enrol(migrated, *names)
    environment = {
        **os.environ,
        "METERLINE_DATABASE": migrated.dsn,
        "METERLINE_BROKER_PORT": str(mosquitto.port),
    }
    edges = [Edge(name) for name in names]
    for edge in edges:
        for number in range(20):
            start = START + number * timedelta(minutes=150)
            edge.seal(readings(10, start, number * 10, channel(edge.name)))
    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.subscribe(ALL_DOWN, QOS)
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "central.process.ingest", env=environment,
                stdout=asyncio.subprocess.DEVNULL,
            )
            for _ in range(2)
        ]  # fmt: skip
        try:
            started = set()
            async with asyncio.timeout(PATIENCE_S):
                async for message in client.messages:
                    started.add(message.payload)
                    if len(started) == len(workers):
                        break
            for edge in edges:
                await client.subscribe(down(edge.name), QOS)
            for number in range(20):
                for edge in edges:
                    await client.publish(up(edge.name), edge.sealed[number].payload, QOS)
            await drained(client, edges)
        finally:
            for worker in workers:
                worker.terminate()
            ends = [await worker.wait() for worker in workers]
    assert ends == [0, 0]
    counted = "SELECT count(*), count(DISTINCT (channel_id, at)) FROM reading"
    assert ask(migrated, counted) == [(1200, 1200)]
    used = ask(migrated, "SELECT count(*) FROM finding")
    assert used == [(0,)]


async def test_poison_is_taken_apart_and_the_batches_beside_it_are_unharmed(
    migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(migrated, "gw1", "gw2")
    with psycopg.connect(migrated.dsn, autocommit=True) as connection:
        # Stands for whatever the database may refuse of data that decodes.
        connection.execute("ALTER TABLE reading ADD CONSTRAINT poison CHECK (mantissa <> 666)")
    edge, other = Edge("gw1"), Edge("gw2")
    good = [readings(10, START + timedelta(days=day)) for day in (0, 2)]
    poison = [Reading(channel(), START + timedelta(days=1), 666, 0)]
    batches = [edge.seal(values) for values in (good[0], poison, good[1])]
    theirs = other.seal(readings(10, START, of=channel("B2")))
    async with running(migrated, mosquitto), aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        for name in ("gw1", "gw2"):
            await client.subscribe(down(name), QOS)
        for payload, name in [*((b.payload, "gw1") for b in batches), (theirs.payload, "gw2")]:
            await client.publish(up(name), payload, QOS)
        assert (await next_ack(client, edge.epoch, 3)).cum_hash == batches[2].sha256
        # The other's may come after it.
        async with asyncio.timeout(60):
            while ask(migrated, "SELECT count(*) FROM reading") < [(30,)]:  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.1)
    assert ask(migrated, "SELECT code FROM quarantine") == [("POISON_23514",)]
    assert ask(migrated, "SELECT count(*) FROM reading") == [(30,)]


async def test_a_database_that_goes_away_is_waited_for(
    migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(migrated, "gw1")
    edge = Edge("gw1")
    first, second = (edge.seal(readings(10, START + timedelta(days=day))) for day in (0, 1))
    async with running(migrated, mosquitto), aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe(down("gw1"), QOS)
        await client.publish(up("gw1"), first.payload, QOS)
        await next_ack(client, edge.epoch, 1)
        with psycopg.connect(migrated.dsn, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'meterline-ingest' AND datname = current_database()"
            )
        await client.publish(up("gw1"), second.payload, QOS)
        await next_ack(client, edge.epoch, 2)
    assert ask(migrated, "SELECT count(*) FROM reading") == [(20,)]


async def test_what_a_gateway_sends_beyond_its_quota_comes_later_and_is_a_finding(
    migrated: Database, mosquitto: EmbeddedBroker
) -> None:
    enrol(migrated, "gw1", "gw2")
    flood, other = Edge("gw1"), Edge("gw2")
    for number in range(64):
        flood.seal(readings(1, START + timedelta(hours=number), number, channel("gw1")))
    other.seal(readings(1, START, 7, channel("gw2")))
    async with (
        running(migrated, mosquitto, messages_per_minute=60),
        aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
    ):
        await client.subscribe(down("gw1"), QOS)
        await client.subscribe(down("gw2"), QOS)
        for batch in flood.sealed:
            await client.publish(up("gw1"), batch.payload, QOS)
        await client.publish(up("gw2"), other.sealed[0].payload, QOS)
        await next_ack(client, other.epoch, 1)
        stored = "SELECT count(*) FROM batch JOIN gateway g ON g.id = gateway_id WHERE name = 'gw1'"
        assert ask(migrated, stored) != [(64,)]
        async with asyncio.timeout(PATIENCE_S):
            while ask(migrated, stored) != [(64,)]:
                await asyncio.sleep(1.1)  # a gateway waits for longer
                ((count,),) = ask(migrated, stored)
                assert isinstance(count, int)
                for batch in flood.sealed[count:]:
                    await client.publish(up("gw1"), batch.payload, QOS)
        found = "SELECT key FROM finding WHERE closed_at IS NULL"
        async with asyncio.timeout(PATIENCE_S):
            while ask(migrated, found) != [("OVER_QUOTA:gw1",)]:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
    assert ask(migrated, "SELECT DISTINCT reconciles FROM reconciliation") == [(True,)]
