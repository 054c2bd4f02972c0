"""The production broker's own files, run by a real mosquitto with certificates made here.

A gateway that keeps to no rule must neither hear nor say what is another's, nor take from another
what is its own.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import ssl
from collections.abc import Iterator

import aiomqtt
import pytest

from central.adapters.embedded.broker import mosquitto_program
from firmware_bridge.contract import topics
from firmware_bridge.contract.topics import CENTRE
from tests.support.servers import fresh_folder
from tests.support.site import Authority, DeployedBroker, deployed_broker

PATIENCE_S = 60.0
QUIET_S = 0.4
V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
VERSIONS = pytest.mark.parametrize("protocol", [V5, V311], ids=["MQTT 5", "MQTT 3.1.1"])
VERBS = {
    "up": topics.up,
    "down": topics.down,
    "status": topics.status,
    "cmd": topics.command,
    "cfg": topics.configuration,
}
MAY_HEAR = {"down", "cmd", "cfg"}
GREEDY = [
    "#",
    "+/#",
    "meterline/#",
    "meterline/v1/#",
    "meterline/v1/gw/+/up",
    "meterline/v1/gw/+/down",
    "meterline/v1/gw/gw-1/+",
    "meterline/v1/gw/gw-1/#",
    "$share/meterline-ingest/meterline/v1/gw/+/up",
    "$share/meterline-ingest/#",
    "$share/meterline-ingest/meterline/v1/gw/gw-2/up",
    "$share/mine/meterline/v1/gw/gw-1/down",
    "$share/mine/meterline/v1/gw/gw-2/down",
    "$SYS/#",
    "$CONTROL/#",
    "$CONTROL/dynamic-security/v1/response",
]


@pytest.fixture(scope="module")
def site() -> Iterator[DeployedBroker]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed: `make test` installs it")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (Debian's package openssl), so no certificates")
    with fresh_folder() as folder:
        authority = Authority.found(folder / "authority")
        with deployed_broker(folder, authority, ["gw-1", "gw-2"]) as found:
            yield found


def client(
    site: DeployedBroker,
    name: str,
    protocol: aiomqtt.ProtocolVersion = V5,
    identifier: str | None = None,
) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        site.centre_port if name == CENTRE else site.port,
        tls_context=site.context(name),
        protocol=protocol,
        identifier=identifier,
    )


async def refused(call: object) -> bool:
    """Whether MQTT 5 said no; 3.1.1 says nothing."""
    try:
        codes = await call  # type: ignore[misc]
    except aiomqtt.MqttError:
        return True
    return any(getattr(code, "value", code) >= 128 for code in codes or ())


async def heard(client: aiomqtt.Client, count: int) -> list[str]:
    """Topics of what arrives: so many, however long they take, and then until it is quiet."""
    found: list[str] = []
    try:
        while True:
            async with asyncio.timeout(PATIENCE_S if len(found) < count else QUIET_S):
                found.append(str((await anext(client.messages)).topic))
    except TimeoutError:
        return found


@VERSIONS
async def test_a_gateway_writes_its_own_topics_and_no_others(
    site: DeployedBroker, protocol: aiomqtt.ProtocolVersion
) -> None:
    """Every topic there is, of itself and of another: who would hear it hears its own alone."""
    tried = [topic(name) for name in ("gw-2", "gw-1") for topic in VERBS.values()]
    tried += [topics.ALL_DOWN, "$CONTROL/dynamic-security/v1"]
    async with (
        client(site, CENTRE) as centre,
        client(site, "gw-2") as other,
        client(site, "gw-1", protocol) as gateway,
    ):
        await centre.subscribe([(topics.UP_FILTER, 1), (topics.STATUS_FILTER, 1)])
        hears = [topics.down("gw-2"), topics.command("gw-2"), topics.configuration("gw-2")]
        await other.subscribe([(topic, 1) for topic in (*hears, topics.ALL_DOWN)])
        for topic in tried:
            await gateway.publish(topic, b"x", qos=1)
        assert await heard(centre, 2) == [topics.up("gw-1"), topics.status("gw-1")]
        assert await heard(other, 0) == []


@VERSIONS
async def test_a_gateway_hears_its_own_answers_and_the_broadcast_alone(
    site: DeployedBroker, protocol: aiomqtt.ProtocolVersion
) -> None:
    async with client(site, CENTRE) as centre, client(site, "gw-1", protocol) as gateway:
        for name, (verb, topic) in itertools.product(["gw-1", "gw-2"], VERBS.items()):
            allowed = name == "gw-1" and verb in MAY_HEAR
            assert await refused(gateway.subscribe(topic(name), qos=1)) != allowed, topic(name)
        for greedy in GREEDY:
            assert await refused(gateway.subscribe(greedy, qos=1)), greedy
        assert not await refused(gateway.subscribe(topics.ALL_DOWN, qos=1))
        for name in ("gw-2", "gw-1"):
            for topic in (topics.down, topics.command, topics.configuration):
                await centre.publish(topic(name), b"x", qos=1)
        await centre.publish(topics.ALL_DOWN, b"x", qos=1)
        mine = [topics.down("gw-1"), topics.command("gw-1"), topics.configuration("gw-1")]
        assert await heard(gateway, 4) == [*mine, topics.ALL_DOWN]


async def test_what_is_left_for_a_gateway_waits_for_it_alone(site: DeployedBroker) -> None:
    left = [f(name) for name in ("gw-1", "gw-2") for f in (topics.configuration, topics.command)]
    async with client(site, CENTRE) as centre:
        for topic in left:
            await centre.publish(topic, b"x", qos=1, retain=True)
        async with client(site, "gw-1", V311) as gateway:
            for topic in left:
                await refused(gateway.subscribe(topic, qos=1))
            mine = {topics.configuration("gw-1"), topics.command("gw-1")}
            assert set(await heard(gateway, 2)) == mine
        for topic in left:
            await centre.publish(topic, b"", qos=1, retain=True)


async def test_a_gateway_takes_no_batch_from_the_stream_that_workers_share(
    site: DeployedBroker,
) -> None:
    """One that joins the workers' subscription as often as it can takes nothing from anybody."""
    stream = f"$share/meterline-ingest/{topics.UP_FILTER}"
    async with client(site, CENTRE) as worker, client(site, "gw-2") as other:
        await worker.subscribe(stream, qos=1)
        async with client(site, "gw-1") as hostile:
            for _ in range(20):
                assert await refused(hostile.subscribe(stream, qos=1))
            for _ in range(200):
                await other.publish(topics.up("gw-2"), b"x", qos=1)
            assert await heard(worker, 200) == [topics.up("gw-2")] * 200
            assert await heard(hostile, 0) == []


@VERSIONS
async def test_a_gateway_ends_no_connection_but_its_own(
    site: DeployedBroker, protocol: aiomqtt.ProtocolVersion
) -> None:
    """Whatever it calls itself: another gateway's name, or one that a worker goes by."""
    names = ["gw-2", "meterline-gw-2", "meterline-ingest-1", CENTRE]
    worker = client(site, CENTRE, identifier="meterline-ingest-1")
    async with worker, client(site, "gw-2", identifier="meterline-gw-2") as other:
        await worker.subscribe(topics.UP_FILTER, qos=1)
        for name in names:
            async with client(site, "gw-1", protocol, identifier=name) as hostile:
                await hostile.publish(topics.up("gw-1"), b"h", qos=1)
                await other.publish(topics.up("gw-2"), b"o", qos=1)
        assert await heard(worker, 8) == [topics.up("gw-1"), topics.up("gw-2")] * 4


async def test_a_gateways_certificate_is_none_for_the_centres_door(site: DeployedBroker) -> None:
    for name in ("gw-1", CENTRE):
        context = ssl.create_default_context(cafile=site.authority.ca_file)
        context.load_cert_chain(*site.authority.issue(name))
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", site.centre_port, tls_context=context) as one:
                await one.publish(topics.ALL_DOWN, b"x", qos=1)


async def test_one_that_calls_itself_the_centre_among_gateways_has_its_name_and_no_more(
    site: DeployedBroker,
) -> None:
    """What a client says of itself counts for nothing beside its certificate."""
    gateway = aiomqtt.Client(
        "127.0.0.1",
        site.port,
        username=CENTRE,
        password="x" * 32,
        tls_context=site.context("gw-1"),
        protocol=V5,
    )
    async with client(site, "gw-2") as other, gateway:
        await other.subscribe(topics.down("gw-2"), qos=1)
        await gateway.publish(topics.down("gw-2"), b"x", qos=1)
        assert await refused(gateway.subscribe(topics.UP_FILTER, qos=1))
        assert await heard(other, 0) == []


async def test_ingest_workers_share_the_stream(site: DeployedBroker) -> None:
    async with (
        client(site, CENTRE) as one,
        client(site, CENTRE) as two,
        client(site, "gw-1") as gateway,
    ):
        for worker in (one, two):
            await worker.subscribe(f"$share/ingest/{topics.UP_FILTER}", qos=1)
        for _ in range(20):
            await gateway.publish(topics.up("gw-1"), b"x", qos=1)
        counts = [len(await heard(worker, 10)) for worker in (one, two)]
        assert sum(counts) == 20
        assert min(counts) > 0


async def test_who_is_not_enrolled_neither_says_nor_hears_anything(site: DeployedBroker) -> None:
    async with client(site, CENTRE) as centre:
        await centre.subscribe(topics.UP_FILTER, qos=1)
        async with client(site, "gw-3") as stranger:
            await stranger.publish(topics.up("gw-3"), b"x", qos=1)
            for topic in (topics.down("gw-3"), topics.ALL_DOWN):
                assert await refused(stranger.subscribe(topic, qos=1))
        assert await heard(centre, 0) == []


def test_nobody_enters_without_a_certificate(site: DeployedBroker) -> None:
    context = ssl.create_default_context(cafile=site.authority.ca_file)
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=60) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required|handshake.failure"),
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        # TLS 1.3 tells only at the first read.
        secured.recv(1)
