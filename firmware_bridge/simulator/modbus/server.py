"""Virtual meters on the wire: real Modbus TCP and RTU servers in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import from_ms
from firmware_bridge.modbus.frames import (
    REGISTER_SPACE,
    Coding,
    RegisterSpan,
    RegisterType,
    ScaledInteger,
    encode,
    plan,
    to_words,
)
from firmware_bridge.modbus.register_map import MeterProfile, RingProfile, SerialForm, SerialNumber
from firmware_bridge.modbus.sunspec import (
    BEGINNINGS,
    COMMON,
    END,
    MARK,
    MeterPosition,
    repositioned,
)
from firmware_bridge.simulator.meter import VirtualMeter, VirtualMeterError

# A virtual SunSpec device has its common model and its meter, and nothing between.
_COMMON_LENGTH, _METER_LENGTH = 66, 124
_COMMON_AT = BEGINNINGS[0] + len(MARK)
_POSITION = MeterPosition(_COMMON_AT, _COMMON_AT + 2 + _COMMON_LENGTH, 0)
_OWN_POWER = (RegisterType.E8U24, RegisterType.E8I24)
Words = Callable[[datetime], tuple[int, ...]]
Meters = Mapping[int, tuple[VirtualMeter, MeterProfile]]


@dataclass(frozen=True, slots=True)
class _Cell:
    """A stretch of registers and what it shows at an instant."""

    span: RegisterSpan
    words: Words


class RegisterMap:
    """The registers of a model, filled from a virtual meter at the moment they are asked for.

    Args:
        meter: The device.
        profile: Its model.

    Raises:
        VirtualMeterError: The memory does not fit the address space.
    """

    def __init__(self, meter: VirtualMeter, profile: MeterProfile) -> None:
        if profile.sunspec:
            profile = repositioned(profile, _POSITION)
        self._meter = meter
        self._ring = profile.load_profile
        self._cells = tuple(_cells(meter, profile))
        self._spans = plan((cell.span for cell in self._cells), REGISTER_SPACE, profile.max_gap)
        ring = self._ring
        if ring is not None:
            size = ring.width * meter.capacity
            self._memory = RegisterSpan(ring.function, ring.entries, size)
            if self._memory.end > REGISTER_SPACE:
                message = (
                    f"{meter.capacity} entries of {ring.width} registers exceed the register map."
                )
                raise VirtualMeterError(message, value=meter.capacity)

    def read(self, asked: RegisterSpan) -> tuple[int, ...] | None:
        """The registers of a request; None where the model has none there."""
        now = self._meter.clock()
        if self._ring is not None and self._memory.holds(asked):
            return self._entries(self._ring, asked, now)
        if not any(span.holds(asked) for span in self._spans):
            return None
        words = [0] * asked.count
        for cell in self._cells:
            span = cell.span
            if span.function != asked.function or not (
                span.address < asked.end and asked.address < span.end
            ):
                continue
            for address, word in enumerate(cell.words(now), start=span.address):
                if asked.address <= address < asked.end:
                    words[address - asked.address] = word
        return tuple(words)

    def _entries(self, ring: RingProfile, asked: RegisterSpan, now: datetime) -> tuple[int, ...]:
        first = (asked.address - ring.entries) // ring.width
        last = (asked.end - 1 - ring.entries) // ring.width
        words: list[int] = []
        for slot in range(first, last + 1):
            words.extend(self._entry(ring, slot, now))
        skip = asked.address - ring.entries - first * ring.width
        return tuple(words[skip : skip + asked.count])

    def _entry(self, ring: RingProfile, slot: int, now: datetime) -> list[int]:
        meter = self._meter
        newest = meter.newest_entry(now)
        number = newest - (newest - slot) % meter.capacity
        words = [0] * ring.width
        if number < meter.oldest_entry(now):
            return words
        at = from_ms(number * meter.period_s * 1000)
        words[: ring.time.words] = encode(ScaledInteger(number * meter.period_s, 0), ring.time)
        for channel in ring.channels:
            shown = ScaledInteger(meter.register_wh(channel.obis, at), 0)
            end = channel.offset + channel.coding.words
            words[channel.offset : end] = encode(shown, channel.coding)
        return words


def _cells(meter: VirtualMeter, profile: MeterProfile) -> Iterator[_Cell]:
    for register in profile.registers:
        coding = register.field.coding
        yield _Cell(register.field.span, partial(_shown, meter, register.obis, coding))
        if register.factor is not None:
            yield _Cell(register.factor.span, partial(_constant, (0,)))
        for setting in register.settings:
            yield _Cell(setting.span, partial(_constant, setting.allowed[:1]))
    if profile.serial is not None:
        yield _Cell(profile.serial.span, partial(_serial_words, meter, profile.serial))
    if profile.signature is not None:
        yield _Cell(profile.signature.span, partial(_constant, profile.signature.words))
    if profile.sunspec:
        yield from _chain(profile.sunspec[0])
    ring = profile.load_profile
    if ring is not None:
        for header, count in (
            (ring.capacity, _capacity),
            (ring.period, _period),
            (ring.count, _held),
            (ring.newest, _newest),
        ):
            yield _Cell(header.span, partial(_counted, meter, count, header.coding))
        if ring.clock is not None:
            yield _Cell(ring.clock.span, partial(_counted, meter, _clock, ring.clock.coding))


def _chain(number: int) -> Iterator[_Cell]:
    end = _POSITION.model + 2 + _METER_LENGTH
    for address, words in (
        (BEGINNINGS[0], MARK),
        (_POSITION.common, (COMMON, _COMMON_LENGTH)),
        (_POSITION.model, (number, _METER_LENGTH)),
        (end, (END, 0)),
    ):
        yield _Cell(RegisterSpan(3, address, len(words)), partial(_constant, words))


def _shown(meter: VirtualMeter, obis: Obis, coding: Coding, at: datetime) -> tuple[int, ...]:
    return encode(_fit(meter.show(obis, at), coding), coding)


def _constant(words: tuple[int, ...], at: datetime) -> tuple[int, ...]:
    del at
    return words


def _counted(
    meter: VirtualMeter,
    count: Callable[[VirtualMeter, datetime], int],
    coding: Coding,
    at: datetime,
) -> tuple[int, ...]:
    return encode(ScaledInteger(count(meter, at), 0), coding)


def _capacity(meter: VirtualMeter, at: datetime) -> int:
    del at
    return meter.capacity


def _period(meter: VirtualMeter, at: datetime) -> int:
    del at
    return meter.period_s


def _newest(meter: VirtualMeter, at: datetime) -> int:
    return meter.newest_entry(at) * meter.period_s


def _clock(meter: VirtualMeter, at: datetime) -> int:
    del meter
    return int(at.timestamp())


def _held(meter: VirtualMeter, at: datetime) -> int:
    return max(meter.newest_entry(at) - meter.oldest_entry(at) + 1, 0)


def _fit(number: ScaledInteger, coding: Coding) -> ScaledInteger:
    """A meter counts in steps of its resolution, rounded down as a counter is."""
    resolution = coding.resolution if coding.type.is_float else coding.scale
    if coding.type in _OWN_POWER or resolution <= number.exponent:
        return number
    step = 10 ** (resolution - number.exponent)
    return ScaledInteger(number.mantissa // step, resolution)


def _serial_words(meter: VirtualMeter, field: SerialNumber, at: datetime) -> tuple[int, ...]:
    serial = meter.serial_at(at)
    size = 2 * field.span.count
    if field.form is SerialForm.ASCII:
        raw = serial.encode("ascii").ljust(size, b"\0")
    elif field.form is SerialForm.BCD:
        raw = bytes.fromhex(serial.zfill(2 * size))
    else:
        raw = int(serial).to_bytes(size, "big")
    if len(raw) > size:
        message = f"The serial number {serial!r} does not fit into {size} bytes."
        raise VirtualMeterError(message, value=serial)
    return to_words(raw, field.order)


class _VirtualSlaves:
    """The devices of one bus, and what becomes of their answers."""

    def __init__(self, meters: Meters) -> None:
        self._meters = dict(meters)

    @property
    def units(self) -> tuple[int, ...]:
        """The units that answer, ascending."""
        return tuple(sorted(self._meters))

    def _devices(self) -> list[SimDevice]:
        return [
            _device(unit, RegisterMap(meter, profile))
            for unit, (meter, profile) in self._meters.items()
        ]

    def _sent(self, unit: int, data: bytes, absent: bytes) -> bytes:
        known = self._meters.get(unit)
        if known is None:
            return absent
        faults = known[0].faults
        if faults.silent:
            return b""
        return data if faults.tamper is None else faults.tamper(data)


class VirtualModbusServer(_VirtualSlaves):
    """Serve virtual meters at one TCP address, each under its own unit.

    A unit that is not there is refused as a gateway does it. Use it as an async context manager;
    `port` is known inside.

    Args:
        meters: The devices and their models by unit number.
        host: Where to listen.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        meters: Meters,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(meters)
        self._host = host
        self._port = port
        self._server: ModbusTcpServer | None = None

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._host

    @property
    def port(self) -> int:
        """The TCP port; the real one while it listens."""
        return self._port

    async def __aenter__(self) -> Self:
        server = ModbusTcpServer(
            self._devices(), address=(self._host, self._port), trace_packet=self._on_packet
        )
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            message = f"Port {self._port} of {self._host} is unavailable."
            remedy = "Choose another port, or 0 for a free one."
            raise VirtualMeterError(message, value=self._port, remedy=remedy) from error
        self._server = server
        self._port = cast("asyncio.Server", server.transport).sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def _on_packet(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        if not sending:
            return data
        absent = data[:5] + b"\x03" + data[6:8] + bytes([ExcCodes.GATEWAY_NO_RESPONSE])
        return self._sent(data[6], data, absent)


class VirtualModbusBus(_VirtualSlaves):
    """Serve virtual meters on a serial line in RTU, each under its own unit.

    A unit that is not there is silent. Use it as an async context manager.

    Args:
        meters: The devices and their models by unit number.
        path: The serial device to answer on, such as `SerialCable.meter_end`.
        baudrate: Of that device.
    """

    def __init__(self, meters: Meters, path: str, baudrate: int = 9600) -> None:
        super().__init__(meters)
        self._path = path
        self._baudrate = baudrate
        self._server: ModbusSerialServer | None = None

    async def __aenter__(self) -> Self:
        server = ModbusSerialServer(
            self._devices(),
            port=self._path,
            baudrate=self._baudrate,
            trace_packet=self._on_packet,
        )
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            message = f"The serial device {self._path} cannot be opened."
            raise VirtualMeterError(message, value=self._path) from error
        self._server = server
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def _on_packet(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        return self._sent(data[0], data, b"") if sending else data


def _device(unit: int, registers: RegisterMap) -> SimDevice:
    async def answer(  # noqa: PLR0913, PLR0917 - pymodbus's signature
        function: int,
        start: int,
        address: int,
        count: int,
        current: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        words = registers.read(RegisterSpan(function, address, count))
        if words is None:
            return ExcCodes.ILLEGAL_ADDRESS
        current[address - start : address - start + count] = words
        return None

    everything = SimData(0, count=REGISTER_SPACE, values=0, datatype=DataType.REGISTERS)
    return SimDevice(unit, everything, action=answer)
