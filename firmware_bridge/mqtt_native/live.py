"""Messages as a broker hands them over: what is present, what it had kept, and who is offline.

How it works. A message goes one of four ways:

    about availability   it is noted, and a device that is back gives what came just before
    kept by the broker   its values count only if their own time says that they are present ones
    of an offline device it waits for the word that the device is back, for `BACK_S`
    else                 its values are present ones

Zigbee2MQTT publishes what it remembers of silent devices when it starts. So a value that says when
its device was last heard (`last_seen`) is taken as kept, too, unless that moves on as messages do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.telegram import Observation, Telegram
from firmware_bridge.mqtt_native.frames import device_topic
from firmware_bridge.mqtt_native.mappings import NO_MAPPINGS, MqttMappings
from firmware_bridge.mqtt_native.presence import DevicePresence
from firmware_bridge.mqtt_native.values import as_line, message_of, read_message

BACK_S: Final = 10.0
IN_STEP: Final = timedelta(minutes=1)
TOPICS_MAX: Final = 2_000
_KEPT, _LIVE = b"K", b"L"
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def framed(topic: str, payload: bytes, *, kept: bool) -> bytes:
    """A message as `DeviceScanner` takes it."""
    return (_KEPT if kept else _LIVE) + as_line(topic, payload)


@dataclass(slots=True)
class Memory:
    """What outlives a connection.

    Args:
        presence: Who is said to be there.
        topics: Where each device published last.
        seen: By topic, when the device was last heard by its own word, and when that came. [s]
        passed_over: The topic of the last value that was kept and has no time; None for none.
    """

    presence: DevicePresence = field(default_factory=DevicePresence)
    topics: dict[MeterIdentity, str] = field(default_factory=dict)
    seen: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    passed_over: str | None = None

    def offline(self) -> tuple[str, ...]:
        """The devices that measure and are said to be offline, ascending."""
        offline = map(self.presence.offline, self.topics.values())
        return tuple(sorted({name for name in offline if name is not None}))

    def is_offline(self, meter: MeterIdentity) -> bool:
        """Whether a device is."""
        topic = self.topics.get(meter)
        return topic is not None and self.presence.offline(topic) is not None


class DeviceScanner:
    """Messages of one connection in, one at a time; observed telegrams out.

    Args:
        memory: What was learnt on connections before.
        zone: Of times without offset.
        monotonic: The clock that tells how long ago something came. [s]
        mappings: Of the gateway's own files.
    """

    def __init__(
        self,
        memory: Memory,
        zone: str,
        monotonic: Callable[[], float],
        mappings: MqttMappings = NO_MAPPINGS,
    ) -> None:
        self._mappings = mappings
        self._memory = memory
        self._zone = zone
        self._monotonic = monotonic
        self._waiting: dict[str, tuple[bytes, float]] = {}
        memory.presence.forget()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """What a message that `framed` made says."""
        flag, line = data[:1], data[1:].strip(b"\n")
        topic, payload = message_of(line)
        if self._memory.presence.on_message(topic, payload):
            yield from self._back()
        elif payload:  # without one, a kept message is taken away
            yield from self._take(topic, line, kept=flag == _KEPT)

    def close(self) -> Iterator[Telegram]:
        """Nothing is held that counts."""
        yield from ()

    def _take(self, topic: str, line: bytes, *, kept: bool) -> Iterator[Telegram]:
        telegram = read_message(*line.partition(b" ")[::2], line, self._zone, self._mappings)
        named = tuple(replace(o, sender=_sender(topic, o)) for o in telegram.observations)
        telegram = replace(telegram, observations=named, sender=device_topic(topic))
        for one in telegram.observations:
            self._memory.topics.pop(one.meter, None)
            self._memory.topics[one.meter] = topic
        _trim(self._memory.topics)
        if not telegram.observations:
            if telegram.error is None or not kept:
                yield telegram
            return
        if self._memory.presence.offline(topic) is not None:
            if not kept:
                self._waiting[topic] = (line, self._monotonic())
                _trim(self._waiting)
            return
        if kept or self._moved_on(topic, telegram) is False:
            timed = tuple(replace(o, kept=True) for o in telegram.observations if o.meter_time)
            if not timed:
                self._memory.passed_over = topic
                return
            telegram = replace(telegram, observations=timed)
        else:
            self._memory.passed_over = None
        yield telegram

    def _back(self) -> Iterator[Telegram]:
        """What came from devices just before the word that they are back."""
        latest = self._monotonic() - BACK_S
        for topic, (line, came) in tuple(self._waiting.items()):
            if came < latest:
                del self._waiting[topic]
            elif self._memory.presence.offline(topic) is None:
                del self._waiting[topic]
                yield from self._take(topic, line, kept=False)

    def _moved_on(self, topic: str, telegram: Telegram) -> bool | None:
        """Whether the time at which a device was last heard moves on with its messages.

        None where none is told: the values are of the device's own clock, or have no time.
        """
        seen = next((o.meter_time for o in telegram.observations if o.of_last_contact), None)
        if seen is None:
            return None
        before, now = self._memory.seen.pop(topic, None), self._monotonic()
        self._memory.seen[topic] = (seen, now)
        _trim(self._memory.seen)
        if before is None or seen <= before[0]:
            return False
        return abs(seen - before[0] - timedelta(seconds=now - before[1])) <= IN_STEP


def _sender(topic: str, seen: Observation) -> str:
    """A Zigbee device's address in its messages is the device, whatever its topic is called."""
    has_address = seen.of_last_contact and not topic.endswith(seen.meter.serial)
    return "" if has_address else device_topic(topic)


def _trim(table: dict[_Key, _Value]) -> None:
    while len(table) > TOPICS_MAX:
        del table[next(iter(table))]
