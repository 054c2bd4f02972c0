"""A P1 port with its sub-meters: 115200 baud, or 9600 with seven bits before DSMR 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from firmware_bridge.driver.line import LineSettings
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.dsmr.encrypted import EncryptedP1Scanner
from firmware_bridge.iec62056_21.p1_values import P1Scanner


class DsmrDriver(PushDriver):
    """A `MeterDriver`; keys of its table as in `LineSettings`; a `key` means it encrypts."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
        """
        chosen = LineSettings.parse(settings)
        if chosen.key is None:
            return cls(
                chosen.place,
                lambda: P1Scanner(chosen.zone),
                chosen.timeout_s,
                configured=chosen.configured,
            )
        return cls(
            chosen.place,
            lambda: EncryptedP1Scanner(chosen.keys, chosen.zone),
            chosen.timeout_s,
            configured=chosen.configured,
        )
