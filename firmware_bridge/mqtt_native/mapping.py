"""Devices that nobody has thought of: a file says which fields of which topics are what.

How it works: a mapping names topics by a pattern whose `{parts}` are what changes from device to
device, and for each value where it stands: the whole payload of a topic, or a place in its JSON. A
message that fits a pattern is read by that mapping alone, before all firmware that is known. What a
field does not hold costs no other, and a message in which nothing is found measures nothing.

Source: docs/reference/meter-protocols.md, "MQTT mappings of your own".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import MANUFACTURER_MAX, Quality, from_ms
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.local_clock import MeterZone
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.table_faults import faults, read_toml, sentence
from firmware_bridge.driver.telegram import Observation, normalise, shift
from firmware_bridge.mqtt_native.payload import mapping, number

_PART = re.compile(r"\{([a-z]{1,20})\}")
_STEP = re.compile(r"[^.\[\]]{1,60}|\[\d{1,3}\]")
_PATH = re.compile(r"[^.\[\]]{1,60}(?:\.[^.\[\]]{1,60}|\[\d{1,3}\])*|(?:\[\d{1,3}\])+")
_YEARS = range(2000, 2100)
_MILLISECONDS, _SECONDS = 1, 1000
_UNITS = {unit.value for unit in Unit}


class MqttMappingError(ConfigurationError):
    """A file of mappings cannot be read, or breaks the format."""

    code = "MQTT_MAPPING"
    default_remedy = "Correct the key; the manual's page *Meter protocols* has every key."


def _unit(text: str) -> str:
    if normalise(Decimal(1), text)[1] not in _UNITS:
        message = f"{text!r} is not a unit that is known, such as kWh or W"
        raise ValueError(message)
    return text


_Path = Annotated[str, StringConstraints(pattern=f"^(?:{_PATH.pattern})$", max_length=200)]
_ObisCode = Annotated[Obis, BeforeValidator(lambda text: Obis.parse(str(text)))]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class _Value(_Table):
    obis: _ObisCode
    unit: Annotated[str, BeforeValidator(_unit)]
    path: _Path | None = None
    topic: Annotated[str, StringConstraints(min_length=1)] | None = None
    scale: Annotated[int, Field(ge=-12, le=12)] = 0


class _Time(_Table):
    path: _Path
    form: Literal["rfc3339", "local", "seconds", "milliseconds"] = "rfc3339"

    def instant(self, content: object, zone: str) -> tuple[datetime | None, Quality]:
        value = _at(content, self.path)
        try:
            if self.form in ("seconds", "milliseconds"):
                moment = number(value)
                step = _SECONDS if self.form == "seconds" else _MILLISECONDS
                shown = None if moment is None else from_ms(int(moment * step))
            else:
                shown = datetime.fromisoformat(str(value))
        except (ValueError, OverflowError, ArithmeticError):
            return None, Quality.ACTUAL
        if shown is None or shown.year not in _YEARS:
            return None, Quality.ACTUAL
        if shown.tzinfo is not None:
            return shown.astimezone(UTC), Quality.ACTUAL
        if self.form != "local":
            return None, Quality.ACTUAL
        at, is_sure = MeterZone(zone).wall(shown)
        return at, Quality.ACTUAL if is_sure else Quality.SUSPECT


class _Device(_Table):
    name: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(min_length=1)]
    topic: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    manufacturer: Annotated[str, StringConstraints(min_length=1, max_length=MANUFACTURER_MAX)]
    serial: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    time: _Time | None = None
    values: Annotated[tuple[_Value, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = _PART.findall(self.topic)
        if len(set(parts)) != len(parts):
            message = "`topic` names a part twice"
            raise ValueError(message)
        unknown = [name for name in _PART.findall(self.serial) if name not in parts]
        if unknown:
            message = f"`serial` names {{{unknown[0]}}}, which is no part of `topic`"
            raise ValueError(message)
        places = [(value.topic, value.path) for value in self.values]
        if len(set(places)) != len(places):
            message = "two values stand at the same place"
            raise ValueError(message)
        return self

    def pattern(self, value_topic: str | None) -> re.Pattern[str]:
        """What a message's whole topic matches."""
        whole = self.topic if value_topic is None else f"{self.topic}/{value_topic}"
        pieces = _PART.split(whole)
        return re.compile(
            "".join(
                f"(?P<{piece}>[^/]{{1,100}})" if index % 2 else re.escape(piece)
                for index, piece in enumerate(pieces)
            )
        )


class _Document(_Table):
    devices: Annotated[tuple[_Device, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Route:
    """Values that stand in the messages of one topic pattern."""

    device: _Device
    pattern: re.Pattern[str]
    values: tuple[_Value, ...]


@dataclass(frozen=True, slots=True)
class MqttMappings:
    """The mappings of a gateway's files, in their order."""

    routes: tuple[_Route, ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, paths: Iterable[str]) -> MqttMappings:
        """The mappings of these files.

        Raises:
            MqttMappingError: A file cannot be read, or breaks the format; names all its faults.
        """
        return cls(tuple(route for path in paths for route in _load(Path(path))))

    def observe(self, topic: str, content: object, zone: str) -> tuple[Observation, ...] | None:
        """What a message measures by the first mapping that fits its topic; None where none does.

        Args:
            topic: As published.
            content: Its payload, parsed.
            zone: Of times without offset.
        """
        for route in self.routes:
            match = route.pattern.fullmatch(topic)
            if match is not None:
                return tuple(_observed(route, match.groupdict(), content, zone))
        return None


NO_MAPPINGS = MqttMappings()


def _observed(
    route: _Route, parts: Mapping[str, str], content: object, zone: str
) -> Iterator[Observation]:
    device = route.device
    meter = _meter(device, parts, content)
    at, quality = device.time.instant(content, zone) if device.time else (None, Quality.ACTUAL)
    for value in route.values:
        shown = number(content if value.path is None else _at(content, value.path))
        if shown is None:
            continue
        exact, unit = normalise(shift(shown, value.scale), value.unit)
        yield Observation(meter, value.obis, exact, unit, quality, at)


def _meter(device: _Device, parts: Mapping[str, str], content: object) -> MeterIdentity:
    """The device: its number by parts of the topic, or at a place in the message."""
    if _PART.search(device.serial):
        serial = _PART.sub(lambda match: parts.get(match[1], ""), device.serial)
    else:
        shown = _at(content, device.serial)
        serial = str(shown) if isinstance(shown, str | int | Decimal) else ""
    return identity(device.manufacturer, serial)


def _at(content: object, path: str) -> object:
    """What stands at a place in JSON; None where nothing does."""
    for step in _STEP.findall(path):
        if step.startswith("["):
            index = int(step[1:-1])
            content = content[index] if isinstance(content, list) and index < len(content) else None
        else:
            content = mapping(content).get(step)
    return content


def _load(path: Path) -> Iterator[_Route]:
    table = read_toml(path, MqttMappingError, "file of MQTT mappings")
    try:
        devices = _Document.model_validate(table).devices
    except ValidationError as error:
        message = f"{path}: {sentence(faults(error))}"
        raise MqttMappingError(message, value=str(path)) from error
    for device in devices:
        for value_topic in dict.fromkeys(value.topic for value in device.values):
            values = tuple(value for value in device.values if value.topic == value_topic)
            yield _Route(device, device.pattern(value_topic), values)
