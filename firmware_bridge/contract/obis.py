"""OBIS codes: six numbers that name what a register counts. Source: IEC 62056-61 / EN 13757-1."""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware_bridge.contract.errors import InvalidValueError

_GROUPS = 6
_TEXT = re.compile(
    r"(?:(?P<a>\d{1,3})-(?P<b>\d{1,3}):)?"
    r"(?P<c>\d{1,3})\.(?P<d>\d{1,3})(?:\.(?P<e>\d{1,3}))?(?:[*&](?P<f>\d{1,3}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """An OBIS code `A-B:C.D.E*F`.

    Args:
        code: The six value groups as bytes.

    Raises:
        InvalidValueError: There are not six of them.
    """

    code: bytes

    def __post_init__(self) -> None:
        if len(self.code) != _GROUPS:
            message = f"An OBIS code has six groups, not {len(self.code)}."
            raise InvalidValueError(message, value=self.code)

    @classmethod
    def parse(cls, text: str) -> Obis:
        """Read `1-0:1.8.0*255`, `1-0:1.8.0` or `1.8.0`; what is left out is 1-0 and 255.

        Raises:
            InvalidValueError: The text is not an OBIS code.
        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            message = f"{text!r} is not an OBIS code such as 1-0:1.8.0*255."
            raise InvalidValueError(message, value=text)
        defaults = {"a": "1", "b": "0", "e": "255", "f": "255"}
        groups = [int(match[name] or defaults.get(name, "0")) for name in "abcdef"]
        if max(groups) > 0xFF:  # noqa: PLR2004 - a group is one byte
            message = f"A group of {text!r} is above 255."
            raise InvalidValueError(message, value=text)
        return cls(bytes(groups))

    def __str__(self) -> str:
        a, b, c, d, e, f = self.code
        return f"{a}-{b}:{c}.{d}.{e}*{f}"


# Electricity, cumulative, total of all tariffs. Source: DLMS UA Blue Book 7.5.
ACTIVE_IMPORT = Obis.parse("1-0:1.8.0*255")
ACTIVE_EXPORT = Obis.parse("1-0:2.8.0*255")
REACTIVE_IMPORT = Obis.parse("1-0:3.8.0*255")
REACTIVE_EXPORT = Obis.parse("1-0:4.8.0*255")
APPARENT_IMPORT = Obis.parse("1-0:9.8.0*255")
# Electricity, instantaneous.
ACTIVE_POWER_IMPORT = Obis.parse("1-0:1.7.0*255")
ACTIVE_POWER_EXPORT = Obis.parse("1-0:2.7.0*255")
FREQUENCY = Obis.parse("1-0:14.7.0*255")
CURRENT_L1 = Obis.parse("1-0:31.7.0*255")
CURRENT_L2 = Obis.parse("1-0:51.7.0*255")
CURRENT_L3 = Obis.parse("1-0:71.7.0*255")
VOLTAGE_L1 = Obis.parse("1-0:32.7.0*255")
VOLTAGE_L2 = Obis.parse("1-0:52.7.0*255")
VOLTAGE_L3 = Obis.parse("1-0:72.7.0*255")
# Other commodities, cumulative volume. Source: EN 13757-1, media 7 and 8.
GAS_VOLUME = Obis.parse("7-0:3.0.0*255")
WATER_VOLUME = Obis.parse("8-0:1.0.0*255")

NAMES: dict[Obis, str] = {
    ACTIVE_IMPORT: "active energy import",
    ACTIVE_EXPORT: "active energy export",
    REACTIVE_IMPORT: "reactive energy import",
    REACTIVE_EXPORT: "reactive energy export",
    APPARENT_IMPORT: "apparent energy import",
    ACTIVE_POWER_IMPORT: "active power import",
    ACTIVE_POWER_EXPORT: "active power export",
    FREQUENCY: "frequency",
    CURRENT_L1: "current L1",
    CURRENT_L2: "current L2",
    CURRENT_L3: "current L3",
    VOLTAGE_L1: "voltage L1",
    VOLTAGE_L2: "voltage L2",
    VOLTAGE_L3: "voltage L3",
    GAS_VOLUME: "gas volume",
    WATER_VOLUME: "water volume",
}
