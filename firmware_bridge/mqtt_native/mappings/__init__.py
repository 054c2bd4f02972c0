"""Devices behind a broker as data: files say which fields of which topics are what.

A gateway's own files go before all firmware that is known, the ones that ship with Meterline after
it. The format is described in docs/reference/mqtt-mappings.md.

It does not know any firmware by name: what a file cannot say is a protocol of its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

from firmware_bridge.driver.table_faults import all_of, read_toml
from firmware_bridge.mqtt_native.mappings.document import (
    MappedDevice,
    MqttMappingError,
    build,
)
from firmware_bridge.mqtt_native.mappings.reading import NO_MAPPINGS, MqttMappings

__all__ = [
    "NO_MAPPINGS",
    "MqttMappingError",
    "MqttMappings",
    "load_mappings",
    "mapping_names",
    "read_mapping",
    "shipped_mapping",
    "shipped_mappings",
]

_SUFFIX = ".toml"


def load_mappings(paths: Iterable[str]) -> MqttMappings:
    """The mappings of a gateway's own files.

    Raises:
        MqttMappingError: A file cannot be read, or breaks the format; names all its faults.
    """
    tables = all_of([partial(read_mapping, Path(path)) for path in paths])
    return MqttMappings(tuple(device for devices in tables for device in devices))


def read_mapping(path: Path) -> tuple[MappedDevice, ...]:
    """The devices that a file explains.

    Raises:
        MqttMappingError: It cannot be read, or breaks the format; names all its faults.
    """
    return build(read_toml(path, MqttMappingError, "file of MQTT mappings"), str(path))


def mapping_names() -> tuple[str, ...]:
    """The names of all files that ship with Meterline, ascending."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


@cache
def shipped_mapping(name: str) -> tuple[MappedDevice, ...]:
    """The devices of one of `mapping_names`."""
    text = (files(__name__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    return build(tomllib.loads(text), name)


@cache
def shipped_mappings() -> MqttMappings:
    """All that ship with Meterline."""
    return MqttMappings(tuple(d for name in mapping_names() for d in shipped_mapping(name)))
