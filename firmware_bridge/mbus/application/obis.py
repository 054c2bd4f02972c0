"""OBIS codes of M-Bus records. Source: EN 13757-1:2014 (media 4 to 9), OMS Volume 2, annex A.

A historical value (storage number above 0) has the present value's code with F = storage number;
where that does not fit one byte's historical range there is no code. Extremes, values in an error
state, and records that a VIFE changes in an unknown way have none. Nor has the energy or power of
an electricity meter's subunit, unless `quirks` says what it is: many makers count reactive energy
there under the VIF of active energy. What flows backwards has a code of its own or none.
"""
# ruff: noqa: PLR2004 - group values are their own names

from __future__ import annotations

from firmware_bridge.contract.obis import Obis
from firmware_bridge.mbus.application.records import DataRecord, Function
from firmware_bridge.mbus.application.units import Direction
from firmware_bridge.mbus.application.vifes import AT_BASE

_NO_STORAGE = 255
_HISTORY_MAX = 99
_HEAT, _COOLING, _WATER, _HOT_WATER, _GAS, _ALLOCATOR = 6, 5, 8, 9, 7, 4

# Device type to medium group A. Source: EN 13757-7, table 13.
_MEDIA = {
    0x02: 1,
    0x03: _GAS,
    0x04: _HEAT,
    0x06: _HOT_WATER,
    0x07: _WATER,
    0x08: _ALLOCATOR,
    0x0A: _COOLING,
    0x0B: _COOLING,
    0x0C: _HEAT,
    0x0D: _HEAT,
    0x15: _HOT_WATER,
    0x16: _WATER,
}
_THERMAL = {
    "energy": 1,
    "volume": 2,
    "mass": 3,
    "power": 8,
    "volume flow": 9,
    "flow temperature": 10,
    "return temperature": 11,
    "temperature difference": 12,
}
_ELECTRIC: dict[tuple[str, bool], tuple[int, int]] = {
    ("energy", False): (1, 8),
    ("energy", True): (2, 8),
    ("reactive energy", False): (3, 8),
    ("reactive energy", True): (4, 8),
    ("apparent energy", False): (9, 8),
    ("apparent energy", True): (10, 8),
    ("power", False): (1, 7),
    ("power", True): (2, 7),
    ("reactive power", False): (3, 7),
    ("reactive power", True): (4, 7),
    ("apparent power", False): (9, 7),
    ("apparent power", True): (10, 7),
    ("current", False): (11, 7),
    ("voltage", False): (12, 7),
    ("frequency", False): (14, 7),
}
_OF_SUBUNITS = frozenset({"current", "voltage", "frequency"})
_WATERS = {"volume": 1, "volume flow": 2}


def code_of(record: DataRecord, medium: int) -> Obis | None:
    """The code of a record from a device of this type; None where the standard has none."""
    group = _MEDIA.get(medium)
    if group is None or record.qualified or record.function is not Function.INSTANTANEOUS:
        return None
    if record.storage > _HISTORY_MAX or record.tariff > 254 or record.subunit > 254:
        return None
    exported = record.direction is Direction.NEGATIVE
    if medium == 0x0D and exported:
        group = _COOLING
    places = _places(group, record, exported=exported)
    if places is None:
        return None
    storage = record.storage or _NO_STORAGE
    return Obis(bytes([group, record.subunit, *places, record.tariff, storage]))


def _places(group: int, record: DataRecord, *, exported: bool) -> tuple[int, int] | None:
    quantity = record.meaning.quantity
    if group == 1:
        return _electric(record, exported=exported)
    if record.phase or (exported and group != _COOLING):
        return None
    if group in (_HEAT, _COOLING):
        return _plain(_THERMAL.get(quantity))
    if group in (_WATER, _HOT_WATER):
        return _plain(_WATERS.get(quantity))
    if group == _GAS:
        return _plain_gas(quantity)
    return (1, 0) if quantity == "heat cost allocation" else None


def _electric(record: DataRecord, *, exported: bool) -> tuple[int, int] | None:
    quantity = record.meaning.quantity
    if record.subunit and quantity not in _OF_SUBUNITS:
        return None
    places = _ELECTRIC.get((quantity, exported))
    # Phase L1 is C + 20, L2 + 40, L3 + 60; frequency has no phase.
    return (places[0] + 20 * record.phase, places[1]) if places else None


def _plain_gas(quantity: str) -> tuple[int, int] | None:
    """D is 0 at measuring conditions and 2 at base conditions."""
    return {"volume": (3, 0), f"volume{AT_BASE}": (3, 2)}.get(quantity)


def _plain(place: int | None) -> tuple[int, int] | None:
    return None if place is None else (place, 0)
