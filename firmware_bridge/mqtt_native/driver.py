"""Devices behind a broker: a driver that subscribes to them and keeps what they publish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Self

import aiomqtt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from firmware_bridge.driver.interface import (
    MeterConnectionError,
    MeterOfflineError,
    MeterStaleError,
    MeterTimeoutError,
    MeterValue,
    ReadOut,
)
from firmware_bridge.driver.local_clock import DEFAULT_ZONE
from firmware_bridge.driver.naming import ConfiguredIdentity, MakersName, SerialNumber
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.driver.table_faults import paths_in, setting_error
from firmware_bridge.mqtt_native.frames import device_topic
from firmware_bridge.mqtt_native.live import DeviceScanner, Memory, framed
from firmware_bridge.mqtt_native.mappings import load_mappings
from firmware_bridge.mqtt_native.presence import DevicePresence, companions
from firmware_bridge.mqtt_native.values import as_line

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
        mappings: Paths of files that explain further devices.
        availability: Topics that say whether the devices are there; None for those that their
            firmware uses, an empty list for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: _Text
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    topics: Annotated[tuple[_Text, ...], Field(min_length=1)]
    username: _Text | None = None
    password: _Text | None = Field(default=None, repr=False)
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    fresh_s: Annotated[float, Field(gt=0, le=86_400)] = 330.0
    zone: _Text = DEFAULT_ZONE
    serial: SerialNumber | None = None
    manufacturer: MakersName | None = None
    availability: tuple[_Text, ...] | None = None
    mappings: tuple[_Text, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """A broker and what is subscribed to there.

    Args:
        host: Its name or address.
        port: Its port.
        topics: Filters of what devices publish.
        username: As it knows us.
        password: Of that user.
        beside: Filters of what is good to know and may be refused.
        framed: Whether each line says if the broker had kept its message (`live.framed`).
    """

    host: str
    port: int
    topics: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    beside: tuple[str, ...] = ()
    framed: bool = False

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
    """Messages as lines; see `firmware_bridge.driver.line.MeterLine`."""

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
                # First who is there, then what they say.
                for topic in (*place.beside, *place.topics):
                    await client.subscribe(topic, qos=1)
                self._ready.set()
                async for message in client.messages:
                    payload = message.payload
                    if isinstance(payload, bytes):
                        await self._waiting.put(self._line(message, payload))
        await self._waiting.put(None)

    def _line(self, message: aiomqtt.Message, payload: bytes) -> bytes:
        topic = str(message.topic)
        if self._place.framed:
            return framed(topic, payload, kept=message.retain)
        return as_line(topic, payload)

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
    """A `MeterDriver` for devices that publish; keys of its table as in `MqttSettings`.

    Args:
        settings: Those.
    """

    def __init__(self, settings: MqttSettings) -> None:
        own = settings.availability
        self._memory = memory = Memory(DevicePresence(own or ()))
        self._topics = settings.topics
        place = BrokerPlace(
            settings.host,
            settings.port,
            settings.topics,
            settings.username,
            settings.password,
            companions(settings.topics) if own is None else own,
            framed=True,
        )
        mappings = load_mappings(settings.mappings)
        super().__init__(
            place,
            lambda: DeviceScanner(memory, settings.zone, time.monotonic, mappings),
            settings.timeout_s,
            settings.fresh_s,
            ConfiguredIdentity(settings.serial, settings.manufacturer),
            several=settings.serial is None and _of_several(settings.topics),
        )

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
            MqttMappingError: A file of mappings cannot be read, or breaks the format.
        """
        try:
            return cls(MqttSettings.model_validate(dict(settings)))
        except ValidationError as error:
            files = [partial(load_mappings, (path,)) for path in paths_in(settings, "mappings")]
            raise setting_error(error, MqttSettings, "host", files) from None

    async def read(self) -> ReadOut:
        """What came since the last read, else the next message; see `MeterDriver.read`.

        Raises:
            MeterOfflineError: Nothing came, and the devices are said to be offline.
            MeterStaleError: Nothing came but what the broker had kept.
        """
        try:
            read_out = await super().read()
        except MeterTimeoutError as error:
            if (reason := self._reason()) is None:
                raise
            raise reason from error
        offline = self._memory.offline()
        if not read_out.values and offline:
            raise self._offline(offline)
        return replace(read_out, offline=offline)

    def _take(self) -> tuple[MeterValue, ...]:
        """As ever, but a value without a time is none of now once its device is offline."""
        return tuple(
            value
            for value in super()._take()
            if value.meter_time is not None or not self._is_offline(value)
        )

    def _is_offline(self, value: MeterValue) -> bool:
        # A meter whose nameplate is configured is one device, whatever its messages call it.
        return self._memory.is_offline(value.meter) or bool(
            self._configured and self._memory.offline()
        )

    def _reason(self) -> MeterOfflineError | MeterStaleError | None:
        """Why nothing came, as far as the broker tells."""
        by_topic = {self._memory.presence.offline(topic) for topic in self._topics}
        named = {name for name in by_topic if name is not None}
        if offline := tuple(sorted({*named, *self._memory.offline()})):
            return self._offline(offline)
        if (topic := self._memory.passed_over) is not None:
            message = f"The broker at {self._place} sent only a retained message: {topic}."
            return MeterStaleError(message, value=topic)
        return None

    def _offline(self, topics: tuple[str, ...]) -> MeterOfflineError:
        message = (
            f"The broker at {self._place} reports these devices as offline: {', '.join(topics)}."
        )
        return MeterOfflineError(
            message,
            value=topics[0],
            remedy="If they are online, delete the retained message on that topic.",
        )


def _of_several(topics: tuple[str, ...]) -> bool:
    """Whether topics are of several devices, or may be."""
    return (
        any(set("+#") & set(topic) for topic in topics) or len(set(map(device_topic, topics))) > 1
    )
