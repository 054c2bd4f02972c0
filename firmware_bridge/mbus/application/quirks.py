"""Meters whose records mean something else than the standard says, as data.

The standard leaves open what a subunit is, so makers put reactive energy there under the VIF of
active energy. `quirks.toml` says which, by maker and version; what it does not say has no code. Nor
has a float energy of a maker whose floats are off, in a version that is not listed: it may be what
its VIF says, or a thousand times as much.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files

from firmware_bridge.mbus.application.records import DataRecord
from firmware_bridge.mbus.application.units import Direction, Meaning

_FILE = "quirks.toml"
# What a record of active energy or power is, once its subunit says which kind it is.
_KINDS: dict[str, dict[str, tuple[str, str]]] = {
    "active": {"energy": ("energy", "Wh"), "power": ("power", "W")},
    "reactive": {"energy": ("reactive energy", "varh"), "power": ("reactive power", "var")},
    "apparent": {"energy": ("apparent energy", "VAh"), "power": ("apparent power", "VA")},
}
_DIRECTIONS = {"import": Direction.POSITIVE, "export": Direction.NEGATIVE}
_ACTIVE_UNITS = frozenset({"Wh", "W"})


@dataclass(frozen=True, slots=True)
class Quirk:
    """What is peculiar about a maker's meters.

    Args:
        subunits: Kind and direction of the energies and powers of a subunit.
        real_energy_power: Power of ten by which energies sent as floats are above their VIF; None
            where nobody knows.
    """

    subunits: dict[int, tuple[str, Direction]] = field(default_factory=dict)
    real_energy_power: int | None = 0

    def mend(self, record: DataRecord) -> DataRecord:
        """The record as it is meant."""
        kind = self.subunits.get(record.subunit)
        mended = record if kind is None else _as_kind(record, *kind)
        is_real = isinstance(record.data, Decimal) and mended.meaning.quantity.endswith("energy")
        if not is_real or self.real_energy_power == 0:
            return mended
        meaning = mended.meaning
        if self.real_energy_power is None:
            unknown = replace(meaning, quantity=f"{meaning.quantity}, its scale unknown")
            return replace(mended, meaning=unknown, qualified=True)
        return replace(
            mended, meaning=replace(meaning, power=meaning.power + self.real_energy_power)
        )


def _as_kind(record: DataRecord, kind: str, direction: Direction) -> DataRecord:
    meant = _KINDS[kind].get(record.meaning.quantity)
    if meant is None or record.meaning.unit not in _ACTIVE_UNITS:
        return record
    meaning = record.meaning
    named = Meaning(meant[0], meant[1], meaning.power, meaning.factor, meaning.form)
    return replace(record, meaning=named, direction=direction, subunit=0)


_NONE = Quirk()
_SCALE_UNKNOWN = Quirk(real_energy_power=None)


def quirk_of(manufacturer: str, version: int) -> Quirk:
    """What is peculiar about a meter; nothing for makers that are not listed."""
    listed = _quirks()
    found = listed.get((manufacturer, version))
    if found is not None:
        return found
    others = (quirk for (maker, _), quirk in listed.items() if maker == manufacturer)
    return _SCALE_UNKNOWN if any(quirk.real_energy_power for quirk in others) else _NONE


@cache
def _quirks() -> dict[tuple[str, int], Quirk]:
    table = tomllib.loads(files(__package__).joinpath(_FILE).read_text(encoding="utf-8"))
    found: dict[tuple[str, int], Quirk] = {}
    for meter in table["meter"]:
        subunits = {}
        for number, text in meter.get("subunits", {}).items():
            kind, _, direction = text.partition(" ")
            subunits[int(number)] = (kind, _DIRECTIONS[direction])
        quirk = Quirk(subunits, meter.get("real_energy_power", 0))
        found |= {(meter["manufacturer"], version): quirk for version in meter["versions"]}
    return found
