"""The connection is kept, its failures are named once, and bytes are carried both ways.

One module, longer than others: all tests share the broker that is played here, which is half of it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.config.broker import Broker
from edge_agent.errors import (
    BrokerSilentError,
    BrokerUnreachableError,
    BufferUnavailableError,
    CertificateNameError,
)
from edge_agent.uplink import mqtt
from edge_agent.uplink.broker_turns import BACKOFF_MAX_S, BACKOFF_S, STOOD_S
from edge_agent.uplink.mqtt import SILENT_AFTER, Uplink
from edge_agent.uplink.session_runner import SessionRunner, SessionTime
from edge_agent.uplink.takeovers import LONGEST_S, SHORT_S, STEADY_S, Takeovers
from firmware_bridge.contract import topics
from firmware_bridge.contract.messages import GatewayState, Status, decode_status
from firmware_bridge.figures import Figure
from tests.support.edge_clock import HandClock
from tests.support.edge_parts import NOON

BROKER = Broker("broker.test", 1883, username="gw-1", password="secret")  # noqa: S106 - of the test's own


@dataclass
class Client:
    """An MQTT client whose broker is the test."""

    settings: dict[str, Any]
    published: list[tuple[str, bytes, bool]] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    inbox: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    refusal: Exception | None = None
    publish_failure: Exception | None = None
    subscribe_failure: Exception | None = None
    is_open: bool = False
    pending_calls_threshold: int = 0

    async def __aenter__(self) -> Self:
        if self.refusal is not None:
            raise self.refusal
        self.is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_open = False

    async def subscribe(self, wanted: list[tuple[str, int]]) -> None:
        if self.subscribe_failure is not None:
            raise self.subscribe_failure
        self.subscribed += [topic for topic, _ in wanted]

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        timeout: float,  # noqa: ASYNC109 - the signature is aiomqtt's
        retain: bool = False,
    ) -> None:
        assert qos == topics.QOS
        assert timeout > 0
        if self.publish_failure is not None and not retain:
            raise self.publish_failure
        self.published.append((topic, payload, retain))

    @property
    async def messages(self) -> AsyncIterator[Any]:
        while True:
            message = await self.inbox.get()
            if isinstance(message, Exception):
                raise message
            yield message

    def brings(self, topic: str, payload: object) -> None:
        self.inbox.put_nowait(SimpleNamespace(topic=SimpleNamespace(value=topic), payload=payload))

    @property
    def states(self) -> list[GatewayState]:
        return [decode_status(payload).state for _, payload, retain in self.published if retain]

    @property
    def sent(self) -> list[bytes]:
        return [payload for topic, payload, _ in self.published if topic == topics.up("gw-1")]


@dataclass
class Runner:
    """A session runner that says what the test says."""

    agent: str = "agent 1"
    backlog: int = 3
    wake_at: float | None = None
    unanswered: int = 0
    released: int = 0
    events: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    out: dict[str, list[bytes]] = field(default_factory=dict)
    failure: Exception | None = None

    def note(self, code: str, detail: str, now: SessionTime) -> None:
        assert now.synchronised
        self.notes.append((code, detail))

    async def connected(self, now: SessionTime) -> list[bytes]:
        return self._take("connected", now)

    async def disconnected(self, now: SessionTime) -> None:
        self._take("disconnected", now)

    async def stored(self, now: SessionTime) -> list[bytes]:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return self._take("stored", now)

    async def received(self, payload: bytes, now: SessionTime) -> list[bytes]:
        return self._take(payload.decode(), now)

    async def elapsed(self, now: SessionTime) -> list[bytes]:
        self.wake_at = None
        return self._take("elapsed", now)

    def _take(self, event: str, now: SessionTime) -> list[bytes]:
        assert now.wall.tzinfo is not None
        self.events.append(event)
        return self.out.pop(event, [])


@dataclass
class Others:
    """A listener that takes one topic and completes the status."""

    topics: tuple[str, ...] = ("other",)
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def on_message(self, topic: str, payload: bytes) -> None:
        self.heard.append((topic, payload))

    def complete(self, status: Status) -> Status:
        return replace(status, backlog=77)

    def table(self) -> dict[str, Any] | None:
        return None

    def figures(self) -> tuple[Figure, ...]:
        return ()


class Pauses(HandClock):
    """A clock whose pauses are remembered."""

    def __init__(self) -> None:
        super().__init__(now=NOON)
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await super().sleep(seconds)


class Longest(Random):
    """Draws the longest pause there may be."""

    def uniform(self, a: float, b: float) -> float:
        assert a <= b
        return b


class Site:
    """An uplink with everything around it."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        listener: Others | None = None,
        brokers: tuple[Broker, ...] = (BROKER,),
    ) -> None:
        self.clock = Pauses()
        self.runner = Runner()
        self.clients: list[Client] = []
        self.asked: list[tuple[str, int]] = []
        self.versions: Iterator[aiomqtt.ProtocolVersion | Exception] = iter(())
        self.refusals: Iterator[Exception | None] = iter(())
        self.early_ends: Iterator[Exception] = iter(())
        monkeypatch.setattr(mqtt, "ask_version", self.ask_version)
        monkeypatch.setattr(aiomqtt, "Client", self.make_client)
        self.uplink = Uplink(
            "gw-1",
            brokers,
            cast("SessionRunner", self.runner),
            self.clock,
            Longest(),
            listener=listener,
        )

    async def ask_version(
        self, host: str, port: int, context: ssl.SSLContext | None
    ) -> aiomqtt.ProtocolVersion:
        assert context is None
        self.asked.append((host, port))
        version = next(self.versions, aiomqtt.ProtocolVersion.V5)
        if isinstance(version, Exception):
            raise version
        return version

    def make_client(self, host: str, port: int, **settings: Any) -> Client:  # noqa: ANN401 - aiomqtt's
        client = Client({"host": host, "port": port, **settings})
        client.refusal = next(self.refusals, None)
        client.subscribe_failure = next(self.early_ends, None)
        self.clients.append(client)
        return client

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.uplink.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


async def test_a_connection_begins_with_both_subscriptions_and_the_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    site.runner.out["connected"] = [b"hello"]
    async with site.running():
        await site.until(lambda: site.uplink.connected and site.clients[0].sent != [])
        (client,) = site.clients
        assert client.subscribed == [topics.down("gw-1"), topics.ALL_DOWN]
        assert client.states == [GatewayState.ONLINE]
        assert client.sent == [b"hello"]
        assert client.settings["identifier"] == "meterline-gw-1"
        assert client.settings["username"] == "gw-1"
        assert client.settings["clean_session"] is None
        assert decode_status(client.settings["will"].payload).state is GatewayState.OFFLINE
    assert client.states == [GatewayState.ONLINE, GatewayState.OFFLINE]
    assert site.runner.events[-1] == "disconnected"
    assert not site.uplink.connected


async def test_an_old_broker_is_spoken_to_in_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    site.versions = iter([aiomqtt.ProtocolVersion.V311])
    async with site.running():
        await site.until(lambda: site.uplink.connected)
    assert site.clients[0].settings["clean_session"] is True


async def test_what_the_centre_says_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.runner.out["ack"] = [b"batch 2"]
        site.clients[0].brings(topics.down("gw-1"), "no bytes")
        site.clients[0].brings(topics.down("gw-1"), b"ack")
        await site.until(lambda: site.clients[0].sent == [b"batch 2"])


async def test_what_is_stored_is_sent_and_time_that_is_due_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.runner.out["stored"] = [b"batch 1"]
        site.runner.out["elapsed"] = [b"hello again"]
        site.runner.wake_at = site.clock.passed - 1
        site.uplink.notify()
        await site.until(lambda: site.clients[0].sent == [b"batch 1", b"hello again"])


async def test_a_listener_gets_its_topics_and_completes_the_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = Others()
    site = Site(monkeypatch, others)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        (client,) = site.clients
        assert client.subscribed[-1] == "other"
        client.brings("other", b"signed")
        await site.until(lambda: others.heard == [("other", b"signed")])
        site.uplink.announce()
        await site.until(lambda: len(client.states) == 2)
        assert decode_status(client.published[0][1]).backlog == 77
    assert "signed" not in site.runner.events


async def test_a_publish_that_fails_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.clients[0].publish_failure = aiomqtt.MqttError("not confirmed")
        site.runner.out["stored"] = [b"batch 1"]
        site.uplink.notify()
        await site.until(lambda: site.runner.events.count("stored") == 1)
        await asyncio.sleep(0.01)
        assert site.uplink.connected
    assert site.clients[0].sent == []


async def test_a_connection_that_breaks_is_made_anew_after_a_short_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.clients[0].inbox.put_nowait(aiomqtt.MqttError("gone"))
        await site.until(lambda: len(site.clients) == 2 and site.uplink.connected)
    # The version of a broker that admitted us is known.
    assert site.asked == [("broker.test", 1883)]
    assert site.clock.pauses == [BACKOFF_S]


def taken_over() -> aiomqtt.MqttError:
    """As the client tells of it, with the broker's reason behind it."""
    error = aiomqtt.MqttError("Disconnected during message iteration")
    error.__cause__ = aiomqtt.MqttCodeError(ReasonCode(PacketTypes.DISCONNECT, identifier=142))
    return error


def is_connected(site: Site, number: int) -> bool:
    return len(site.clients) > number and site.uplink.connected


async def test_a_twin_is_left_the_broker_for_longer_and_longer_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        for number in range(12):
            await site.until(partial(is_connected, site, number))
            site.clients[number].inbox.put_nowait(taken_over())
        await site.until(lambda: len(site.clients) > 12 and site.uplink.connected)
    assert site.clock.pauses[:6] == [2, 4, 8, 16, 32, 64]
    assert max(site.clock.pauses) == LONGEST_S
    assert [code for code, _ in site.runner.notes] == ["taken_over"] * 3
    assert "as gw-1 ended at once 3 times" in site.runner.notes[0][1]
    assert "copied card" in site.runner.notes[0][1]


async def test_short_connections_count_where_the_broker_gives_no_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        for number in range(9):
            await lose(site, number, acknowledged=True)
        await site.until(partial(is_connected, site, 9))
    assert site.clock.pauses == [1, 1, 1, 1, 2, 4, 8, 16, 32]
    assert [code for code, _ in site.runner.notes] == ["taken_over"]


async def test_an_answer_to_the_hello_is_enough_where_nothing_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    site.runner.backlog = 0
    async with site.running():
        for number in range(7):
            await site.until(partial(is_connected, site, number))
            site.clients[number].brings(topics.down("gw-1"), b"ack")
            await lose(site, number)
        await site.until(partial(is_connected, site, 7))
    assert site.uplink.taken_over == 3
    assert "taken_over" in [code for code, _ in site.runner.notes]


async def test_the_only_broker_that_loses_connections_unanswered_is_no_twin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        for number in range(20):
            await lose(site, number)
        await site.until(partial(is_connected, site, 20))
    assert site.uplink.taken_over == 0
    assert site.uplink.failure == "BROKER_LOST"
    assert [code for code, _ in site.runner.notes] == ["broker_lost"]
    assert site.clock.pauses[:8] == [1, 2, 2, 4, 4, 8, 8, 16]
    assert max(site.clock.pauses) == BACKOFF_MAX_S


async def test_a_connection_that_was_acknowledged_for_a_while_is_no_twins_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        for number in range(20):
            await site.until(partial(is_connected, site, number))
            site.clock.passed += SHORT_S
            await lose(site, number, acknowledged=True)
        await site.until(partial(is_connected, site, 20))
    assert (site.uplink.taken_over, site.uplink.failure) == (0, None)
    assert site.clock.pauses == [BACKOFF_S] * 20
    assert site.runner.notes == []


def test_an_hours_connection_ends_the_suspicion() -> None:
    takeovers = Takeovers(Random(1))  # noqa: S311 - jitter, repeatable
    said = [takeovers.note(None, 1.0, answered=True) for _ in range(7)]
    assert said == [False] * 6 + [True]
    assert takeovers.pause_s() > 0
    assert not takeovers.note(None, STEADY_S, answered=True)
    assert (takeovers.count, takeovers.pause_s()) == (0, 0.0)


def test_pauses_shrink_again_while_connections_stand_for_a_while() -> None:
    takeovers = Takeovers(Longest())
    for _ in range(20):
        takeovers.note(taken_over(), 1.0, answered=False)
    pauses = [takeovers.pause_s()]
    while pauses[-1] > 0:
        assert not takeovers.note(None, SHORT_S, answered=True)
        pauses.append(takeovers.pause_s())
    assert pauses == [600, 600, 600, 512, 256, 128, 64, 32, 16, 8, 4, 2, 0]
    assert takeovers.count == 20


async def test_a_broker_that_cannot_be_reached_is_tried_ever_later_and_named_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    site.versions = iter([BrokerUnreachableError("Nobody there.")] * 9)
    async with site.running():
        await site.until(lambda: site.uplink.failure == "BROKER_UNREACHABLE")
        await site.until(lambda: site.uplink.connected)
        assert site.uplink.failure is None
    assert site.clock.pauses[:3] == [2 * BACKOFF_S, 4 * BACKOFF_S, 8 * BACKOFF_S]
    assert max(site.clock.pauses) == BACKOFF_MAX_S
    said = "Nobody there. Start the broker, or correct its address."
    assert site.runner.notes == [("broker_unreachable", said)]


async def test_a_broker_that_does_not_admit_us_says_so_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    site.refusals = iter([aiomqtt.MqttCodeError(135)])
    async with site.running():
        await site.until(lambda: site.uplink.connected)
    ((code, detail),) = site.runner.notes
    assert code == "BROKER_REFUSAL".lower()
    assert "refused this gateway" in detail
    # Nothing is known of a broker that did not admit us.
    assert len(site.asked) == 2


async def test_a_certificate_of_another_name_is_named_and_the_broker_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    error = CertificateNameError("It is for gw-2.")

    def misnamed(_broker: Broker, _gateway: str) -> None:
        raise error

    monkeypatch.setattr(Broker, "check_name", misnamed)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        assert site.uplink.failure == error.code
    assert [code for code, _ in site.runner.notes] == [error.code.lower()]


async def test_trouble_with_the_buffer_does_not_end_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.runner.failure = BufferUnavailableError("The disk fails.")
        site.uplink.notify()
        await site.until(lambda: site.clock.pauses == [BACKOFF_S])
        site.runner.out["stored"] = [b"batch 1"]
        site.uplink.notify()
        await site.until(lambda: site.clients[0].sent == [b"batch 1"])
    assert len(site.clients) == 1


async def test_another_broker_is_gone_over_to_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.uplink.use([replace(BROKER, host="other.test")])
        await site.until(lambda: len(site.clients) == 2 and site.uplink.connected)
        assert site.clients[0].states[-1] is GatewayState.OFFLINE
        assert not site.clients[0].is_open
    assert site.asked == [("broker.test", 1883), ("other.test", 1883)]


async def test_files_of_certificates_that_cannot_be_read_are_a_failure_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = Site(monkeypatch)
    site.uplink.use([replace(BROKER, ca_file=tmp_path / "missing.pem")])
    async with site.running():
        await site.until(lambda: site.uplink.failure == "BROKER_TLS")
    assert site.clients == []


OTHER = replace(BROKER, host="other.test")


async def test_the_next_broker_is_tried_where_one_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    site.versions = iter([BrokerUnreachableError("Nobody is there.")])
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        assert site.uplink.broker is OTHER
        assert site.uplink.failure is None
    assert [host for host, _ in site.asked] == ["broker.test", "other.test"]
    assert [client.settings["host"] for client in site.clients] == ["other.test"]


async def test_a_pause_grows_by_rounds_and_not_by_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    site.versions = iter([BrokerUnreachableError("Nobody is there.") for _ in range(4)])
    async with site.running():
        await site.until(lambda: site.uplink.connected)
    assert [host for host, _ in site.asked] == ["broker.test", "other.test"] * 2 + ["broker.test"]
    assert site.clock.pauses[:4] == [2.0, 2.0, 4.0, 4.0]


async def test_a_broker_behind_which_the_centre_is_silent_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.runner.unanswered = SILENT_AFTER
        site.uplink.notify()
        await site.until(lambda: "centre_silent" in dict(site.runner.notes))
        site.runner.unanswered = 0
        await site.until(lambda: site.uplink.connected and len(site.clients) > 1)
        assert site.uplink.broker in (BROKER, OTHER)
    assert site.clients[0].states == [GatewayState.ONLINE, GatewayState.OFFLINE]
    assert site.clients[1].settings["host"] == "other.test"


async def test_the_only_broker_is_not_left_where_the_centre_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
        site.runner.unanswered = 10 * SILENT_AFTER
        site.runner.out["stored"] = [b"batch 1"]
        site.uplink.notify()
        await site.until(lambda: site.clients[0].sent == [b"batch 1"])
    assert len(site.clients) == 1


async def lose(site: Site, number: int, *, acknowledged: bool = False) -> None:
    await site.until(partial(is_connected, site, number))
    if acknowledged:
        site.runner.released += 1
    site.clients[number].inbox.put_nowait(aiomqtt.MqttError("gone"))
    await site.until(lambda: not site.clients[number].is_open)


async def test_brokers_that_take_connections_and_lose_them_take_turns_with_pauses_that_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    async with site.running():
        for number in range(9):
            await lose(site, number)
        await site.until(partial(is_connected, site, 9))
        # That it stands is no proof yet.
        assert site.uplink.failure == "BROKER_LOST"
        site.runner.released += 1
        site.uplink.notify()
        await site.until(lambda: site.uplink.failure is None)
    hosts = [client.settings["host"].split(".")[0] for client in site.clients]
    assert hosts == [*(["broker"] * 2 + ["other"] * 2) * 2, "broker", "broker"]
    assert site.clock.pauses == [1, 2, 2, 2, 2, 4, 4, 4, 4]
    # Each once, and no copied card.
    said = [detail.split(" ended")[0] for _, detail in site.runner.notes]
    assert said == ["The broker broker.test:1883", "The broker other.test:1883"]


async def test_a_broker_over_which_something_is_acknowledged_is_not_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    async with site.running():
        for number, is_acknowledged in enumerate([False, True, False, True]):
            await lose(site, number, acknowledged=is_acknowledged)
        await site.until(partial(is_connected, site, 4))
    assert {client.settings["host"] for client in site.clients} == {"broker.test"}
    assert site.runner.notes == []


async def test_two_brokers_that_fail_for_two_reasons_are_named_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    gone, mute = BrokerUnreachableError("Nobody there."), BrokerSilentError("No answer.")
    site.versions = iter([gone, mute] * 5)
    async with site.running():
        await site.until(lambda: site.uplink.connected)
    assert [code for code, _ in site.runner.notes] == ["broker_unreachable", "broker_silent"]


async def test_reasons_that_alternate_are_named_once_each_until_a_connection_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate of another name at one of two brokers, which both lose connections."""
    site = Site(monkeypatch, brokers=(BROKER, OTHER))

    def misnamed(broker: Broker, _gateway: str) -> None:
        if broker is OTHER:
            raise CertificateNameError("It is for gw-2.")

    monkeypatch.setattr(Broker, "check_name", misnamed)
    async with site.running():
        for number in range(16):
            await lose(site, number)
        await site.until(lambda: site.uplink.connected)
        said = [code for code, _ in site.runner.notes]
        assert said == ["broker_lost", "certificate_name", "broker_lost"]
        # Whoever was good is named anew.
        await lose(site, 16, acknowledged=True)
        for number in range(17, 24):
            await lose(site, number)
        await site.until(partial(is_connected, site, 24))
    assert [detail[:12] for _, detail in site.runner.notes[3:]] == ["The broker b"]


async def test_a_broker_that_ends_connections_before_they_are_subscribed_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    site.early_ends = iter([aiomqtt.MqttError("gone"), aiomqtt.MqttCodeError(128)])
    async with site.running():
        await site.until(lambda: site.uplink.connected)
    hosts = [client.settings["host"] for client in site.clients]
    assert hosts == ["broker.test", "broker.test", "other.test"]
    assert [code for code, _ in site.runner.notes] == ["broker_lost"]


async def test_a_connection_that_stands_with_nothing_to_send_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(monkeypatch, brokers=(BROKER, OTHER))
    async with site.running():
        for number in range(2):
            await lose(site, number)
        await site.until(partial(is_connected, site, 2))
        site.clock.passed += STOOD_S
        site.uplink.notify()
        await site.until(lambda: site.runner.events[-1] == "stored")
        # There is something to send, and it is not acknowledged.
        assert site.uplink.failure == "BROKER_LOST"
        site.runner.backlog = 0
        site.uplink.notify()
        await site.until(lambda: site.uplink.failure is None)
