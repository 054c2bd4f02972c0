"""What a value information field means: quantity, unit and power of ten.

Source: EN 13757-3:2018, tables 10 to 16 (primary, FB and FD extension, orthogonal VIFE), and
EN 13757-3:2004 annex A for the fixed data structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """How a record's data is to be read, beyond its data field."""

    NUMBER = "number"
    DATE = "date"
    DATE_TIME = "date_time"
    NAME = "name"
    FLAGS = "flags"
    MAKER = "maker"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a record's number stands for: `number * factor * 10 ** power` in `unit`.

    Args:
        quantity: The glossary of the standard, lower case.
        unit: Base unit; empty where there is none.
        power: Decimal exponent.
        factor: A whole multiplier for units that are no power of ten (3600 for hours in s).
        form: How to read the data.
    """

    quantity: str
    unit: str = ""
    power: int = 0
    factor: int = 1
    form: Form = Form.NUMBER


RESERVED = Meaning("reserved", form=Form.FLAGS)
MAKER = Meaning("manufacturer specific", form=Form.MAKER)
_SECONDS = (1, 60, 3600, 86_400)


def _span(quantity: str, code: int) -> Meaning:
    return Meaning(quantity, "s", factor=_SECONDS[code & 3])


def _ranges(rows: list[tuple[int, int, str, str, int]]) -> dict[int, Meaning]:
    """Codes first .. first + count - 1, whose power of ten rises by one each."""
    return {
        first + step: Meaning(quantity, unit, power + step)
        for first, count, quantity, unit, power in rows
        for step in range(count)
    }


PRIMARY: dict[int, Meaning] = {
    **_ranges(
        [
            (0x00, 8, "energy", "Wh", -3),
            (0x08, 8, "energy", "J", 0),
            (0x10, 8, "volume", "m3", -6),
            (0x18, 8, "mass", "kg", -3),
            (0x28, 8, "power", "W", -3),
            (0x30, 8, "power", "J/h", 0),
            (0x38, 8, "volume flow", "m3/h", -6),
            (0x50, 8, "mass flow", "kg/h", -3),
            (0x58, 4, "flow temperature", "degC", -3),
            (0x5C, 4, "return temperature", "degC", -3),
            (0x60, 4, "temperature difference", "K", -3),
            (0x64, 4, "external temperature", "degC", -3),
            (0x68, 4, "pressure", "bar", -3),
        ]
    ),
    # Per minute and per second, in hours, which is exact.
    **{0x40 + n: Meaning("volume flow", "m3/h", n - 7, 60) for n in range(8)},
    **{0x48 + n: Meaning("volume flow", "m3/h", n - 9, 3600) for n in range(8)},
    **{0x20 + n: _span("on time", n) for n in range(4)},
    **{0x24 + n: _span("operating time", n) for n in range(4)},
    **{0x70 + n: _span("averaging duration", n) for n in range(4)},
    **{0x74 + n: _span("actuality duration", n) for n in range(4)},
    0x6C: Meaning("date", form=Form.DATE),
    0x6D: Meaning("date and time", form=Form.DATE_TIME),
    0x6E: Meaning("heat cost allocation", "HCA"),
    0x6F: RESERVED,
    0x78: Meaning("fabrication number", form=Form.NAME),
    0x79: Meaning("identification", form=Form.NAME),
    0x7A: Meaning("bus address", form=Form.NAME),
    0x7E: Meaning("any", form=Form.FLAGS),
    0x7F: MAKER,
}

# After FB.
SECOND: dict[int, Meaning] = {
    **_ranges(
        [
            (0x00, 2, "energy", "Wh", 5),
            (0x02, 2, "reactive energy", "varh", 3),
            (0x04, 2, "apparent energy", "VAh", 3),
            (0x08, 2, "energy", "J", 8),
            (0x0C, 4, "energy", "cal", 5),
            (0x10, 2, "volume", "m3", 2),
            (0x14, 4, "reactive power", "var", 0),
            (0x18, 2, "mass", "kg", 5),
            (0x1A, 2, "relative humidity", "%", -1),
            (0x28, 2, "power", "W", 5),
            (0x2C, 4, "frequency", "Hz", -3),
            (0x30, 2, "power", "J/h", 8),
            (0x34, 4, "apparent power", "VA", 0),
            (0x74, 4, "temperature limit", "degC", -3),
            (0x78, 8, "cumulative maximum power", "W", -3),
        ]
    ),
    0x20: Meaning("volume", "ft3"),
    0x21: Meaning("volume", "ft3", -1),
    0x22: Meaning("volume", "gal", -1),
    0x23: Meaning("volume", "gal"),
    0x24: Meaning("volume flow", "gal/min", -3),
    0x25: Meaning("volume flow", "gal/min"),
    0x26: Meaning("volume flow", "gal/h"),
    0x2A: Meaning("phase angle between voltages", "deg", -1),
    0x2B: Meaning("phase angle between voltage and current", "deg", -1),
}

# After FD.
FIRST: dict[int, Meaning] = {
    **_ranges(
        [
            (0x00, 4, "credit", "currency", -3),
            (0x04, 4, "debit", "currency", -3),
            (0x40, 16, "voltage", "V", -9),
            (0x50, 16, "current", "A", -12),
        ]
    ),
    **{0x24 + n: _span("storage interval", n) for n in range(4)},
    **{0x2C + n: _span("duration since last read-out", n) for n in range(4)},
    **{0x31 + n: _span("duration of tariff", n + 1) for n in range(3)},
    **{0x34 + n: _span("period of tariff", n) for n in range(4)},
    0x08: Meaning("access number", form=Form.NAME),
    0x09: Meaning("medium", form=Form.NAME),
    0x0A: Meaning("manufacturer", form=Form.NAME),
    0x0B: Meaning("parameter set identification", form=Form.NAME),
    0x0C: Meaning("model and version", form=Form.NAME),
    0x0D: Meaning("hardware version", form=Form.NAME),
    0x0E: Meaning("firmware version", form=Form.NAME),
    0x0F: Meaning("software version", form=Form.NAME),
    0x10: Meaning("customer location", form=Form.NAME),
    0x11: Meaning("customer", form=Form.NAME),
    0x12: Meaning("access code user", form=Form.NAME),
    0x13: Meaning("access code operator", form=Form.NAME),
    0x14: Meaning("access code system operator", form=Form.NAME),
    0x15: Meaning("access code developer", form=Form.NAME),
    0x16: Meaning("password", form=Form.NAME),
    0x17: Meaning("error flags", form=Form.FLAGS),
    0x18: Meaning("error mask", form=Form.FLAGS),
    0x1A: Meaning("digital output", form=Form.FLAGS),
    0x1B: Meaning("digital input", form=Form.FLAGS),
    0x1C: Meaning("baud rate", form=Form.NAME),
    0x1D: Meaning("response delay", form=Form.NAME),
    0x1E: Meaning("retry", form=Form.NAME),
    0x1F: Meaning("remote control", form=Form.FLAGS),
    0x20: Meaning("first storage number", form=Form.NAME),
    0x21: Meaning("last storage number", form=Form.NAME),
    0x22: Meaning("size of storage block", form=Form.NAME),
    0x28: Meaning("storage interval", "month"),
    0x29: Meaning("storage interval", "year"),
    0x30: Meaning("start of tariff", form=Form.DATE_TIME),
    0x38: Meaning("period of tariff", "month"),
    0x39: Meaning("period of tariff", "year"),
    0x3A: Meaning("dimensionless", "1"),
    0x3B: Meaning("wireless container", form=Form.FLAGS),
    **{0x3C + n: _span("period of transmissions", n) for n in range(4)},
    0x60: Meaning("reset counter", "1"),
    0x61: Meaning("cumulation counter", "1"),
    0x62: Meaning("control signal", form=Form.FLAGS),
    0x63: Meaning("day of week", form=Form.NAME),
    0x64: Meaning("week number", form=Form.NAME),
    0x65: Meaning("time of day change", form=Form.FLAGS),
    0x66: Meaning("state of parameter activation", form=Form.FLAGS),
    0x67: Meaning("special supplier information", form=Form.NAME),
    0x68: Meaning("duration since last cumulation", "s", factor=3600),
    0x69: Meaning("duration since last cumulation", "s", factor=86_400),
    0x6A: Meaning("duration since last cumulation", "month"),
    0x6B: Meaning("duration since last cumulation", "year"),
    0x6C: Meaning("battery operating time", "s", factor=3600),
    0x6D: Meaning("battery operating time", "s", factor=86_400),
    0x6E: Meaning("battery operating time", "month"),
    0x6F: Meaning("battery operating time", "year"),
    0x70: Meaning("battery change", form=Form.DATE_TIME),
    0x71: Meaning("radio level", "dBm"),
    0x72: Meaning("daylight saving", form=Form.FLAGS),
    0x73: Meaning("listening window", form=Form.FLAGS),
    0x74: Meaning("remaining battery life", "s", factor=86_400),
    0x75: Meaning("times the meter was stopped", "1"),
    0x76: Meaning("maker's container", form=Form.MAKER),
}

# Counters of the fixed data structure: EN 1434-3:1997, table 8.
FIXED: dict[int, Meaning] = {
    0x00: Meaning("time of day", form=Form.FLAGS),
    0x01: Meaning("date", form=Form.FLAGS),
    **_ranges(
        [
            (0x02, 9, "energy", "Wh", 0),
            (0x0B, 9, "energy", "J", 3),
            (0x14, 9, "power", "W", 0),
            (0x1D, 9, "power", "J/h", 3),
            (0x26, 9, "volume", "m3", -6),
            (0x2F, 9, "volume flow", "m3/h", -6),
        ]
    ),
    0x38: Meaning("flow temperature", "degC", -3),
    0x39: Meaning("heat cost allocation", "HCA"),
    0x3F: Meaning("dimensionless", "1"),
}
FIXED_HISTORIC = 0x3E


class Direction(StrEnum):
    """Which contributions a counter adds up. Orthogonal VIFE 3B and 3C."""

    ANY = "any"
    POSITIVE = "positive"
    NEGATIVE = "negative"
