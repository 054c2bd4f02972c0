"""The production broker's own files, run by a real mosquitto with certificates made here."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from collections.abc import Iterator

import aiomqtt
import pytest

from central.adapters.embedded.broker import mosquitto_program
from firmware_bridge.contract import topics
from tests.support.servers import fresh_folder
from tests.support.site import Authority, deployed_broker

CENTRE = "meterline-central"
PATIENCE_S = 60.0
QUIET_S = 0.4


class Site:
    """A running broker with the deployed rules, and clients by their certificate's name."""

    def __init__(self, authority: Authority, port: int) -> None:
        self.authority = authority
        self.port = port

    def client(self, name: str, *, v5: bool = True) -> aiomqtt.Client:
        context = ssl.create_default_context(cafile=self.authority.ca_file)
        context.load_cert_chain(*self.authority.issue(name))
        version = aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311
        return aiomqtt.Client("127.0.0.1", self.port, tls_context=context, protocol=version)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian's package openssl), so no certificates")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        with deployed_broker(folder, authority) as port:
            yield Site(authority, port)


async def heard(client: aiomqtt.Client, count: int) -> list[str]:
    """Topics of what arrives: so many, however long they take, and then until it is quiet."""
    found: list[str] = []
    try:
        while True:
            async with asyncio.timeout(PATIENCE_S if len(found) < count else QUIET_S):
                found.append(str((await anext(client.messages)).topic))
    except TimeoutError:
        return found


@pytest.mark.parametrize("v5", [True, False], ids=["MQTT 5", "MQTT 3.1.1"])
async def test_a_gateway_writes_its_own_topics_and_no_others(site: Site, *, v5: bool) -> None:
    async with site.client(CENTRE) as centre, site.client("gw-1", v5=v5) as gateway:
        await centre.subscribe(topics.UP_FILTER, qos=1)
        await centre.subscribe("meterline/v1/gw/+/cmd", qos=1)
        others = (topics.up("gw-2"), topics.status("gw-2"), topics.configuration("gw-1"))
        for topic in (*others, topics.command("gw-2"), topics.command("gw-1"), topics.up("gw-1")):
            # MQTT 5 answers a forbidden one with a reason code; 3.1.1 just drops it.
            try:
                await gateway.publish(topic, b"x", qos=1)
            except aiomqtt.MqttError:
                assert topic != topics.up("gw-1")
        assert await heard(centre, 1) == [topics.up("gw-1")]


async def test_a_gateway_hears_its_own_answers_and_the_broadcast_alone(site: Site) -> None:
    async with site.client(CENTRE) as centre, site.client("gw-1", v5=False) as gateway:
        await gateway.subscribe("meterline/v1/#", qos=1)
        for topic in (topics.down("gw-1"), topics.down("gw-2"), topics.ALL_DOWN):
            await centre.publish(topic, b"x", qos=1)
        assert await heard(gateway, 2) == [topics.down("gw-1"), topics.ALL_DOWN]


async def test_what_is_left_for_a_gateway_waits_for_it_alone(site: Site) -> None:
    async with site.client(CENTRE) as centre:
        for name in ("gw-1", "gw-2"):
            for topic in (topics.configuration(name), topics.command(name)):
                await centre.publish(topic, b"x", qos=1, retain=True)
        async with site.client("gw-1", v5=False) as gateway:
            await gateway.subscribe("meterline/v1/#", qos=1)
            mine = {topics.configuration("gw-1"), topics.command("gw-1")}
            assert set(await heard(gateway, 2)) == mine
        for name in ("gw-1", "gw-2"):
            for topic in (topics.configuration(name), topics.command(name)):
                await centre.publish(topic, b"", qos=1, retain=True)


async def test_ingest_workers_may_share_the_stream(site: Site) -> None:
    async with site.client(CENTRE) as worker, site.client("gw-1") as gateway:
        await worker.subscribe(f"$share/ingest/{topics.UP_FILTER}", qos=1)
        await gateway.publish(topics.up("gw-1"), b"x", qos=1)
        assert await heard(worker, 1) == [topics.up("gw-1")]


def test_nobody_enters_without_a_certificate(site: Site) -> None:
    context = ssl.create_default_context(cafile=site.authority.ca_file)
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=60) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|handshake.failure"),
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        # TLS 1.3 tells only at the first read.
        secured.recv(1)
