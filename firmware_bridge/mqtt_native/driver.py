"""Devices behind a broker: a driver that subscribes to them and keeps what they publish."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Self

import aiomqtt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from firmware_bridge.driver.interface import DriverSettingError, MeterConnectionError
from firmware_bridge.driver.naming import MakersName, NamePlate, SerialNumber
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.mqtt_native.values import MessageScanner, as_line

_Text = Annotated[str, StringConstraints(min_length=1)]
_WAITING_MAX = 1000


class MqttSettings(BaseModel):
    """Where devices publish.

    Args:
        host: The broker's name or address.
        port: Its port.
        topics: Topic filters of the device.
        username: As the broker knows the agent.
        password: Of that user.
        timeout_s: Longest wait for the broker, and for a message. [s]
        fresh_s: How long a value without a time of its own counts as present: a little more than
            the device's publishing interval. [s]
        zone: IANA zone of times without offset.
        serial: The number on the device's plate, instead of what its messages say.
        manufacturer: Its maker, instead of what its messages say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: _Text
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    topics: Annotated[tuple[_Text, ...], Field(min_length=1)]
    username: _Text | None = None
    password: _Text | None = Field(default=None, repr=False)
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    fresh_s: Annotated[float, Field(gt=0, le=86_400)] = 330.0
    zone: _Text = "UTC"
    serial: SerialNumber | None = None
    manufacturer: MakersName | None = None


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """A broker and what is subscribed to there."""

    host: str
    port: int
    topics: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def open(self, timeout_s: float) -> _MessageLine:
        """Connect and subscribe.

        Raises:
            MeterConnectionError: The broker is not there or refuses.
        """
        line = _MessageLine(self)
        try:
            async with asyncio.timeout(timeout_s):
                await line.subscribed()
        except (TimeoutError, MeterConnectionError) as error:
            line.close()
            message = f"The broker at {self} cannot be used."
            raise MeterConnectionError(message, value=str(self)) from error
        return line


class _MessageLine:
    """Messages as lines; see `firmware_bridge.driver.line.Line`."""

    def __init__(self, place: BrokerPlace) -> None:
        self._place = place
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_MAX)
        self._ready = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        place = self._place
        with suppress(aiomqtt.MqttError):
            async with aiomqtt.Client(
                place.host, place.port, username=place.username, password=place.password
            ) as client:
                for topic in place.topics:
                    await client.subscribe(topic, qos=1)
                self._ready.set()
                async for message in client.messages:
                    payload = message.payload
                    if isinstance(payload, bytes):
                        await self._waiting.put(as_line(str(message.topic), payload))
        await self._waiting.put(None)

    async def subscribed(self) -> None:
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait((ready, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self._ready.is_set():
            raise self._gone()

    async def receive(self) -> bytes:
        line = await self._waiting.get()
        if line is None:
            raise self._gone()
        return line

    async def send(self, data: bytes) -> None:
        """Nothing is sent to devices."""

    def set_speed(self, baudrate: int) -> None:
        """A broker has none."""

    def close(self) -> None:
        self._task.cancel()

    def _gone(self) -> MeterConnectionError:
        message = f"The broker at {self._place} closed the connection."
        return MeterConnectionError(message, value=str(self._place))


class MqttNativeDriver(PushDriver):
    """A `MeterDriver` for devices that publish; keys of its table as in `MqttSettings`."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        try:
            chosen = MqttSettings.model_validate(dict(settings))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "host"
            message = f"Meter setting `{name}`: {first['msg']}."
            known = ", ".join(MqttSettings.model_fields)
            raise DriverSettingError(message, remedy=f"Known settings: {known}.") from None
        place = BrokerPlace(
            chosen.host, chosen.port, chosen.topics, chosen.username, chosen.password
        )
        plate = NamePlate(chosen.serial, chosen.manufacturer)
        return cls(
            place, lambda: MessageScanner(chosen.zone), chosen.timeout_s, chosen.fresh_s, plate
        )
