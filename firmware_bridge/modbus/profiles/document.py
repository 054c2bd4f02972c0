"""A profile file's format, checked key by key, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from firmware_bridge.contract.errors import ConfigurationError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import MANUFACTURER_MAX, SERIAL_MAX
from firmware_bridge.driver.table_faults import faults, sentence
from firmware_bridge.modbus.frames import (
    REGISTER_SPACE,
    REGISTERS_PER_REQUEST,
    Coding,
    RegisterSpan,
    RegisterType,
    WordOrder,
)
from firmware_bridge.modbus.register_map import (
    DeviceSetting,
    Evidence,
    MeterProfile,
    MeterRegister,
    ProfileChannel,
    RegisterField,
    RingProfile,
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


def _obis(text: object) -> Obis:
    return text if isinstance(text, Obis) else Obis.parse(str(text))


def _unique(registers: list[Any]) -> list[Any]:
    seen = [register.obis for register in registers]
    twice = {str(obis) for obis in seen if seen.count(obis) > 1}
    if twice:
        message = f"{', '.join(sorted(twice))} is listed twice"
        raise ValueError(message)
    return registers


_Address = Annotated[int, Field(ge=0, le=REGISTER_SPACE)]
_Function = Literal[3, 4]
_Scale = Annotated[int, Field(ge=-12, le=12)]
_ObisCode = Annotated[Obis, BeforeValidator(_obis)]
_Name = Annotated[
    str, StringConstraints(min_length=1, max_length=MANUFACTURER_MAX, pattern=r"^[ -~]+$")
]
_Word = Annotated[int, Field(ge=0, le=0xFFFF)]


# Source: IEC 62056-61, groups A and D.
_ELECTRICITY, _TOTAL = 1, 8
_ENERGIES = {Unit.WATT_HOUR, Unit.VAR_HOUR, Unit.VOLT_AMPERE_HOUR}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class _Value(_Table):
    """A typed number; `resolution` belongs to floats and to nothing else."""

    type: RegisterType
    order: WordOrder | None = None
    scale: _Scale = 0
    resolution: _Scale | None = None
    absent: tuple[Annotated[int, Field(ge=0)], ...] = ()

    @model_validator(mode="after")
    def _resolution_of_floats(self) -> _Value:
        if self.type.is_float != (self.resolution is not None):
            message = (
                f"a {self.type} needs `resolution`, the power of ten it is decoded to"
                if self.resolution is None
                else "`resolution` applies to floats only; integers keep all their digits"
            )
            raise ValueError(message)
        return self

    def coding(self, order: WordOrder) -> Coding:
        own = self.order or order
        return Coding(self.type, own, self.scale, self.resolution or 0, frozenset(self.absent))


class _BusTable(_Table):
    address_base: Literal[0, 1] = 0
    order: WordOrder = WordOrder.ABCD
    max_registers: Annotated[int, Field(ge=4, le=REGISTERS_PER_REQUEST)] = REGISTERS_PER_REQUEST
    max_gap: Annotated[int, Field(ge=0, le=REGISTERS_PER_REQUEST)] = 0

    def span(self, function: int, address: int, count: int) -> RegisterSpan:
        first = address - self.address_base
        if first < 0 or first + count > REGISTER_SPACE:
            message = f"registers {address} .. {address + count - 1} do not exist"
            raise ValueError(message)
        return RegisterSpan(function, first, count)


class _Serial(_Table):
    function: _Function
    address: _Address
    type: Literal["ascii", "bcd", "u16", "u32", "u64"]
    order: WordOrder | None = None
    words: Annotated[int, Field(ge=1, le=SERIAL_MAX // 2)] | None = None

    @model_validator(mode="after")
    def _words_of_text(self) -> _Serial:
        if (self.type in ("ascii", "bcd")) != (self.words is not None):
            message = "types ascii and bcd need `words`, and no other type has it"
            raise ValueError(message)
        return self

    def build(self, bus: _BusTable) -> SerialNumber:
        words = self.words or RegisterType(self.type).words
        span = bus.span(self.function, self.address, words)
        form = SerialForm.NUMBER if self.words is None else SerialForm(self.type)
        return SerialNumber(span, form, self.order or bus.order)


class _Signature(_Table):
    function: _Function
    address: _Address
    words: Annotated[tuple[_Word, ...], Field(min_length=1, max_length=16)]


class _Factor(_Table):
    """A power of ten that the device says itself; SunSpec's "not implemented" is no value."""

    address: _Address
    function: _Function | None = None
    order: WordOrder | None = None

    def build(self, bus: _BusTable, function: int) -> RegisterField:
        span = bus.span(self.function or function, self.address, RegisterType.I16.words)
        absent = frozenset({0x8000})
        return RegisterField(span, Coding(RegisterType.I16, self.order or bus.order, absent=absent))


class _Setting(_Table):
    """What the device must be set to, so that the register counts what its code says."""

    address: _Address
    function: _Function
    mask: _Word = 0xFFFF
    allowed: Annotated[tuple[_Word, ...], Field(min_length=1)]

    def build(self, bus: _BusTable) -> DeviceSetting:
        return DeviceSetting(bus.span(self.function, self.address, 1), self.mask, self.allowed)


class _SunSpec(_Table):
    models: Annotated[tuple[_Word, ...], Field(min_length=1)]


class _Register(_Value):
    obis: _ObisCode
    unit: Unit
    function: _Function
    address: _Address
    poll: bool = True
    optional: bool = False
    magnitude: bool = False
    factor: _Factor | None = None
    settings: list[_Setting] = []
    digits: Annotated[int, Field(ge=1, le=18)] | None = None

    def build(self, bus: _BusTable) -> MeterRegister:
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
    def _unit_of_energy(self) -> _Register:
        medium, _, _, processing, _, _ = self.obis.code
        if medium == _ELECTRICITY and (processing == _TOTAL) != (self.unit in _ENERGIES):
            message = f"{self.obis} is not counted in {self.unit}"
            raise ValueError(message)
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


class _HeaderField(_Table):
    address: _Address
    type: Literal["u16", "u32"]

    def build(self, bus: _BusTable, function: int) -> RegisterField:
        kind = RegisterType(self.type)
        span = bus.span(function, self.address, kind.words)
        return RegisterField(span, Coding(kind, bus.order))


class _Header(_Table):
    capacity: _HeaderField
    period_s: _HeaderField
    count: _HeaderField
    newest: _HeaderField
    clock: _HeaderField | None = None


class _RegisterTable(_Table):
    address: _Address
    width: Annotated[int, Field(ge=2, le=REGISTERS_PER_REQUEST)]


class _Captured(_Value):
    obis: _ObisCode
    unit: Unit
    offset: Annotated[int, Field(ge=2, lt=REGISTERS_PER_REQUEST)]


class _LoadProfile(_Table):
    layout: Literal["ring"]
    function: _Function
    header: _Header
    entries: _RegisterTable
    channels: Annotated[list[_Captured], Field(min_length=1), AfterValidator(_unique)]

    @model_validator(mode="after")
    def _channels_fit(self) -> _LoadProfile:
        for channel in self.channels:
            if channel.offset + channel.type.words > self.entries.width:
                message = f"{channel.obis} reaches beyond the entry's width"
                raise ValueError(message)
        return self

    def build(self, bus: _BusTable) -> RingProfile:
        header = self.header
        return RingProfile(
            function=self.function,
            capacity=header.capacity.build(bus, self.function),
            period=header.period_s.build(bus, self.function),
            count=header.count.build(bus, self.function),
            newest=header.newest.build(bus, self.function),
            clock=None if header.clock is None else header.clock.build(bus, self.function),
            entries=bus.span(self.function, self.entries.address, self.entries.width).address,
            width=self.entries.width,
            time=Coding(RegisterType.U32, bus.order),
            channels=tuple(
                ProfileChannel(item.obis, item.unit, item.offset, item.coding(bus.order))
                for item in self.channels
            ),
        )


class _Document(_Table):
    protocol: Literal["modbus"]
    manufacturer: _Name
    model: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(min_length=1)]
    evidence: Evidence | None = None
    modbus: _BusTable = _BusTable()
    serial: _Serial | None = None
    signature: _Signature | None = None
    sunspec: _SunSpec | None = None
    registers: Annotated[list[_Register], Field(min_length=1), AfterValidator(_unique)]
    load_profile: _LoadProfile | None = None

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


MANUAL = "the manual's page *Meter profiles*"
_REMEDIES = {
    "missing": "Add the key.",
    "extra_forbidden": "Remove the key, or correct its spelling.",
}
