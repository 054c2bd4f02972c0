"""Which device hangs where: tells of an exchange, also of one made while the agent was off.

A place is a configured meter, or a numbered device behind its port (group B of the code). What was
seen there is kept as marks, which are named integers: the device with the highest number is the one
that hangs there. A port behind which many devices speak under one place has nothing to exchange.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from firmware_bridge.contract.event import Nameplate
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

# No name, nameplate or code holds a tab.
_PREFIX: Final = "plate\t"
_SHARED: Final = "\t\t"
_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Exchanges:
    """What one read-out says of who hangs where.

    Args:
        replaced: By the nameplate of a device that is new at its place, the one before.
        marks: What to remember.
    """

    replaced: Mapping[Nameplate, Nameplate] = field(default_factory=dict)
    marks: Mapping[str, int] = field(default_factory=dict)


class ExchangeDetector:
    """The devices at each place.

    Args:
        marks: As the buffer keeps them.
    """

    def __init__(self, marks: Mapping[str, int]) -> None:
        self._marks: dict[str, int] = {}
        self._present: dict[str, tuple[int, Nameplate]] = {}
        self.commit(marks)

    def judge(
        self,
        meter: str,
        device: MeterIdentity,
        values: Collection[MeterValue],
        sealed: Collection[Nameplate],
        *,
        several: bool = False,
    ) -> Exchanges:
        """Compare a read-out with what hung there.

        Args:
            meter: The configured meter.
            device: The one that answered.
            values: What it and the devices behind it showed.
            sealed: Those of whom something is about to be sent; the others wait for their turn.
            several: Many devices speak there by turns.
        """
        main = nameplate_of(device)
        others = {(nameplate_of(v.meter), v.obis.code[1]) for v in values if v.meter != device}
        replaced: dict[Nameplate, Nameplate] = {}
        marks: dict[str, int] = {}
        shared = f"{_PREFIX}{meter}{_SHARED}"
        if (several or any(not number for _, number in others)) and shared not in self._marks:
            marks[shared] = 1
        seen = [(f"{meter}\t{number}", nameplate) for nameplate, number in others if number]
        if shared not in self._marks and not marks:
            seen.append((f"{meter}\t", main))
        for place, nameplate in seen:
            number, present = self._present.get(place, (0, None))
            if nameplate == present or nameplate not in sealed:
                continue
            marks[f"{_PREFIX}{place}\t{nameplate.manufacturer}\t{nameplate.serial}"] = number + 1
            if present is not None:
                replaced[nameplate] = present
        return Exchanges(replaced, marks)

    def commit(self, marks: Mapping[str, int]) -> None:
        """These are committed; those that are not of places are passed over."""
        for name, value in marks.items():
            if not name.startswith(_PREFIX):
                continue
            self._marks[name] = value
            parts = name.removeprefix(_PREFIX).split("\t")
            if len(parts) != _FIELDS or not parts[-1]:
                continue
            meter, number, manufacturer, serial = parts
            place = f"{meter}\t{number}"
            if value > self._present.get(place, (0, None))[0]:
                self._present[place] = (value, Nameplate(manufacturer, serial))


def nameplate_of(device: MeterIdentity) -> Nameplate:
    """The nameplate of a device."""
    return Nameplate(device.manufacturer, device.serial)
