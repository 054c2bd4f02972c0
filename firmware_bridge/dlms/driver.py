"""A DLMS meter that pushes on its customer port: HDLC at 2400 baud and even parity, or M-Bus."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Self

from firmware_bridge.dlms.line import LineScanner
from firmware_bridge.dlms.list_files import TaughtLists
from firmware_bridge.driver.line import LineSettings
from firmware_bridge.driver.pushed import PushDriver
from firmware_bridge.driver.table_faults import paths_in


class DlmsSettings(LineSettings):
    """`LineSettings`, and the files that explain lists.

    Args:
        lists: Paths of files of lists; their tables go before what is built in.
    """

    lists: tuple[str, ...] = ()


class DlmsDriver(PushDriver):
    """A `MeterDriver`; keys of its table as in `DlmsSettings`; 2400 baud, even parity."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
            ListFileError: A file of lists cannot be read, or breaks the format.
        """
        files = [partial(TaughtLists.load, (path,)) for path in paths_in(settings, "lists")]
        chosen = DlmsSettings.parse({"baudrate": 2400, "parity": "E"} | dict(settings), files)
        taught = TaughtLists.load(chosen.lists)
        return cls(
            chosen.place,
            lambda: LineScanner(chosen.keys, chosen.zone, taught),
            chosen.timeout_s,
            configured=chosen.configured,
        )
