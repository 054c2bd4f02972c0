"""A meter model as data: which registers it has and what they mean.

Addresses are those that travel, counted from 0; the profile file keeps the numbering of the
manufacturer's document and names its base.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.modbus.frames import Coding, RegisterSpan, WordOrder


@dataclass(frozen=True, slots=True)
class RegisterField:
    """A number at an address.

    Args:
        span: Where it is.
        coding: How it is read.
    """

    span: RegisterSpan
    coding: Coding

    def moved(self, by: int) -> RegisterField:
        """The same number, that many registers further on."""
        return replace(self, span=self.span.moved(by))


@dataclass(frozen=True, slots=True)
class DeviceSetting:
    """What a device must be set to, so that a register counts what the profile says.

    Args:
        span: The register of the setting.
        mask: The bits of it that matter.
        allowed: What they may be.
    """

    span: RegisterSpan
    mask: int
    allowed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MeterRegister:
    """A quantity that the meter shows.

    Args:
        obis: What it counts.
        unit: The unit of the decoded value.
        field: Where and how.
        poll: Whether a live read takes it unasked.
        modulus: What it counts to before it starts again at 0; None where that is not known.
        optional: Whether devices of the model exist that refuse it.
        factor: Where the device says a further power of ten of the value; None if nowhere.
        magnitude: The sign only repeats the direction that the code says, and is dropped.
        settings: What the device must be set to; its value is absent otherwise.
    """

    obis: Obis
    unit: Unit
    field: RegisterField
    poll: bool = True
    modulus: Quantity | None = None
    optional: bool = False
    factor: RegisterField | None = None
    magnitude: bool = False
    settings: tuple[DeviceSetting, ...] = ()

    @property
    def spans(self) -> tuple[RegisterSpan, ...]:
        """The registers that its value is made of."""
        factor = () if self.factor is None else (self.factor.span,)
        return (self.field.span, *factor, *(setting.span for setting in self.settings))

    def moved(self, by: int) -> MeterRegister:
        """The same quantity, that many registers further on."""
        return replace(
            self,
            field=self.field.moved(by),
            factor=None if self.factor is None else self.factor.moved(by),
            settings=tuple(replace(item, span=item.span.moved(by)) for item in self.settings),
        )


class Evidence(StrEnum):
    """What a model's registers were taken from, from the best to the weakest."""

    MANUAL = "manual"
    TWO_PROJECTS = "two projects"
    ONE_PROJECT = "one project"


class SerialForm(StrEnum):
    """How a serial number stands in its registers.

    Values:
        NUMBER: An integer.
        BCD: A digit in each half byte.
        ASCII: Text, padded with NUL or blanks.
    """

    NUMBER = "number"
    BCD = "bcd"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class SerialNumber:
    """Where the meter's own serial number is.

    Args:
        span: The registers.
        form: How it is written there.
        order: Of its bytes.
    """

    span: RegisterSpan
    form: SerialForm
    order: WordOrder


@dataclass(frozen=True, slots=True)
class Signature:
    """Constant registers by which a model is recognised.

    Args:
        span: Where.
        words: What they hold.
    """

    span: RegisterSpan
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProfileChannel:
    """One captured register within a load-profile entry.

    Args:
        obis: What it counts.
        unit: The unit of the decoded value.
        offset: First register within the entry.
        coding: How it is read.
    """

    obis: Obis
    unit: Unit
    offset: int
    coding: Coding


@dataclass(frozen=True, slots=True)
class RingProfile:
    """A load profile kept as a ring of register snapshots at UTC-aligned boundaries.

    The entry of boundary number n (epoch seconds / period) is at
    `entries + (n mod capacity) * width` and opens with its own time, so that an entry that was
    overwritten, or never written, is noticed.

    Args:
        function: 3 or 4.
        capacity: Field with the number of entries in the ring.
        period: Field with the distance between boundaries. [s]
        count: Field with the number of entries held.
        newest: Field with the newest entry's time. [s since the Unix epoch]
        clock: Field with the time by the meter's clock; None where it shows none.
            [s since the Unix epoch]
        entries: Address of slot 0.
        width: Registers per entry.
        time: The entry's own time, at offset 0. [s since the Unix epoch]
        channels: What each entry captures.
    """

    function: int
    capacity: RegisterField
    period: RegisterField
    count: RegisterField
    newest: RegisterField
    entries: int
    width: int
    time: Coding
    channels: tuple[ProfileChannel, ...]
    clock: RegisterField | None = None


@dataclass(frozen=True)
class MeterProfile:
    """One meter model.

    Args:
        name: The file's name without `.toml`.
        manufacturer: As `Channel.manufacturer`.
        model: For people.
        source: The published document that the map is from.
        registers: What it shows.
        serial: Where its serial number is, if it tells.
        signature: How it is recognised, if at all.
        load_profile: Its memory, if it has one.
        max_registers: What it gives per request.
        max_gap: Unwanted registers that may be read to save a request.
        evidence: What the registers were taken from; None where its file does not say.
        sunspec: Numbers of the SunSpec models that it reads, whose beginnings its addresses count
            from; empty for addresses that are the device's own.
    """

    name: str
    manufacturer: str
    model: str
    source: str
    registers: tuple[MeterRegister, ...]
    serial: SerialNumber | None
    signature: Signature | None
    load_profile: RingProfile | None
    max_registers: int
    max_gap: int
    evidence: Evidence | None = None
    sunspec: tuple[int, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Whether a device that fits says itself that it is of this model."""
        return self.signature is not None or bool(self.sunspec)

    @cached_property
    def by_obis(self) -> dict[Obis, MeterRegister]:
        """The registers by what they count."""
        return {register.obis: register for register in self.registers}
