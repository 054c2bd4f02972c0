"""Which MQTT version a worker tries after a connection failed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import aiomqtt
import pytest

from central.adapters.mqtt.worker import BrokerAddress, BrokerWorker

V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311


class Refused(BrokerWorker):
    """A worker whose attempts fail in turn for the reasons given, and then is cancelled."""

    def __init__(self, reasons: list[Exception | None]) -> None:
        async def ignore(gateway: str, payload: bytes) -> None:
            del gateway, payload

        super().__init__(BrokerAddress("127.0.0.1", 1), lambda _: True, ignore)
        self.tried: list[aiomqtt.ProtocolVersion] = []
        self._reasons: Iterator[Exception | None] = iter(reasons)

    async def _serve(self) -> None:
        self.tried.append(self._protocol)
        try:
            reason = next(self._reasons)
        except StopIteration:
            raise asyncio.CancelledError from None
        if reason is None:
            raise aiomqtt.MqttCodeError(132)
        try:
            raise reason
        except OSError as error:
            raise aiomqtt.MqttError(str(error))  # noqa: B904 - as the client does it


async def tried(*reasons: Exception | None) -> list[aiomqtt.ProtocolVersion]:
    worker = Refused(list(reasons))
    with pytest.raises(asyncio.CancelledError):
        await worker.run()
    return worker.tried


async def test_a_broker_that_is_away_says_nothing_of_its_version() -> None:
    away = [ConnectionRefusedError(111, "refused"), ssl.SSLError("bad certificate")]
    assert await tried(*away) == [V5, V5, V5]


async def test_a_broker_that_refuses_or_ignores_version_5_is_asked_for_the_other() -> None:
    assert await tried(None, None) == [V5, V311, V5]
    assert await tried(TimeoutError()) == [V5, V311]
