"""Units of DLMS, and what the code of an electricity register says of its own."""
# ruff: noqa: PLR2004 - group values of OBIS codes

from __future__ import annotations

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit

# Source: IEC 62056-6-2, table 4.
UNITS = {
    1: "year",
    2: "month",
    3: "week",
    4: "day",
    5: "h",
    6: "min",
    7: "s",
    8: "deg",
    9: "degC",
    13: "m3",
    14: "m3",
    15: "m3/h",
    16: "m3/h",
    19: "L",
    20: "kg",
    23: "Pa",
    24: "bar",
    25: "J",
    26: "J/h",
    27: "W",
    28: "VA",
    29: "var",
    30: "Wh",
    31: "VAh",
    32: "varh",
    33: "A",
    34: "C",
    35: "V",
    44: "Hz",
    52: "K",
    56: "%",
    255: "1",
}
# The number of each unit of the vocabulary that a list can name.
NUMBERS_OF_UNITS = {
    unit.value: next(number for number, text in UNITS.items() if text == unit.value)
    for unit in Unit
    if unit.value in UNITS.values()
}


def kind_of(code: Obis) -> tuple[str, str] | None:
    """What an electricity code counts, and its base unit. Source: IEC 62056-61, table 5."""
    medium, _, c, d, _, _ = code.code
    if medium != 1 or not 1 <= c <= 80 or d not in (4, 6, 7, 8):
        return None
    place = c % 20
    if place in (11, 12, 13):
        kind = {11: ("current", "A"), 12: ("voltage", "V"), 13: ("factor", "1")}[place]
        return kind if d == 7 else None
    letter = {1: "W", 2: "W", 9: "VA", 10: "VA"}.get(place, "var" if 3 <= place <= 8 else "")
    if not letter:
        return None
    return ("energy", f"{letter}h") if d == 8 else ("power", letter)


def base_unit(code: Obis) -> str | None:
    """The unit that an electricity code is counted in; None where the code leaves it open."""
    kind = kind_of(code)
    return None if kind is None else kind[1]
