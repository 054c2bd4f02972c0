"""What the tables of a profile file have in common: numbers, registers, codes and units."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.driver.code_units import counted_in
from firmware_bridge.modbus.frames import (
    REGISTER_SPACE,
    REGISTERS_PER_REQUEST,
    Coding,
    RegisterSpan,
    RegisterType,
    WordOrder,
)


def _obis(text: object) -> Obis:
    return text if isinstance(text, Obis) else Obis.parse(str(text))


Address = Annotated[int, Field(ge=0, le=REGISTER_SPACE)]
Function = Literal[3, 4]
Scale = Annotated[int, Field(ge=-12, le=12)]
ObisCode = Annotated[Obis, BeforeValidator(_obis)]
_UNSIGNED = frozenset({RegisterType.U16, RegisterType.U32, RegisterType.U64})


def unique(registers: list[Any]) -> list[Any]:
    """Registers, none of whose codes is there twice."""
    seen = [register.obis for register in registers]
    twice = {str(obis) for obis in seen if seen.count(obis) > 1}
    if twice:
        message = f"{', '.join(sorted(twice))} is listed twice"
        raise ValueError(message)
    return registers


def check_unit(obis: Obis, unit: Unit) -> None:
    """See to it that a code is counted in a unit."""
    expected = counted_in(obis)
    if expected not in (None, unit.value):
        message = f"{obis} is counted in {expected}, not in {unit}"
        raise ValueError(message)


class ProfileTable(BaseModel):
    """A table whose every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class TypedNumber(ProfileTable):
    """A typed number; `resolution` belongs to floats and to nothing else."""

    type: RegisterType
    order: WordOrder | None = None
    scale: Scale = 0
    resolution: Scale | None = None
    absent: tuple[Annotated[int, Field(ge=0)], ...] | None = None

    @model_validator(mode="after")
    def _resolution_of_floats(self) -> TypedNumber:
        if self.type.is_float != (self.resolution is not None):
            message = (
                f"a {self.type} needs `resolution`, the power of ten it is decoded to"
                if self.resolution is None
                else "`resolution` applies to floats only; integers keep all their digits"
            )
            raise ValueError(message)
        return self

    def coding(self, order: WordOrder) -> Coding:
        """How its words spell the number, in the order of the bus but for its own."""
        own = self.order or order
        absent = _filler(self.type) if self.absent is None else frozenset(self.absent)
        return Coding(self.type, own, self.scale, self.resolution or 0, absent)


def _filler(kind: RegisterType) -> frozenset[int]:
    """What fills an integer's registers where a meter has no value, whatever its manual says of it.

    No counter stands at its last number for longer than a moment, nor is a power the lowest there
    is; a floating-point number and packed digits say by themselves that they are none.
    """
    bits = 16 * kind.words
    if kind in _UNSIGNED:
        return frozenset({(1 << bits) - 1})
    return frozenset({1 << bits - 1}) if kind.signed else frozenset()


class BusTable(ProfileTable):
    """What goes for all requests."""

    address_base: Literal[0, 1] = 0
    order: WordOrder = WordOrder.ABCD
    max_registers: Annotated[int, Field(ge=4, le=REGISTERS_PER_REQUEST)] = REGISTERS_PER_REQUEST
    max_gap: Annotated[int, Field(ge=0, le=REGISTERS_PER_REQUEST)] = 0

    def span(self, function: int, address: int, count: int) -> RegisterSpan:
        """The registers at an address as the file counts them."""
        first = address - self.address_base
        if first < 0 or first + count > REGISTER_SPACE:
            message = f"registers {address} .. {address + count - 1} do not exist"
            raise ValueError(message)
        return RegisterSpan(function, first, count)
