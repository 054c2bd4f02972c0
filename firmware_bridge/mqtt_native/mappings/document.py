"""The format of a file of MQTT mappings: which fields of which topics are what.

It does not read a message; `firmware_bridge.mqtt_native.mappings.reading` does.

Source: docs/reference/mqtt-mappings.md.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
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
from firmware_bridge.contract.reading import MANUFACTURER_MAX
from firmware_bridge.driver.code_units import counted_in
from firmware_bridge.driver.table_faults import faults, sentence
from firmware_bridge.driver.telegram import normalise
from firmware_bridge.mqtt_native.shapes import asks

KEY = "key"
EVERY = "*"
PART = re.compile(r"\{([a-z]{1,20})(\.\.\.)?\}")
_PATH = r"[^.\[\]]{1,60}(?:\.[^.\[\]]{1,60}|\[\d{1,3}\])*|(?:\[\d{1,3}\])+"
_ONE = Decimal(1)
_UNITS = {unit.value for unit in Unit}


class MqttMappingError(ConfigurationError):
    """A file of mappings cannot be read, or breaks the format."""

    code = "MQTT_MAPPING"
    default_remedy = "Correct the key; the manual's page *MQTT mappings* has every key."


def _unit(text: str) -> str:
    if normalise_unit(text) not in _UNITS:
        message = f"{text!r} is not a unit that is known, such as kWh or W"
        raise ValueError(message)
    return text


def normalise_unit(text: str) -> str:
    """The vocabulary's unit for a unit as devices spell it; itself where there is none."""
    return normalise(_ONE, text)[1]


_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Path = Annotated[str, StringConstraints(pattern=f"^(?:{_PATH})$", max_length=200)]
_ObisCode = Annotated[Obis, BeforeValidator(lambda text: Obis.parse(str(text)))]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class MappedValue(_Table):
    """A value of a device.

    Args:
        obis: What it is.
        unit: As devices spell it.
        path: Where it stands in the message; None for all of it.
        topic: Below the device's topic, where it has messages of its own.
        scale: What is sent times 10^`scale` is the value in `unit`.
        zero_is_none: Whether a zero says that the device does not have the value yet.
    """

    obis: _ObisCode
    unit: Annotated[str, AfterValidator(_unit)]
    path: _Path | None = None
    topic: _Text | None = None
    scale: Annotated[int, Field(ge=-12, le=12)] = 0
    zero_is_none: bool = False

    @model_validator(mode="after")
    def _unit_of_code(self) -> Self:
        expected = counted_in(self.obis)
        if expected not in (None, normalise_unit(self.unit)):
            message = f"{self.obis} is counted in {expected}, not in {self.unit}"
            raise ValueError(message)
        return self


class MappedTime(_Table):
    """Where a message says when.

    Args:
        path: In the member that `each` names, else in the message.
        form: How it is written; `stamp` is YYMMDDhhmmss, local.
    """

    path: _Path
    form: Literal["rfc3339", "local", "stamp", "seconds", "milliseconds"] = "rfc3339"


class MappedDevice(_Table):
    """Devices of one firmware.

    Args:
        name: For people.
        source: What the mapping is taken from.
        topic: With `{part}` for a level, or `{part...}` for any number of levels, that changes
            from device to device.
        manufacturer: Of all of them.
        serial: Their number: text with parts of the topic, or a place in the message; of several
            the first that is there.
        serial_form: Whether the number is sent as the hex of its letters.
        needs: Places without which a message is none of theirs.
        each: A place whose members are a device each: of a list, or of an object, where `{key}` is
            the member's name; `*` for the whole message.
        where: What must stand at a place of the message, or of the member.
        silent: Topics on which they publish nothing that is measured.
        time: Where a message says when.
        values: What they measure.
    """

    name: _Text
    source: _Text
    topic: _Text
    manufacturer: Annotated[str, StringConstraints(min_length=1, max_length=MANUFACTURER_MAX)]
    serial: _Text | Annotated[tuple[_Text, ...], Field(min_length=1, max_length=20)]
    serial_form: Literal["text", "hex"] = "text"
    needs: tuple[_Path, ...] = ()
    each: _Path | Literal["*"] | None = None
    where: dict[_Path, str] = {}
    silent: tuple[_Text, ...] = ()
    time: MappedTime | None = None
    values: Annotated[tuple[MappedValue, ...], Field(min_length=1, max_length=200)]

    @property
    def serials(self) -> tuple[str, ...]:
        """Where the number may stand, in the order in which they are asked."""
        return (self.serial,) if isinstance(self.serial, str) else self.serial

    @model_validator(mode="after")
    def _whole(self) -> Self:
        below = {f"{self.topic}/{value.topic}" for value in self.values if value.topic is not None}
        for topic in (self.topic, *self.silent, *sorted(below)):
            _check_parts(topic)
        if unheard := [topic for topic in (self.topic, *sorted(below)) if asks(topic)]:
            message = f"{unheard[0]!r} asks a device for something: what is sent there is not read"
            raise ValueError(message)
        parts = {name for name, _ in PART.findall(self.topic)}
        parts |= {KEY} if self.each else set()
        for text in self.serials:
            unknown = [name for name, _ in PART.findall(text) if name not in parts]
            if unknown:
                message = f"`serial` names {{{unknown[0]}}}, which is no part of `topic`"
                raise ValueError(message)
        places = [(value.topic, value.path) for value in self.values]
        if len(set(places)) != len(places):
            message = "two values stand at the same place"
            raise ValueError(message)
        return self

    def fits_as(self, other: Self) -> bool:
        """Whether just the messages fit that fit another."""
        fit, of_other = (
            (topic_pattern(device.topic), set(device.needs), device.each, device.where)
            for device in (self, other)
        )
        return fit == of_other

    def pattern(self, value_topic: str | None) -> re.Pattern[str]:
        """What the topic of a message with these values matches, whole."""
        return topic_pattern(self.topic if value_topic is None else f"{self.topic}/{value_topic}")


class MappingDocument(_Table):
    """A file."""

    devices: Annotated[tuple[MappedDevice, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinguishable(self) -> Self:
        for (number, device), (second, other) in combinations(enumerate(self.devices, 1), 2):
            twice = {value.obis for value in device.values} & {value.obis for value in other.values}
            if twice and device.fits_as(other):
                message = f"devices {number} and {second} fit the same messages, so that each"
                raise ValueError(f"{message} value of {min(map(str, twice))} is read twice")
        return self


def build(table: object, where: str) -> tuple[MappedDevice, ...]:
    """The devices of a file's table.

    Args:
        table: As parsed.
        where: The file, for people.

    Raises:
        MqttMappingError: It breaks the format; names all its faults.
    """
    try:
        return MappingDocument.model_validate(table).devices
    except ValidationError as error:
        message = f"{where}: {sentence(faults(error))}"
        raise MqttMappingError(message, value=where) from error


def topic_pattern(topic: str) -> re.Pattern[str]:
    """What topics a text with `{parts}` stands for."""
    pieces, end = [], 0
    for match in PART.finditer(topic):
        levels = r".{0,200}" if match[2] else r"[^/]{1,100}"
        pieces += [re.escape(topic[end : match.start()]), f"(?P<{match[1]}>{levels})"]
        end = match.end()
    return re.compile("".join([*pieces, re.escape(topic[end:])]), re.DOTALL)


def _check_parts(topic: str) -> None:
    if wildcards := sorted({"+", "#"} & set(topic)):
        message = f"{topic!r} has {wildcards[0]!r}: a level that changes is written {{device}}"
        raise ValueError(message)
    parts = PART.findall(topic)
    if len({name for name, _ in parts}) != len(parts):
        message = f"{topic!r} names a part twice"
        raise ValueError(message)
    if sum(bool(levels) for _, levels in parts) > 1:
        message = f"{topic!r} has more than one part of several levels"
        raise ValueError(message)
