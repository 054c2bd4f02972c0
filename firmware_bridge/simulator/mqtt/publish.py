"""Virtual MQTT devices at a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import aiomqtt

from firmware_bridge.end_task import end_task
from firmware_bridge.simulator.meter import VirtualMeter, VirtualMeterError
from firmware_bridge.simulator.mqtt.devices import messages

_PAUSE_S = 1.0
_CONNECT_S = 10.0


class VirtualMqttDevices:
    """Devices that publish to a broker, and come back when it does.

    Use it as an async context manager; inside, the broker has been reached once.

    Args:
        meters: What they show.
        device: Their firmware.
        host: The broker's name or address.
        port: Its port.
        interval_s: Pause between messages. [s]
        username: As the broker knows them.
        password: Of that user.
    """

    def __init__(  # noqa: PLR0913 - meters, what they say, and a broker
        self,
        meters: Sequence[VirtualMeter],
        device: str,
        host: str,
        port: int,
        interval_s: float = 1.0,
        *,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._meters = tuple(meters)
        self._device = device
        self._host = host
        self._port = port
        self._interval_s = interval_s
        self._username = username
        self._password = password
        self._reached = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._reached.wait()
        except TimeoutError:
            await self.__aexit__()
            message = f"The broker at {self._host}:{self._port} cannot be used."
            remedy = "Start one there, or name another with --host and --port."
            raise VirtualMeterError(message, value=self._port, remedy=remedy) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await end_task(self._task)

    async def _run(self) -> None:
        while True:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    self._host, self._port, username=self._username, password=self._password
                ) as client:
                    await self._publish(client)
            await asyncio.sleep(_PAUSE_S)

    async def _publish(self, client: aiomqtt.Client) -> None:
        while True:
            for meter in self._meters:
                if meter.faults.silent:
                    continue
                for topic, payload in messages(self._device, meter):
                    await client.publish(topic, payload, qos=1)
            self._reached.set()
            await asyncio.sleep(self._interval_s)
