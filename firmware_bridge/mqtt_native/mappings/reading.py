"""Messages of devices that a mapping explains.

How it works: a message is read by every mapping whose topic and whose needs it fits. What a field
does not hold costs no other, and a message in which nothing is numbers measures nothing. Of several
places for one value the first that holds a number counts.

Source: docs/reference/mqtt-mappings.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Quality, from_ms
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.local_clock import MeterZone
from firmware_bridge.driver.naming import identity, is_filler
from firmware_bridge.driver.telegram import Observation, normalise, shift
from firmware_bridge.mqtt_native.mappings.document import (
    EVERY,
    KEY,
    PART,
    MappedDevice,
    MappedTime,
    MappedValue,
    topic_pattern,
)
from firmware_bridge.mqtt_native.payload import mapping, number

MEMBERS_MAX = 50
_STEP = re.compile(r"[^.\[\]]{1,60}|\[\d{1,3}\]")
_YEARS = range(2000, 2100)
_SECOND_MS = 1000
_STAMP_DIGITS = 12
_NO_TIME = (None, Quality.ACTUAL)


@dataclass(frozen=True, slots=True)
class _Route:
    """Values that stand in the messages of one topic pattern."""

    device: MappedDevice
    pattern: re.Pattern[str]
    values: tuple[MappedValue, ...]

    def match(self, topic: str, content: object) -> re.Match[str] | None:
        match = self.pattern.fullmatch(topic)
        is_whole = all(_at(content, path) is not None for path in self.device.needs)
        return match if is_whole else None

    def observed(
        self, parts: Mapping[str, str], content: object, zone: str
    ) -> Iterator[Observation]:
        device, several = self.device, 0
        for key, member in _members(device, content):
            if not all(_spelled(_at(member, path)) == text for path, text in device.where.items()):
                continue
            meter = _meter(device, {**parts, KEY: key}, member)
            numbers = tuple(self._numbers(member)) if meter else ()
            if meter is None or not numbers:
                continue
            at, quality = _time(device.time, member, content, zone)
            # A list hangs on the device that sends it; of an object's members the first is it.
            port = int(key) if key.isdecimal() else several
            several += 1
            for value, shown in numbers:
                exact, unit = normalise(shift(shown, value.scale), value.unit)
                yield Observation(meter, value.obis, exact, unit, quality, at, port=port)

    def _numbers(self, member: object) -> Iterator[tuple[MappedValue, Decimal]]:
        seen: set[Obis] = set()
        for value in self.values:
            shown = number(member if value.path is None else _at(member, value.path))
            if shown is None or value.obis in seen or (value.zero_is_none and not shown):
                continue
            seen.add(value.obis)
            yield value, shown


@dataclass(frozen=True, slots=True)
class MqttMappings:
    """Mappings of devices, in their order.

    Args:
        devices: Of all files.
    """

    devices: tuple[MappedDevice, ...] = ()
    _routes: tuple[_Route, ...] = field(init=False, repr=False)
    _silent: tuple[re.Pattern[str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_routes", tuple(_routes(self.devices)))
        silent = (topic_pattern(topic) for device in self.devices for topic in device.silent)
        object.__setattr__(self, "_silent", tuple(silent))

    def observe(self, topic: str, content: object, zone: str) -> tuple[Observation, ...] | None:
        """What a message measures by the mappings that it fits; None where it fits none.

        Args:
            topic: As published.
            content: Its payload, parsed.
            zone: Of times without offset.
        """
        matches = [(route, route.match(topic, content)) for route in self._routes]
        fitting = [(route, match) for route, match in matches if match is not None]
        if fitting:
            return tuple(
                observation
                for route, match in fitting
                for observation in route.observed(match.groupdict(), content, zone)
            )
        return () if any(silent.fullmatch(topic) for silent in self._silent) else None


def _routes(devices: Iterable[MappedDevice]) -> Iterator[_Route]:
    for device in devices:
        for value_topic in dict.fromkeys(value.topic for value in device.values):
            values = tuple(value for value in device.values if value.topic == value_topic)
            yield _Route(device, device.pattern(value_topic), values)


def _members(device: MappedDevice, content: object) -> Iterator[tuple[str, object]]:
    """What of a message is a device: all of it, or each member at a place, with its name."""
    if device.each is None:
        yield "", content
        return
    listed = content if device.each == EVERY else _at(content, device.each)
    listed = dict(enumerate(listed, start=1)) if isinstance(listed, list) else mapping(listed)
    for count, (key, member) in enumerate(listed.items()):
        if count == MEMBERS_MAX:
            return
        if isinstance(member, dict):
            yield str(key), member


def _spelled(value: object) -> str:
    """A value as JSON spells it; text without its quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meter(device: MappedDevice, parts: Mapping[str, str], content: object) -> MeterIdentity | None:
    """The device that is meant; None where its number is there and empty, as before it is read."""
    for serial in device.serials:
        if PART.search(serial):
            text = PART.sub(lambda match: parts.get(match[1], ""), serial)
            return identity(device.manufacturer, text)
        shown = _at(content, serial)
        if isinstance(shown, str | int | Decimal):
            text = _unhexed(str(shown)) if device.serial_form == "hex" else str(shown)
            return None if is_filler(text) else identity(device.manufacturer, text)
    return identity(device.manufacturer, "")


def _unhexed(text: str) -> str:
    """The letters whose hex a text is; itself where it is none."""
    try:
        letters = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return text
    return letters if letters.isprintable() else text


def _time(
    time: MappedTime | None, member: object, content: object, zone: str
) -> tuple[datetime | None, Quality]:
    if time is None:
        return _NO_TIME
    value = _at(member, time.path)
    return _instant(time, _at(content, time.path) if value is None else value, zone)


def _instant(time: MappedTime, value: object, zone: str) -> tuple[datetime | None, Quality]:
    try:
        if time.form == "stamp":
            stamp = MeterZone(zone).stamp(str(value).zfill(_STAMP_DIGITS))
            return _NO_TIME if stamp is None else _sure(*stamp)
        if time.form in ("seconds", "milliseconds"):
            moment = number(value)
            step = _SECOND_MS if time.form == "seconds" else 1
            shown = None if moment is None else from_ms(int(moment * step))
        else:
            shown = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, ArithmeticError):
        return _NO_TIME
    if shown is None or shown.year not in _YEARS:
        return _NO_TIME
    if shown.tzinfo is not None:
        return shown.astimezone(UTC), Quality.ACTUAL
    return _sure(*MeterZone(zone).wall(shown)) if time.form == "local" else _NO_TIME


def _sure(at: datetime, is_sure: bool) -> tuple[datetime | None, Quality]:  # noqa: FBT001
    if at.year not in _YEARS:
        return _NO_TIME
    return at, Quality.ACTUAL if is_sure else Quality.SUSPECT


def _at(content: object, path: str) -> object:
    """What stands at a place in JSON; None where nothing does."""
    for step in _STEP.findall(path):
        if step.startswith("["):
            index = int(step[1:-1])
            content = content[index] if isinstance(content, list) and index < len(content) else None
        else:
            content = mapping(content).get(step)
    return content


NO_MAPPINGS = MqttMappings()
