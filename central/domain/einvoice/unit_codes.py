"""Units of tariffs as codes of UN/ECE recommendation 20.

Source: EN 16931-1, BT-130, from UN/ECE recommendation 20
"""

from __future__ import annotations

UNIT_OR_PIECE = "C62"
"""One of something: what has no code of its own."""

_CODES = {
    "Wh": "WHR",
    "kWh": "KWH",
    "MWh": "MWH",
    "GWh": "GWH",
    "W": "WTT",
    "kW": "KWT",
    "MW": "MAW",
    "VA": "D46",
    "kVA": "KVA",
    "MVA": "MVA",
    "kvar": "KVR",
    "Mvar": "MAR",
    "kvarh": "K3",
    "kVAh": "C79",
    "MJ": "3B",
    "GJ": "GV",
    "m3": "MTQ",
    "l": "LTR",
    "hl": "HLT",
    "kg": "KGM",
    "t": "TNE",
    "A": "AMP",
    "s": "SEC",
    "second": "SEC",
    "min": "MIN",
    "minute": "MIN",
    "h": "HUR",
    "hour": "HUR",
    "day": "DAY",
    "week": "WEE",
    "month": "MON",
    "quarter": "QAN",
    "year": "ANN",
    "B": "AD",
    "kB": "2P",
    "MB": "4L",
    "GB": "E34",
    "TB": "E35",
}


def unit_code(unit: str) -> str | None:
    """The code of a unit as tariffs write it: `kWh`, `kW`, `m3`, `day`.

    Returns:
        None where recommendation 20 has none for it; "" is one of something.
    """
    return _CODES.get(unit) if unit else UNIT_OR_PIECE
