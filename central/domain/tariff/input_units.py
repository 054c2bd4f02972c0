"""The inputs that every tariff has, and the unit of power behind a unit of energy."""

from __future__ import annotations

BUILT_IN_INPUTS = {
    "import": "kWh",
    "export": "kWh",
    "kvarh": "kvarh",
    "kvah": "kVAh",
    "m3": "m3",
    "allocated": "kWh",
}
POWER = {"kWh": "kW", "kvarh": "kvar", "kVAh": "kVA"}
