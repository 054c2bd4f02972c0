"""A profile file's format, checked key by key, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import MANUFACTURER_MAX, SERIAL_MAX
from firmware_bridge.driver.table_faults import faults, sentence
from firmware_bridge.modbus.frames import (
    Coding,
    RegisterType,
    WordOrder,
)
from firmware_bridge.modbus.profiles.bus_table import (
    Address,
    BusTable,
    Function,
    ObisCode,
    ProfileTable,
    TypedNumber,
    check_unit,
    unique,
)
from firmware_bridge.modbus.profiles.load_profile_table import LoadProfileTable
from firmware_bridge.modbus.register_map import (
    DeviceSetting,
    Evidence,
    MeterProfile,
    MeterRegister,
    RegisterField,
    SerialForm,
    SerialNumber,
    Signature,
)


class MeterProfileError(ConfigurationError):
    """A profile file breaks the format."""

    code = "METER_PROFILE"


class UnknownProfileError(ConfigurationError):
    """No profile has that name, or its file cannot be read."""

    code = "UNKNOWN_PROFILE"


_Name = Annotated[
    str, StringConstraints(min_length=1, max_length=MANUFACTURER_MAX, pattern=r"^[ -~]+$")
]
_Word = Annotated[int, Field(ge=0, le=0xFFFF)]


class _Serial(ProfileTable):
    function: Function
    address: Address
    type: Literal["ascii", "bcd", "u16", "u32", "u64"]
    order: WordOrder | None = None
    words: Annotated[int, Field(ge=1, le=SERIAL_MAX // 2)] | None = None

    @model_validator(mode="after")
    def _words_of_text(self) -> _Serial:
        if (self.type in ("ascii", "bcd")) != (self.words is not None):
            message = "types ascii and bcd need `words`, and no other type has it"
            raise ValueError(message)
        return self

    def build(self, bus: BusTable) -> SerialNumber:
        words = self.words or RegisterType(self.type).words
        span = bus.span(self.function, self.address, words)
        form = SerialForm.NUMBER if self.words is None else SerialForm(self.type)
        return SerialNumber(span, form, self.order or bus.order)


class _Signature(ProfileTable):
    function: Function
    address: Address
    words: Annotated[tuple[_Word, ...], Field(min_length=1, max_length=16)]


class _Factor(ProfileTable):
    """A power of ten that the device says itself; SunSpec's "not implemented" is no value."""

    address: Address
    function: Function | None = None
    order: WordOrder | None = None

    def build(self, bus: BusTable, function: int) -> RegisterField:
        span = bus.span(self.function or function, self.address, RegisterType.I16.words)
        absent = frozenset({0x8000})
        return RegisterField(span, Coding(RegisterType.I16, self.order or bus.order, absent=absent))


class _Setting(ProfileTable):
    """What the device must be set to, so that the register counts what its code says."""

    address: Address
    function: Function
    mask: _Word = 0xFFFF
    allowed: Annotated[tuple[_Word, ...], Field(min_length=1)]

    def build(self, bus: BusTable) -> DeviceSetting:
        return DeviceSetting(bus.span(self.function, self.address, 1), self.mask, self.allowed)


class _SunSpec(ProfileTable):
    models: Annotated[tuple[_Word, ...], Field(min_length=1)]


class _Register(TypedNumber):
    obis: ObisCode
    unit: Unit
    function: Function
    address: Address
    poll: bool = True
    optional: bool = False
    magnitude: bool = False
    factor: _Factor | None = None
    settings: tuple[_Setting, ...] = ()
    digits: Annotated[int, Field(ge=1, le=18)] | None = None

    def build(self, bus: BusTable) -> MeterRegister:
        span = bus.span(self.function, self.address, self.type.words)
        field = RegisterField(span, self.coding(bus.order))
        factor = None if self.factor is None else self.factor.build(bus, self.function)
        return MeterRegister(
            obis=self.obis,
            unit=self.unit,
            field=field,
            poll=self.poll,
            modulus=self.modulus(),
            optional=self.optional,
            factor=factor,
            magnitude=self.magnitude,
            settings=tuple(setting.build(bus) for setting in self.settings),
        )

    @model_validator(mode="after")
    def _unit_of_code(self) -> _Register:
        check_unit(self.obis, self.unit)
        return self

    @model_validator(mode="after")
    def _factor_of_integers(self) -> _Register:
        if self.factor is not None and (self.type.is_float or self.digits is not None):
            message = "`factor` belongs to an integer, and `digits` cannot be told beside it"
            raise ValueError(message)
        return self

    def modulus(self) -> Quantity | None:
        """10^digits x resolution."""
        if self.digits is None:
            return None
        step = self.scale if self.resolution is None else self.resolution
        return Quantity(10**self.digits, step, self.unit)


class _Document(ProfileTable):
    protocol: Literal["modbus"]
    manufacturer: _Name
    model: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(min_length=1)]
    evidence: Evidence | None = None
    modbus: BusTable = BusTable()
    serial: _Serial | None = None
    signature: _Signature | None = None
    sunspec: _SunSpec | None = None
    registers: Annotated[list[_Register], Field(min_length=1), AfterValidator(unique)]
    load_profile: LoadProfileTable | None = None

    @model_validator(mode="after")
    def _readable(self) -> _Document:
        faults = [*self._overlaps(), *self._too_long()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _overlaps(self) -> Iterator[str]:
        """Registers that are part of one another, or the same one read in two ways."""
        for first, second in combinations(self.registers, 2):
            spans = [
                range(each.address, each.address + each.type.words) for each in (first, second)
            ]
            apart = not set(spans[0]) & set(spans[1]) or first.function != second.function
            same = (first.address, first.type, first.order) == (
                second.address,
                second.type,
                second.order,
            )
            if not apart and not same:
                yield (
                    f"the registers of {first.obis} ({_shown(spans[0])}, {first.type}) and of"
                    f" {second.obis} ({_shown(spans[1])}, {second.type}) overlap"
                )

    def _too_long(self) -> Iterator[str]:
        """What is read at once, and is longer than one request may be."""
        asked = {
            "`serial`": self.serial.words or 0 if self.serial else 0,
            "`signature`": len(self.signature.words) if self.signature else 0,
            "an entry of `load_profile`": self.load_profile.entries.width
            if self.load_profile
            else 0,
        }
        for name, words in asked.items():
            if words > self.modbus.max_registers:
                yield (
                    f"{name} has {words} registers, and `modbus.max_registers` allows"
                    f" {self.modbus.max_registers} a request"
                )

    def build(self, name: str) -> MeterProfile:
        bus, signature = self.modbus, self.signature
        return MeterProfile(
            name=name,
            manufacturer=self.manufacturer,
            model=self.model,
            source=self.source,
            registers=tuple(register.build(bus) for register in self.registers),
            serial=self.serial.build(bus) if self.serial else None,
            signature=Signature(
                bus.span(signature.function, signature.address, len(signature.words)),
                signature.words,
            )
            if signature
            else None,
            load_profile=self.load_profile.build(bus) if self.load_profile else None,
            max_registers=bus.max_registers,
            max_gap=bus.max_gap,
            evidence=self.evidence,
            sunspec=self.sunspec.models if self.sunspec else (),
        )


def build(name: str, document: dict[str, Any]) -> MeterProfile:
    """The meter model that a parsed file describes.

    Args:
        name: What the model is called; named in refusals.
        document: The file as `tomllib` gives it.

    Raises:
        MeterProfileError: A key is missing, unknown or wrong. Says which, and the remedy.
    """
    try:
        return _Document.model_validate(document).build(name)
    except ValidationError as error:
        listed = faults(error)
        first = listed[0]
        remedy = _REMEDIES.get(first.kind, f"Correct the key; {MANUAL} has every key.")
        message = f"{name}.toml: {sentence(listed)}"
        raise MeterProfileError(message, value=first.value, remedy=remedy) from error
    except ValueError as error:
        message = f"{name}.toml: {error}."
        remedy = "Correct `address`, or `modbus.address_base`."
        raise MeterProfileError(message, remedy=remedy) from error


def _shown(addresses: range) -> str:
    last = addresses[-1]
    return str(last) if len(addresses) == 1 else f"{addresses[0]}..{last}"


MANUAL = "the manual's page *Meter profiles*"
_REMEDIES = {
    "missing": "Add the key.",
    "extra_forbidden": "Remove the key, or correct its spelling.",
}
