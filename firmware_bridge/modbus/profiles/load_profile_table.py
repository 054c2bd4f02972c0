"""The tables of a profile file that say where a meter keeps its load profile."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from firmware_bridge.contract.quantity import Unit
from firmware_bridge.modbus.frames import REGISTERS_PER_REQUEST, Coding, RegisterType
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
from firmware_bridge.modbus.register_map import ProfileChannel, RegisterField, RingProfile


class _HeaderField(ProfileTable):
    address: Address
    type: Literal["u16", "u32"]

    def build(self, bus: BusTable, function: int) -> RegisterField:
        kind = RegisterType(self.type)
        span = bus.span(function, self.address, kind.words)
        return RegisterField(span, Coding(kind, bus.order))


class _Header(ProfileTable):
    capacity: _HeaderField
    period_s: _HeaderField
    count: _HeaderField
    newest: _HeaderField
    clock: _HeaderField | None = None


class _RegisterTable(ProfileTable):
    address: Address
    width: Annotated[int, Field(ge=2, le=REGISTERS_PER_REQUEST)]


class _Captured(TypedNumber):
    obis: ObisCode
    unit: Unit
    offset: Annotated[int, Field(ge=2, lt=REGISTERS_PER_REQUEST)]

    @model_validator(mode="after")
    def _unit_of_code(self) -> _Captured:
        check_unit(self.obis, self.unit)
        return self


class LoadProfileTable(ProfileTable):
    """A ring of entries behind a header."""

    layout: Literal["ring"]
    function: Function
    header: _Header
    entries: _RegisterTable
    channels: Annotated[list[_Captured], Field(min_length=1), AfterValidator(unique)]

    @model_validator(mode="after")
    def _channels_fit(self) -> LoadProfileTable:
        for channel in self.channels:
            if channel.offset + channel.type.words > self.entries.width:
                message = f"{channel.obis} reaches beyond the entry's width"
                raise ValueError(message)
        return self

    def build(self, bus: BusTable) -> RingProfile:
        """Where and how it is read."""
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
