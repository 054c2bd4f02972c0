"""An SML meter behind an optical head: 9600 bits a second, eight bits, no parity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from firmware_bridge.driver.line import LineSettings
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.sml.values import SmlScanner


class SmlDriver(PushDriver):
    """A `MeterDriver`; keys of its table as in `LineSettings`; 9600 baud by default."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        chosen = LineSettings.parse({"baudrate": 9600} | dict(settings))
        return cls(chosen.place, SmlScanner, chosen.timeout_s, configured=chosen.configured)
