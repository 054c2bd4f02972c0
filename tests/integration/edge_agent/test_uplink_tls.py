"""TLS with client certificates, against a real mosquitto with the deployed rules."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from central.adapters.embedded.broker import mosquitto_program
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.cancellation import end
from edge_agent.clock import ClockSource, SystemClock
from edge_agent.config.broker import Broker
from edge_agent.errors import BrokerSilentError, BrokerUnreachableError
from edge_agent.uplink.mqtt import Uplink
from edge_agent.uplink.session_runner import SessionRunner
from edge_agent.uplink.version_probe import ask_version
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.edge_centre import Centre, listening
from tests.support.servers import free_port, fresh_folder
from tests.support.site import Authority, DeployedBroker, deployed_broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

GATEWAY = "gw-1"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)


def reached(site: DeployedBroker, certificate_of: str) -> Broker:
    """The broker as a gateway with that name's certificate is configured."""
    certificate, key = site.authority.issue(certificate_of)
    return Broker(
        "127.0.0.1", site.port, ca_file=site.authority.ca_file, cert_file=certificate,
        key_file=key, tls=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Iterator[DeployedBroker]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian's package openssl), so no certificates")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        with deployed_broker(folder, authority, [GATEWAY, "gw-2", "gw-other"]) as found:
            yield found


class QuickClock(SystemClock):
    """Waits a tenth as long between attempts."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 10)


@asynccontextmanager
async def uplink_of(buffer: Buffer, *brokers: Broker) -> AsyncIterator[Uplink]:
    clock = QuickClock(ClockSource.TRUSTED)
    random = Random(1)  # noqa: S311 - jitter, repeatable
    uplink = Uplink(buffer.gateway, brokers, SessionRunner(buffer, random), clock, random)
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink
        assert not task.done()
    finally:
        await end(task)


async def store(buffer: Buffer, batches: int) -> None:
    for _ in range(batches):
        at = T0 + timedelta(minutes=15 * buffer.last)
        await buffer.store(Cycle(datetime.now(UTC), [Reading(CHANNEL, at, buffer.last, 0)]))


async def events(buffer: Buffer) -> list[str]:
    await buffer.flush()
    return [
        row[0] for row in await buffer.engine.database.rows("SELECT code FROM event ORDER BY id")
    ]


async def until(what: object, seconds: float = 60.0) -> None:
    assert callable(what)
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - nobody is told of a connection
            await asyncio.sleep(0.02)


async def test_a_gateway_with_its_certificate_is_served(
    site: DeployedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    await store(buffer, 20)
    centre = Centre(GATEWAY)
    context = site.centre.tls
    async with (
        listening(centre, site.centre_port, tls_context=context),
        uplink_of(buffer, reached(site, GATEWAY)) as uplink,
    ):
        await until(lambda: buffer.backlog == 0)
        assert uplink.failure is None
    assert len(centre.rows()) == 20
    assert await events(buffer) == []
    await buffer.close()


async def test_a_certificate_for_another_gateway_moves_nothing_and_heals_by_the_right_one(
    site: DeployedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", "gw-2", T0)
    await store(buffer, 5)
    centre = Centre("gw-2")
    wrong = reached(site, "gw-other")
    own = (tmp_path / "own.crt", tmp_path / "own.key")
    for source, copy in zip((wrong.cert_file, wrong.key_file), own, strict=True):
        assert source is not None
        shutil.copyfile(source, copy)
    broker = replace(wrong, cert_file=own[0], key_file=own[1])
    context = site.centre.tls
    async with (
        listening(centre, site.centre_port, tls_context=context),
        uplink_of(buffer, broker) as uplink,
    ):
        # The broker lets it in, confirms what it says, and passes none of it on.
        await until(lambda: uplink.connected)
        await store(buffer, 5)
        uplink.notify()
        await until(lambda: uplink.failure == "CERTIFICATE_NAME")
        await asyncio.sleep(0.5)
        assert (centre.arrivals, centre.hellos, buffer.backlog) == ([], [], 10)
        assert uplink.failure == "CERTIFICATE_NAME"
    for right, copy in zip(site.authority.issue("gw-2"), own, strict=True):
        shutil.copyfile(right, copy)
    async with (
        listening(centre, site.centre_port, tls_context=context),
        uplink_of(buffer, broker) as uplink,
    ):
        await until(lambda: buffer.backlog == 0)
        assert uplink.failure is None
    assert len(centre.rows()) == 10
    assert await events(buffer) == ["certificate_name"]
    await buffer.close()


async def assert_waits_with(code: str, buffer: Buffer, broker: Broker, attempts: int = 3) -> None:
    """It says why, once, goes on trying, and keeps what it has."""
    await store(buffer, 3)
    tried: list[object] = []
    find = Broker.tls_context

    def count(self: Broker) -> object:
        tried.append(self)
        return find(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Broker, "tls_context", count)
        async with uplink_of(buffer, broker) as uplink:
            await until(lambda: uplink.failure == code)
            await store(buffer, 3)
            await until(lambda: len(tried) >= attempts)
            assert not uplink.connected
    assert buffer.backlog == 6
    assert (await buffer.counts()).unacknowledged == 6
    assert await events(buffer) == [code.lower()]


async def test_a_broker_of_an_unknown_authority_is_not_trusted(
    site: DeployedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    stranger = Authority.found(tmp_path / "stranger")
    broker = replace(reached(site, GATEWAY), ca_file=stranger.ca_file)
    await assert_waits_with("BROKER_UNTRUSTED", buffer, broker)
    await buffer.close()


async def test_a_broker_whose_certificate_is_over_is_not_trusted(tmp_path: Path) -> None:
    with fresh_folder() as home:
        authority = Authority.found(home / "authority")
        with deployed_broker(home, authority, days=-1) as site:
            buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
            broker = reached(site, GATEWAY)
            await assert_waits_with("BROKER_UNTRUSTED", buffer, broker)
            await buffer.close()


async def test_a_certificate_that_the_broker_does_not_take_is_named(
    site: DeployedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    certificate, key = Authority.found(tmp_path / "stranger").issue(GATEWAY)
    broker = replace(reached(site, GATEWAY), cert_file=certificate, key_file=key)
    await assert_waits_with("BROKER_REFUSAL", buffer, broker)
    await buffer.close()


async def test_a_missing_certificate_file_stops_no_agent_and_heals(
    site: DeployedBroker, tmp_path: Path
) -> None:
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    broker = replace(
        reached(site, GATEWAY), cert_file=tmp_path / "absent.crt", key_file=tmp_path / "absent.key"
    )
    await assert_waits_with("BROKER_TLS", buffer, broker)
    centre = Centre(GATEWAY)
    context = site.centre.tls
    async with listening(centre, site.centre_port, tls_context=context), uplink_of(buffer, broker):
        for source, name in zip(site.authority.issue(GATEWAY), ("crt", "key"), strict=True):
            shutil.copyfile(source, tmp_path / f"absent.{name}")
        await until(lambda: buffer.backlog == 0)
    assert len(centre.rows()) == 6
    await buffer.close()


async def test_certificates_that_alternate_between_two_brokers_lose_nothing(
    site: DeployedBroker, tmp_path: Path
) -> None:
    """Each broker trusts an authority of its own, and a renewal changes from one to the other."""
    theirs = Authority.found(tmp_path / "second")
    both = tmp_path / "both.crt"
    both.write_text(site.authority.ca_file.read_text() + theirs.ca_file.read_text())
    pairs = [authority.issue(GATEWAY) for authority in (site.authority, theirs)]
    own = (tmp_path / "own.crt", tmp_path / "own.key")

    def put_in_force(pair: tuple[Path, Path]) -> None:
        for source, copy in zip(pair, own, strict=True):
            shutil.copyfile(source, copy)

    put_in_force(pairs[0])
    buffer = await Buffer.open(tmp_path / "buffer.db", GATEWAY, T0)
    centre = Centre(GATEWAY)
    with deployed_broker(tmp_path, theirs, [GATEWAY]) as other:
        sites = (site, other)
        brokers = [
            Broker("127.0.0.1", each.port, None, None, both, own[0], own[1], tls=True)
            for each in sites
        ]
        async with (
            listening(centre, site.centre_port, tls_context=site.centre.tls),
            listening(centre, other.centre_port, tls_context=other.centre.tls),
            uplink_of(buffer, *brokers) as uplink,
        ):
            for turn in range(6):
                # While batches are under way.
                await store(buffer, 20)
                uplink.notify()
                put_in_force(pairs[turn % 2])
                uplink.reconnect()
                await until(lambda: buffer.backlog == 0)
                assert uplink.broker.port == sites[turn % 2].port
                assert uplink.failure is None
                assert uplink.taken_over == 0
    assert len(centre.rows()) == 120
    said = await events(buffer)
    assert set(said) == {"broker_refusal"}
    # At most once for each change.
    assert len(said) <= 6
    await buffer.close()


async def test_what_is_no_broker_is_named() -> None:
    async def chatter(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await asyncio.sleep(0.1)
        writer.close()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(BrokerUnreachableError):
        await ask_version("127.0.0.1", free_port(), None)
    for serve in (chatter, mute):
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            with pytest.raises(BrokerSilentError):
                await ask_version("127.0.0.1", server.sockets[0].getsockname()[1], None, 0.3)
