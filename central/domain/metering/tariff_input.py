"""Which counted quantity feeds which input of a tariff."""

from __future__ import annotations

from firmware_bridge.contract.obis import (
    ACTIVE_EXPORT,
    ACTIVE_IMPORT,
    APPARENT_IMPORT,
    GAS_VOLUME,
    REACTIVE_IMPORT,
    WATER_VOLUME,
    Obis,
)

INPUTS: dict[Obis, str] = {
    ACTIVE_IMPORT: "import",
    ACTIVE_EXPORT: "export",
    REACTIVE_IMPORT: "kvarh",
    APPARENT_IMPORT: "kvah",
    GAS_VOLUME: "m3",
    WATER_VOLUME: "m3",
    # Shares in what others feed in, or take, by the first code of the utility's own.
    Obis.parse("1-65:2.8.0*255"): "allocated",
    Obis.parse("1-65:1.8.0*255"): "allocated",
}


def input_of(obis: Obis) -> str:
    """The input's name; of a code without one, the code."""
    return INPUTS.get(obis, str(obis))
