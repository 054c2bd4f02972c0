"""Ingest, the deployed broker and the database: who is enrolled is served, nobody else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import aiomqtt
import psycopg
import pytest
from pydantic import SecretStr

from central.adapters.embedded.broker import mosquitto_program
from central.config.ingest import IngestSettings
from central.process.ingest import run_ingest
from firmware_bridge.contract.messages import Ack, decode_down
from firmware_bridge.contract.topics import CENTRE, QOS, down, up
from tests.support.ingest import Edge, readings
from tests.support.servers import Database, fresh_folder
from tests.support.site import Authority, DeployedBroker, deployed_broker

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
PATIENCE_S = 60.0


def tell(database: Database, statement: str) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


async def acknowledged(site: DeployedBroker, edge: Edge, payload: bytes, to: int) -> None:
    """Come in until the broker lets it, say it, and wait for the answer."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            v5 = aiomqtt.ProtocolVersion.V5
            tls = site.context(edge.name)
            async with aiomqtt.Client("127.0.0.1", site.port, tls_context=tls, protocol=v5) as one:
                codes = await one.subscribe(down(edge.name), QOS)
                if getattr(codes[0], "value", codes[0]) >= 128:
                    await asyncio.sleep(0.1)
                    continue
                await one.publish(up(edge.name), payload, QOS)
                async for message in one.messages:
                    said = decode_down(bytes(message.payload))
                    if isinstance(said, Ack) and said.cum >= to:
                        return


async def test_the_registry_is_the_brokers_rule_within_seconds(migrated: Database) -> None:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        with deployed_broker(folder, authority, ["left-over"]) as site:
            await _live(migrated, site)


async def _live(database: Database, site: DeployedBroker) -> None:
    site.context(CENTRE)
    own = site.centre_authority.folder
    settings = IngestSettings(
        database=SecretStr(database.dsn),
        broker_port=site.centre_port,
        broker_ca=site.authority.ca_file,
        broker_certificate=own / f"{CENTRE}.crt",
        broker_key=own / f"{CENTRE}.key",
        broker_rules="dynamic-security",
    )
    ready, edge = asyncio.Event(), Edge("gw1")
    first, second = (edge.seal(readings(3, START + timedelta(days=day))) for day in (0, 1))
    task = asyncio.create_task(run_ingest(settings, ready=ready))
    try:
        await asyncio.wait_for(ready.wait(), PATIENCE_S)
        tell(database, "INSERT INTO gateway (name, enrolled_at) VALUES ('gw1', now())")
        await acknowledged(site, edge, first.payload, 1)
        tls = site.context("gw1")
        async with aiomqtt.Client("127.0.0.1", site.port, tls_context=tls) as revoked:
            tell(database, "UPDATE gateway SET revoked_at = now()")
            with pytest.raises(aiomqtt.MqttError):
                async with asyncio.timeout(PATIENCE_S):
                    await anext(revoked.messages)
        tell(database, "UPDATE gateway SET revoked_at = NULL")
        await acknowledged(site, edge, second.payload, 2)
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
