"""What a broker's first answer says of the MQTT that it speaks."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

import aiomqtt
import pytest

from edge_agent.errors import (
    BrokerRefusalError,
    BrokerSilentError,
    BrokerUnreachableError,
    BrokerUntrustedError,
)
from edge_agent.uplink import version_probe
from edge_agent.uplink.version_probe import ask_version

V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311
CONTEXT = cast("ssl.SSLContext", object())


def as_ssl(error: ssl.SSLError) -> ssl.SSLError:
    """An error with what the library sets on its own."""
    error.reason = str(error.args[1])
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = error.reason
    return error


class Writer:
    """The sending half of a connection."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_open = True

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.is_open = False

    async def wait_closed(self) -> None:
        assert not self.is_open


class Broker:
    """A broker that gives some bytes and hangs up, or does not let itself be reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: bytes | Exception = b""
        self.hangs_up = True
        self.writer = Writer()
        monkeypatch.setattr(asyncio, "open_connection", self.open)

    async def open(
        self, _host: str, _port: int, **_tls: object
    ) -> tuple[asyncio.StreamReader, Writer]:
        if isinstance(self.answer, Exception):
            raise self.answer
        reader = asyncio.StreamReader()
        reader.feed_data(self.answer)
        if self.hangs_up:
            reader.feed_eof()
        return reader, self.writer


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    return Broker(monkeypatch)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("20 03 00 00 00", V5),
        ("20 06 00 87 03 210014", V5),
        ("20 02 00 01", V311),
        ("20 03 00 84 00", V311),
        ("", V311),
        ("20", V311),
    ],
)
async def test_the_version_follows_from_the_first_answer(
    broker: Broker, answer: str, version: aiomqtt.ProtocolVersion
) -> None:
    broker.answer = bytes.fromhex(answer)
    assert await ask_version("broker.test", 1883, None) is version
    assert not broker.writer.is_open


async def test_who_does_not_speak_mqtt_is_named(broker: Broker) -> None:
    broker.answer = b"HTTP/1.1 400 Bad Request\r\n"
    with pytest.raises(BrokerSilentError, match=r"broker\.test:1883"):
        await ask_version("broker.test", 1883, None)


async def test_who_says_nothing_is_not_waited_for_for_ever(broker: Broker) -> None:
    broker.hangs_up = False
    with pytest.raises(BrokerSilentError, match=r"broker\.test:1883"):
        await ask_version("broker.test", 1883, None, timeout_s=0.01)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ConnectionRefusedError(111, "Connection refused"), BrokerUnreachableError),
        (OSError("no route"), BrokerUnreachableError),
        (as_ssl(ssl.SSLCertVerificationError(1, "expired")), BrokerUntrustedError),
        (as_ssl(ssl.SSLError(1, "bad certificate")), BrokerRefusalError),
    ],
)
async def test_why_there_is_no_connection_is_named(
    broker: Broker, failure: Exception, error: type[Exception]
) -> None:
    broker.answer = failure
    with pytest.raises(error):
        await ask_version("broker.test", 1883, None)


async def test_a_broker_that_hangs_up_over_tls_may_have_refused_the_certificate(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broker.answer == b""
    asked: list[ssl.SSLContext] = []

    def refuses(_host: str, _port: int, context: ssl.SSLContext) -> None:
        asked.append(context)
        raise as_ssl(ssl.SSLError(1, "unknown ca"))

    with monkeypatch.context() as patched:
        patched.setattr(version_probe, "_await_verdict", refuses)
        with pytest.raises(BrokerRefusalError):
            await ask_version("broker.test", 8883, CONTEXT)
    assert asked == [CONTEXT]
    monkeypatch.setattr(version_probe, "_await_verdict", lambda *_: None)
    assert await ask_version("broker.test", 8883, CONTEXT) is V311
