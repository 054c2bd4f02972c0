"""Which configured meter a register belongs to, so that two meters never become one.

How it works: a reading belongs to a manufacturer, a serial number and a code for ever, so two
configured meters that show the same register would be one and the same in all that follows. Who
showed it first keeps it, also over a restart; what another one shows of that device is withheld,
and said. A claim ends when its meter leaves the configuration, or when another device hangs at its
place. Two tables may read one device, each its own registers.

A claim is a mark `claim <meter> <role> <manufacturer> <serial> <code>` whose value is its number:
of two on the same register the later one holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from edge_agent.register_events.device_exchange import nameplate_of
from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.contract.event import Nameplate
from firmware_bridge.driver.interface import MeterIdentity, MeterValue

_PREFIX = "claim"
_FIELDS = 6
_OWN, _BEHIND = "own", "behind"


class MeterIdentitySharedError(DeviceError):
    """Another configured meter shows the same registers of the same manufacturer and serial."""

    code = "METER_IDENTITY_SHARED"


class ClaimedRegister(NamedTuple):
    """What is claimed."""

    nameplate: Nameplate
    code: str


class RegisterClaim(NamedTuple):
    """Who holds a register.

    Args:
        number: Later claims have higher ones.
        meter: The configured meter.
        role: Whether the device is the meter itself or hangs behind it.
    """

    number: int
    meter: str
    role: str


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be recorded of a read-out.

    Args:
        values: Those whose registers are the meter's own.
        marks: New claims, to be stored with them.
        shared: Devices that another configured meter holds, and which one that is.
    """

    values: tuple[MeterValue, ...]
    marks: Mapping[str, int] = field(default_factory=dict)
    shared: Mapping[Nameplate, str] = field(default_factory=dict)

    def refusal(self, nameplate: Nameplate) -> MeterIdentitySharedError:
        """What is said of a device that another configured meter holds."""
        message = f"{nameplate} is read as meter {self.shared[nameplate]!r} already."
        remedy = (
            "Set `serial` in each meter's table to its nameplate's number, or remove one table."
        )
        return MeterIdentitySharedError(message, value=str(nameplate), remedy=remedy)


class Claims:
    """Who holds which register, of all meters of a gateway.

    Args:
        marks: As the buffer keeps them.
    """

    def __init__(self, marks: Mapping[str, int] | None = None) -> None:
        self._held: dict[ClaimedRegister, RegisterClaim] = {}
        self._own: dict[str, set[ClaimedRegister]] = defaultdict(set)
        self._at_work: frozenset[str] | None = None
        self._refused: dict[str, frozenset[Nameplate]] = {}
        self._last = 0
        for name, number in (marks or {}).items():
            self._recall(name, number)

    def _recall(self, name: str, number: int) -> None:
        parts = name.split("\t")
        if len(parts) != _FIELDS or parts[0] != _PREFIX:
            return
        _, meter, role, manufacturer, serial, code = parts
        register = ClaimedRegister(Nameplate(manufacturer, serial), code)
        held = self._held.get(register)
        if held is None or held.number < number:
            self._hold(register, RegisterClaim(number, meter, role))
        self._last = max(self._last, number)

    def configure(self, meters: Collection[str]) -> None:
        """These meters are at work; what others held is free."""
        self._at_work = frozenset(meters)
        self._free(tuple(self._held))

    def is_refused(self, meter: str, device: MeterIdentity) -> bool:
        """Whether the device was another configured meter's when this one was read last."""
        return nameplate_of(device) in self._refused.get(meter, frozenset())

    def admit(self, meter: str, device: MeterIdentity, values: Iterable[MeterValue]) -> Admission:
        """Say what of a read-out is this meter's.

        Args:
            meter: The configured meter.
            device: The one that answered.
            values: What it and the devices behind it showed.
        """
        shown = tuple(values)
        own = nameplate_of(device)
        self._release(meter, own)
        registers = {ClaimedRegister(nameplate_of(v.meter), str(v.obis)) for v in shown}
        self._free(registers)
        shared = {
            register.nameplate: held.meter
            for register in registers
            if (held := self._held.get(register)) is not None and held.meter != meter
        }
        marks: dict[str, int] = {}
        for register in sorted(registers - self._held.keys(), key=str):
            if register.nameplate not in shared:
                role = _OWN if register.nameplate == own else _BEHIND
                marks |= self._claim(meter, role, register)
        self._refused[meter] = frozenset(shared)
        kept = tuple(value for value in shown if nameplate_of(value.meter) not in shared)
        return Admission(kept, marks, shared)

    def _claim(self, meter: str, role: str, register: ClaimedRegister) -> dict[str, int]:
        self._last += 1
        self._hold(register, RegisterClaim(self._last, meter, role))
        nameplate = register.nameplate
        parts = (_PREFIX, meter, role, nameplate.manufacturer, nameplate.serial, register.code)
        return {"\t".join(parts): self._last}

    def _hold(self, register: ClaimedRegister, claim: RegisterClaim) -> None:
        before = self._held.get(register)
        if before is not None:
            self._own[before.meter].discard(register)
        self._held[register] = claim
        if claim.role == _OWN:
            self._own[claim.meter].add(register)

    def _free(self, registers: Iterable[ClaimedRegister]) -> None:
        """Whoever is no longer configured holds nothing, also if a last read of it came later."""
        for register in registers:
            held = self._held.get(register)
            if held is None or self._at_work is None or held.meter in self._at_work:
                continue
            del self._held[register]
            self._own[held.meter].discard(register)

    def _release(self, meter: str, own: Nameplate) -> None:
        """Another device hangs where the one hung that this meter held as its own."""
        for register in [one for one in self._own[meter] if one.nameplate != own]:
            self._own[meter].discard(register)
            del self._held[register]
