"""A gateway from its claim code on: at a real broker with TLS, a real database, and over HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import aiomqtt
import pytest
from typer.testing import CliRunner

from central.adapters.authority import FileAuthority, X509Reader, certificates_in
from central.adapters.documents.invoice import render_invoice
from central.adapters.embedded.broker import mosquitto_program
from central.adapters.mqtt.dynamic_security import DynamicSecurity
from central.adapters.timescale.pool import Pool, make_pool
from central.adapters.timescale.registry.certificates import TimescaleClaimStore
from central.adapters.timescale.registry.gateways import TimescaleGatewayStore
from central.api.app import create_app
from central.api.server import serving
from central.api.settings import WebSettings
from central.process.services import timescale_services
from central.service.gateways.broker_access import BrokerRules
from central.service.gateways.claims import ClaimTerms, GatewayClaims, invite_gateway
from central.service.gateways.enrolment import revoke_gateway
from edge_agent.agent import signer_of
from edge_agent.buffer.buffer import Buffer
from edge_agent.buffer.records import Cycle
from edge_agent.cancellation import end
from edge_agent.cli import EXIT_ENVIRONMENT, app
from edge_agent.clock import ClockSource, SystemClock
from edge_agent.config.settings import EdgeConfig, load_config
from edge_agent.enrolment.centre import Centre as CentreLine
from edge_agent.enrolment.identity import Identity
from edge_agent.enrolment.renewal import Renewal
from edge_agent.uplink.mqtt import Uplink
from edge_agent.uplink.session_runner import SessionRunner
from firmware_bridge.contract.obis import ACTIVE_IMPORT
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Channel, Kind, Reading, Source
from tests.support.actors import CLERK
from tests.support.edge_centre import Centre, listening
from tests.support.edge_clock import HandClock
from tests.support.servers import Database, fresh_folder
from tests.support.site import Authority, DeployedBroker, deployed_broker

CHANNEL = Channel("EAS", "1", ACTIVE_IMPORT, Kind.REGISTER, 900, Source.LIVE, Unit.WATT_HOUR)
T0 = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def behind_tls(address: str, authority: Authority) -> AsyncIterator[str]:
    """A proxy that ends TLS before a web service; gives its address."""
    parts = urlsplit(address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("proxy"))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(pipe(reader, ours), pipe(theirs, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@dataclass
class Site:
    """The centre of one test."""

    authority: Authority
    broker: DeployedBroker
    pool: Pool
    url: str

    @property
    def gateways(self) -> TimescaleGatewayStore:
        return TimescaleGatewayStore(self.pool)

    @property
    def store(self) -> TimescaleClaimStore:
        return TimescaleClaimStore(self.pool)


@pytest.fixture
async def site(plain_migrated: Database) -> AsyncIterator[Site]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        async with make_pool(plain_migrated.dsn, max_size=4) as pool:
            with deployed_broker(folder, authority) as broker:
                claims = GatewayClaims(
                    TimescaleClaimStore(pool),
                    TimescaleGatewayStore(pool),
                    authority=issuer(authority),
                    reader=X509Reader(certificates_in(authority.ca_file)),
                    terms=ClaimTerms(
                        timedelta(days=1),
                        WEEK,
                        (f"mqtts://127.0.0.1:{broker.port}",),
                        authority.ca_file.read_text(),
                    ),
                    clock=now,
                )
                services = timescale_services(pool, render_invoice, now, None, claims)
                web = WebSettings(port=0)
                async with (
                    serving(create_app(services, web), services, web) as address,
                    behind_tls(address, authority) as url,
                ):
                    yield Site(authority, broker, pool, url)


def issuer(authority: Authority) -> FileAuthority:
    return FileAuthority.load(authority.folder / "ca.key", authority.ca_file)


async def claim(site: Site, folder: Path, code: str) -> tuple[int, str]:
    """Run the device's command; gives its exit code and what it said."""
    words = ["claim", code, "--centre", site.url, "--ca-file", str(site.authority.ca_file)]
    words += ["--folder", str(folder / "identity"), "--config", str(folder / "edge.toml")]
    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    return done.exit_code, done.output


@asynccontextmanager
async def uplink_of(buffer: Buffer, config: EdgeConfig) -> AsyncIterator[Uplink]:
    random = Random(1)  # noqa: S311 - jitter, repeatable
    clock = SystemClock(ClockSource.TRUSTED)
    runner, signer = SessionRunner(buffer, random), signer_of(config)
    uplink = Uplink(buffer.gateway, config.routes(), runner, clock, random, signer=signer)
    task = asyncio.create_task(uplink.run())
    try:
        yield uplink
        assert not task.done()
    finally:
        await end(task)


async def read_meters(buffer: Buffer, uplink: Uplink, count: int) -> None:
    for _ in range(count):
        at = T0 + timedelta(minutes=15 * buffer.last)
        await buffer.store(Cycle(now(), [Reading(CHANNEL, at, buffer.last, 0)]))
        uplink.notify()


def failure_of(renewal: Renewal) -> str | None:
    return renewal.failure


async def until(what: object, seconds: float = 60.0) -> None:
    assert callable(what)
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - nobody is told of a connection
            await asyncio.sleep(0.02)


async def test_a_gateway_claims_sends_renews_and_is_revoked_at_once(
    site: Site, tmp_path: Path
) -> None:
    given = await invite_gateway(site.store, "roof-1", WEEK, CLERK, now)
    (tmp_path / "edge.toml").write_text('# Ours.\n[clock]\nsource = "trusted"\n')
    code, said = await claim(site, tmp_path, given.code)
    assert (code, said.partition(".")[0]) == (0, "This is roof-1")
    text = (tmp_path / "edge.toml").read_text()
    assert "# Ours." in text
    assert given.code not in text
    copy = tmp_path / "copy"
    copy.mkdir()
    code, said = await claim(site, copy, given.code)
    assert code == EXIT_ENVIRONMENT
    assert "CLAIM_USED" in said

    config = load_config(tmp_path / "edge.toml")
    assert (config.gateway, config.identity is None) == ("roof-1", False)
    rules = BrokerRules(DynamicSecurity(site.broker.centre), site.gateways, now)
    await rules.keep()
    buffer = await Buffer.open(tmp_path / "buffer.db", "roof-1", T0)
    centre = Centre("roof-1")
    assert config.identity is not None
    identity, clock = Identity(config.identity.folder), HandClock(now=now())
    async with (
        listening(centre, site.broker.centre_port, tls_context=site.broker.centre.tls),
        uplink_of(buffer, config) as uplink,
    ):
        await read_meters(buffer, uplink, 10)
        await until(lambda: buffer.backlog == 0)
        line, random = CentreLine(config.identity), Random(1)  # noqa: S311 - jitter
        renewal = Renewal("roof-1", identity, line, clock, random, uplink.reconnect)
        first = identity.certificate()
        await renewal.step()
        assert identity.certificate() == first, "not due yet"
        clock.turn(0.7 * 86_400)
        sending = asyncio.create_task(read_meters(buffer, uplink, 10))
        await renewal.step()
        assert failure_of(renewal) is None
        assert identity.certificate() != first
        await sending
        await until(lambda: buffer.backlog == 0)
        assert len(centre.rows()) == 20
        assert centre.signed >= 20
        await revoke_gateway(site.gateways, "roof-1", CLERK, now)
        await rules.keep()
        await until(lambda: not uplink.connected)
        clock.turn(0.7 * 86_400)
        await renewal.step()
        assert failure_of(renewal) == "CENTRE_REFUSED"
    await buffer.close()


async def test_a_broker_with_the_list_of_revoked_certificates_takes_the_new_one_alone(
    site: Site, tmp_path: Path
) -> None:
    """A stolen key stays out although the gateway's name is enrolled again."""
    stolen, new = tmp_path / "stolen", tmp_path / "new"
    for folder in (stolen, new):
        folder.mkdir()
        given = await invite_gateway(site.store, "roof-1", WEEK, CLERK, now)
        assert (await claim(site, folder, given.code))[0] == 0
    revoked = [each.certificate for each in await site.store.revoked(now())]
    listed = tmp_path / "revoked.crl"
    listed.write_text(issuer(site.authority).revocation_list(revoked, now(), now() + WEEK))
    with (
        fresh_folder() as home,
        deployed_broker(home, site.authority, ["roof-1"], revoked=listed) as broker,
    ):
        for folder, is_in in ((stolen, False), (new, True)):
            context = load_config(folder / "edge.toml").routes()[0].tls_context()
            client = aiomqtt.Client("127.0.0.1", broker.port, tls_context=context)
            with contextlib.nullcontext() if is_in else pytest.raises(aiomqtt.MqttError):
                async with client:
                    pass
