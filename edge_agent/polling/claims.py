"""Which configured meter a register belongs to, so that two meters never become one.

How it works: a reading belongs to a manufacturer, a serial number and a code for ever, so two
configured meters that show the same register would be one and the same in all that follows. Who
showed it first keeps it, also over a restart; what another one shows of that device is withheld,
and said. A claim ends when its meter leaves the configuration, or when another device hangs at its
place. Two tables may read one device, each its own registers.

Where a table has the topics of many devices, the same holds between these: a register belongs to
the topic that showed it first, until its table leaves, or that topic shows another device.

A claim is a mark `claim <meter> <role> <manufacturer> <serial> <code>`, and the topic where there
is one, whose value is its number: of two on the same register the later one holds.
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
_FIELDS = range(6, 8)
SENDER_MAX, SHOWN_MAX = 200, 2000
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
        sender: The topic that showed it, as `MeterValue.sender`; empty for none.
    """

    number: int
    meter: str
    role: str
    sender: str = ""


class ShownDevice(NamedTuple):
    """A device, and who showed it.

    Args:
        nameplate: Of the device.
        sender: The topic that showed it, as `MeterValue.sender`; empty for none.
    """

    nameplate: Nameplate
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be recorded of a read-out.

    Args:
        values: Those whose registers are the meter's own.
        marks: New claims, to be stored with them.
        shared: Devices that another configured meter or topic holds, and which one that is.
    """

    values: tuple[MeterValue, ...]
    marks: Mapping[str, int] = field(default_factory=dict)
    shared: Mapping[ShownDevice, RegisterClaim] = field(default_factory=dict)

    def refusal(self, device: ShownDevice) -> MeterIdentitySharedError:
        """What is said of a device that another configured meter or topic holds."""
        holder, name = self.shared[device], str(device.nameplate)
        place = f" from topic {holder.sender!r}" if holder.sender else ""
        where = f" of topic {device.sender!r}" if device.sender else ""
        message = f"{name}{where} is read as meter {holder.meter!r}{place} already."
        remedy = (
            "Give each device a serial of its own, or a table with its own topic."
            if holder.sender and device.sender
            else "Set `serial` in each meter's table to its nameplate's number, "
            "or remove one table."
        )
        return MeterIdentitySharedError(message, value=name, remedy=remedy)


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
        self._shown: dict[tuple[str, str], frozenset[Nameplate]] = {}
        self._last = 0
        for name, number in (marks or {}).items():
            self._recall(name, number)

    def _recall(self, name: str, number: int) -> None:
        parts = name.split("\t")
        if len(parts) not in _FIELDS or parts[0] != _PREFIX:
            return
        _, meter, role, manufacturer, serial, code, *sender = parts
        register = ClaimedRegister(Nameplate(manufacturer, serial), code)
        held = self._held.get(register)
        if held is None or held.number < number:
            self._hold(register, RegisterClaim(number, meter, role, "".join(sender)))
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
        own = nameplate_of(device)
        self._release(meter, own)
        shown: dict[ShownDevice, list[MeterValue]] = defaultdict(list)
        # In the order in which they came: the first topic of two has the register.
        for value in values:
            shown[device_of(value)].append(value)
        self._look_at(meter, shown)
        shared: dict[ShownDevice, RegisterClaim] = {}
        marks: dict[str, int] = {}
        for showing, its_values in shown.items():
            codes = {str(value.obis) for value in its_values}
            registers = sorted(ClaimedRegister(showing.nameplate, code) for code in codes)
            self._free(registers)
            claims = [held for register in registers if (held := self._held.get(register))]
            other = next((held for held in claims if self._is_others(held, meter, showing)), None)
            if other is not None:
                shared[showing] = other
                continue
            role = _OWN if showing.nameplate == own else _BEHIND
            for register in registers:
                held = self._held.get(register)
                if held is None or (held.sender != showing.sender and showing.sender):
                    marks |= self._claim(meter, role, register, showing.sender)
        self._refused[meter] = frozenset(
            showing.nameplate for showing, held in shared.items() if held.meter != meter
        )
        admitted = (
            v for showing, its_values in shown.items() if showing not in shared for v in its_values
        )
        return Admission(tuple(admitted), marks, shared)

    def _look_at(self, meter: str, shown: Iterable[ShownDevice]) -> None:
        """Remember what each topic shows now: what else it held is free for others."""
        by_sender: dict[str, set[Nameplate]] = defaultdict(set)
        for showing in shown:
            by_sender[showing.sender].add(showing.nameplate)
        by_sender.pop("", None)
        for sender, nameplates in by_sender.items():
            self._shown.pop((meter, sender), None)
            self._shown[meter, sender] = frozenset(nameplates)
        while len(self._shown) > SHOWN_MAX:
            del self._shown[next(iter(self._shown))]

    def _is_others(self, held: RegisterClaim, meter: str, showing: ShownDevice) -> bool:
        if held.meter != meter:
            return True
        if not (held.sender and showing.sender) or held.sender == showing.sender:
            return False
        # Of two topics that came to hold registers of one device the first goes on.
        return self._first(meter, showing) > self._first(
            meter, showing._replace(sender=held.sender)
        )

    def _first(self, meter: str, showing: ShownDevice) -> int:
        numbers = (
            held.number
            for register, held in self._held.items()
            if register.nameplate == showing.nameplate
            and (held.meter, held.sender) == (meter, showing.sender)
        )
        return min(numbers, default=self._last + 1)

    def _claim(
        self, meter: str, role: str, register: ClaimedRegister, sender: str
    ) -> dict[str, int]:
        self._last += 1
        self._hold(register, RegisterClaim(self._last, meter, role, sender))
        nameplate = register.nameplate
        parts = (_PREFIX, meter, role, nameplate.manufacturer, nameplate.serial, register.code)
        return {"\t".join((*parts, sender) if sender else parts): self._last}

    def _hold(self, register: ClaimedRegister, claim: RegisterClaim) -> None:
        before = self._held.get(register)
        if before is not None:
            self._own[before.meter].discard(register)
        self._held[register] = claim
        if claim.role == _OWN and not claim.sender:
            self._own[claim.meter].add(register)

    def _free(self, registers: Iterable[ClaimedRegister]) -> None:
        """Whoever is no longer configured, or shows another device, holds nothing.

        Also if a last read of it came later.
        """
        for register in registers:
            held = self._held.get(register)
            if held is None:
                continue
            present = self._shown.get((held.meter, held.sender))
            is_replaced = present is not None and register.nameplate not in present
            is_at_work = self._at_work is None or held.meter in self._at_work
            if is_at_work and not is_replaced:
                continue
            del self._held[register]
            self._own[held.meter].discard(register)

    def _release(self, meter: str, own: Nameplate) -> None:
        """Another device hangs where the one hung that this meter held as its own."""
        for register in [one for one in self._own[meter] if one.nameplate != own]:
            self._own[meter].discard(register)
            del self._held[register]


def device_of(value: MeterValue) -> ShownDevice:
    """The device whose value it is, and who showed it."""
    # A tab divides the parts of a mark.
    return ShownDevice(nameplate_of(value.meter), value.sender.replace("\t", " ")[-SENDER_MAX:])
