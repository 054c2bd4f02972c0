"""A DLMS meter that pushes on its customer port: HDLC at 2400 baud and even parity, or M-Bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from firmware_bridge.dlms.line import LineScanner
from firmware_bridge.driver.line import LineSettings
from firmware_bridge.driver.pushed import PushDriver


class DlmsDriver(PushDriver):
    """A `MeterDriver`; keys of its table as in `LineSettings`; 2400 baud, even parity."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        chosen = LineSettings.parse({"baudrate": 2400, "parity": "E"} | dict(settings))
        return cls(
            chosen.place,
            lambda: LineScanner(chosen.keys, chosen.zone),
            chosen.timeout_s,
            configured=chosen.configured,
        )
