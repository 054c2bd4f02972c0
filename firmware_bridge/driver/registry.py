"""The installed protocols and their drivers.

A driver is named by an entry point of the group `meterline.drivers`, so that another package can
add one, and is imported only when a configuration asks for it: a gateway with one Modbus meter
never loads the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import cast

from firmware_bridge.driver.interface import MeterDriver, UnknownProtocolError

GROUP = "meterline.drivers"


def protocols() -> tuple[str, ...]:
    """The names of all installed protocols, ascending. Imports none of them."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def driver_class(protocol: str) -> type[MeterDriver]:
    """Import the driver of a protocol.

    Raises:
        UnknownProtocolError: None is installed under that name, or it cannot be imported.
    """
    points = tuple(entry_points(group=GROUP, name=protocol))
    if not points:
        known = ", ".join(protocols()) or "none"
        message = f"No driver for the protocol {protocol!r} is installed."
        raise UnknownProtocolError(message, value=protocol, remedy=f"Installed: {known}.")
    try:
        return cast("type[MeterDriver]", points[0].load())
    except (ImportError, AttributeError) as error:
        message = f"The driver of {protocol!r} cannot be imported: {error}."
        raise UnknownProtocolError(
            message, value=points[0].value, remedy="Install the package meterline[edge]."
        ) from error


def create_driver(protocol: str, settings: Mapping[str, object]) -> MeterDriver:
    """A driver for one configured meter.

    Args:
        protocol: An entry point's name, such as `modbus`.
        settings: The rest of the meter's table; each driver documents its own keys.

    Raises:
        UnknownProtocolError: No such protocol is installed.
        DriverSettingError: The settings do not fit the protocol.
    """
    return driver_class(protocol).from_settings(settings)
