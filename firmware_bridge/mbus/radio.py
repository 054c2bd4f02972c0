"""A wireless M-Bus meter, heard through a receiver on a serial port or behind TCP.

Several meters on one receiver are several tables with the same line and framing: they share it,
each hears its own meter and decrypts with its own key. Source: EN 13757-4; OMS Volume 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from firmware_bridge.driver.line import LineSettings
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.mbus.application.compact import Formats
from firmware_bridge.mbus.wireless.framing import Framing
from firmware_bridge.mbus.wireless.receiver import RadioScanner, ReceiverAddress, Sender

# As the receivers leave their makers.
BAUDRATES = {
    Framing.FRAMES: 9600,
    Framing.STRIPPED: 9600,
    Framing.AMBER: 9600,
    Framing.IMST: 57_600,
    Framing.LINES: 38_400,
}
FRESH_S = 330.0


class RadioSettings(LineSettings):
    """What a meter on the radio needs beside its receiver's line.

    Args:
        address: The meter's identification number, eight digits.
        manufacturer: Its three letters, where two makers' meters share a number. Meters of another
            maker are not heard then.
        framing: How the receiver packs frames.
        fresh_s: How long a value without a time of its own counts as present: a little more than
            the meter's sending interval. [s]
    """

    address: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{8}$", to_upper=True)]
    manufacturer: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    framing: Framing = Framing.FRAMES
    fresh_s: Annotated[float, Field(gt=0, le=86_400)] = FRESH_S


class RadioDriver(PushDriver):
    """A `MeterDriver`; keys of its table as in `RadioSettings`."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        chosen = RadioSettings.parse(settings)
        if "baudrate" not in settings:
            usual = {"baudrate": BAUDRATES[chosen.framing]}
            chosen = RadioSettings.parse(usual | dict(settings))
        sender = Sender(chosen.address, chosen.manufacturer or "")
        place = ReceiverAddress(chosen.place, chosen.framing, sender)
        formats = Formats()
        return cls(
            place,
            lambda: RadioScanner(chosen.keys, chosen.zone, formats),
            chosen.timeout_s,
            chosen.fresh_s,
            chosen.configured,
        )
