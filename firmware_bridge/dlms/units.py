"""Units of DLMS by their numbers."""

from __future__ import annotations

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
