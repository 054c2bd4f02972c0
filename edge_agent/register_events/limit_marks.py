"""A register's limits as marks, so that they are known before its meter is read again.

Readings that waited for the clock are judged when it comes. After a restart that may be before any
meter was read, and a judgement without the limits would be another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from edge_agent.register_events.state_machine import RegisterLimits
from firmware_bridge.contract.event import Nameplate
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit

# No nameplate, code or unit holds a tab.
_PREFIX: Final = "limit"
_CAPACITY: Final = "capacity_w"
_MODULUS: Final = "modulus"
_EXPONENT: Final = "modulus_exponent"
_FIELDS: Final = 6


def marks_of(nameplate: Nameplate, obis: Obis, limits: RegisterLimits) -> dict[str, int]:
    """The limits of a register as named integers; 0 for one that is not known.

    Args:
        nameplate: Of its device.
        obis: Its code.
        limits: What proves a rollover.
    """
    unit = Unit.COUNT if limits.modulus is None else limits.modulus.unit
    base = "\t".join((_PREFIX, nameplate.manufacturer, nameplate.serial, str(obis)))
    return {
        f"{base}\t{_CAPACITY}\t": limits.capacity_w or 0,
        f"{base}\t{_MODULUS}\t{unit}": 0 if limits.modulus is None else limits.modulus.mantissa,
        f"{base}\t{_EXPONENT}\t": 0 if limits.modulus is None else limits.modulus.exponent,
    }


def limits_in(marks: Mapping[str, int]) -> Iterator[tuple[Nameplate, Obis, RegisterLimits]]:
    """The limits that marks hold, register by register; other marks are passed over.

    Args:
        marks: As the buffer keeps them.
    """
    registers: dict[tuple[str, str, str], dict[str, tuple[str, int]]] = {}
    for name, value in marks.items():
        parts = name.split("\t")
        if parts[0] == _PREFIX and len(parts) == _FIELDS:
            manufacturer, serial, obis, kind, unit = parts[1:]
            known = registers.setdefault((manufacturer, serial, obis), {})
            if value or kind not in known:
                known[kind] = (unit, value)
    for (manufacturer, serial, obis), known in registers.items():
        unit, mantissa = known.get(_MODULUS, ("", 0))
        exponent = known.get(_EXPONENT, ("", 0))[1]
        modulus = Quantity(mantissa, exponent, Unit(unit)) if mantissa else None
        capacity_w = known.get(_CAPACITY, ("", 0))[1] or None
        yield Nameplate(manufacturer, serial), Obis.parse(obis), RegisterLimits(modulus, capacity_w)
