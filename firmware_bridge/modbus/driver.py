"""A meter behind Modbus TCP, read as its profile says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from firmware_bridge.contract.interval import Interval
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import EXPONENT_MAX, Quantity
from firmware_bridge.contract.reading import SERIAL_MAX, Kind
from firmware_bridge.driver.interface import (
    Absence,
    AbsentValue,
    DriverSettingError,
    MeterAnswerError,
    MeterBusyError,
    MeterExchangedError,
    MeterIdentity,
    MeterRefusalError,
    MeterValue,
    ProfileChunk,
    ProfileMemory,
    ReadOut,
)
from firmware_bridge.driver.naming import is_filler
from firmware_bridge.modbus.endpoint import Endpoint
from firmware_bridge.modbus.frames import RegisterSpan, ScaledInteger, decode, plan, to_bytes
from firmware_bridge.modbus.link import ModbusLink, SharedLink
from firmware_bridge.modbus.memory import RingReader
from firmware_bridge.modbus.profiles import load_profile
from firmware_bridge.modbus.register_map import (
    DeviceSetting,
    MeterProfile,
    MeterRegister,
    SerialForm,
    SerialNumber,
)
from firmware_bridge.modbus.settings import ModbusSettings
from firmware_bridge.modbus.sunspec import MeterPosition, find_meter, repositioned

# SunSpec's factors are -10 .. 10.
FACTOR_MAX = 10
_Answers = Mapping[RegisterSpan, tuple[int, ...] | None]


class ModbusDriver:
    """A `MeterDriver` for any model that a profile describes.

    The serial number is read with every read-out, so that values are never booked to a meter that
    was taken down in between.

    Args:
        endpoint: Where its bus begins; drivers of one bus share the connection.
        unit: The device on the bus.
        profile: Its model.
        timeout_s: Longest wait for a connection, and for each answer. [s]
        serial: The number on the plate, instead of the one that the device tells.
        manufacturer: The maker on the plate, instead of the profile's.
        registers: What to read live; empty reads what the profile polls.
        sunspec_meter: Which of a SunSpec device's meters, counted from 1.

    Raises:
        DriverSettingError: The profile has no such register, or the serial number is unknown.
    """

    def __init__(  # noqa: PLR0913 - what a bus, a device and its model need
        self,
        endpoint: Endpoint,
        unit: int,
        profile: MeterProfile,
        timeout_s: float = 1.0,
        *,
        serial: str | None = None,
        manufacturer: str | None = None,
        registers: Iterable[Obis] = (),
        sunspec_meter: int = 1,
    ) -> None:
        if serial is None and profile.serial is None:
            message = f"The model {profile.model} does not report its serial number."
            raise DriverSettingError(message, remedy="Set `serial` to the number on its nameplate.")
        self._shared = SharedLink(endpoint)
        self._link: ModbusLink | None = None
        self._timeout_s = timeout_s
        self._unit = unit
        self._model = profile
        self._wanted = tuple(registers)
        self._serial = serial
        self._manufacturer = manufacturer or profile.manufacturer
        self._sunspec_meter = sunspec_meter
        self._position: MeterPosition | None = None
        self._take(profile)
        self._met: MeterIdentity | None = None

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """A driver as a meter's table describes it; keys as in `ModbusSettings`.

        Raises:
            DriverSettingError: A setting is missing, unknown or wrong.
            UnknownProfileError: There is no such profile.
            MeterProfileError: The profile's file breaks the format.
        """
        model = settings.get("profile")
        files = [partial(load_profile, model)] if isinstance(model, str) else []
        chosen = ModbusSettings.parse(settings, files)
        return cls(
            chosen.endpoint,
            chosen.unit_id,
            load_profile(chosen.profile),
            chosen.timeout_s,
            serial=chosen.serial,
            manufacturer=chosen.manufacturer,
            registers=chosen.registers,
            sunspec_meter=chosen.sunspec_meter,
        )

    @property
    def has_profile(self) -> bool:
        """Whether the model keeps a load profile."""
        return self._profile.load_profile is not None

    async def __aenter__(self) -> Self:
        self._link = await self._shared.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._link = None
        await self._shared.__aexit__(kind, error, trace)

    async def identify(self) -> MeterIdentity:
        """Ask the device for its serial number; see `MeterDriver.identify`."""
        await self._find()
        serial = self._serial
        if serial is None and self._profile.serial is not None:
            words = await self._read(self._profile.serial.span)
            serial = serial_text(words, self._profile.serial)
        return MeterIdentity(self._manufacturer, serial or "", self._profile.model)

    async def read(self) -> ReadOut:
        """Read the chosen registers; see `MeterDriver.read`.

        What the device refuses is absent; a read of which it refuses everything fails.
        """
        meter = await self.identify()
        answers = await self._answers()
        values: list[MeterValue] = []
        absent: list[AbsentValue] = []
        for register in self._registers:
            number, raw = _number(register, answers)
            if isinstance(number, ScaledInteger):
                quantity = Quantity(number.mantissa, number.exponent, register.unit)
                values.append(
                    MeterValue(
                        meter, register.obis, Kind.REGISTER, quantity, modulus=register.modulus
                    )
                )
            else:
                absent.append(AbsentValue(register.obis, number, raw))
        met, self._met = self._met, meter
        replaced = met if met is not None and met != meter else None
        return ReadOut(meter, tuple(values), tuple(absent), replaced)

    def _take(self, profile: MeterProfile) -> None:
        self._profile = profile
        self._registers = _chosen(profile, self._wanted)
        self._blocks = self._plan(span for register in self._registers for span in register.spans)

    async def _find(self) -> None:
        """Find a SunSpec meter in its device, again where it is no longer where it was.

        Raises:
            MeterRefusalError: The device has none.
        """
        models, position = self._model.sunspec, self._position
        if not models:
            return
        if position is not None:
            self._position = None
            try:
                if await self._read(position.header) == (position.number,):
                    self._position = position
                    return
            except MeterBusyError:
                raise
            except MeterRefusalError:
                pass
        position = await find_meter(self._read, models, self._sunspec_meter)
        self._take(repositioned(self._model, position))
        self._position = position

    def _plan(self, spans: Iterable[RegisterSpan]) -> tuple[RegisterSpan, ...]:
        return plan(spans, self._profile.max_registers, self._profile.max_gap)

    async def _answers(self) -> _Answers:
        """What the planned requests gave; None for the registers that the device refuses.

        A request that is refused is cut into its registers, since one of them is enough for that;
        from then on those it refuses are asked for alone.

        Raises:
            MeterRefusalError: It refuses everything.
        """
        answers: dict[RegisterSpan, tuple[int, ...] | None] = {}
        refusal: MeterRefusalError | None = None
        for block in self._blocks:
            try:
                answers[block] = await self._read(block)
            except MeterBusyError:
                raise
            except MeterRefusalError as error:
                refusal = error
                answers |= await self._singly(block)
        if refusal is not None:
            if not any(answers.values()):
                raise refusal
            given = self._plan(span for span, words in answers.items() if words is not None)
            self._blocks = (*given, *(span for span, words in answers.items() if words is None))
        return answers

    async def _singly(self, block: RegisterSpan) -> _Answers:
        wanted = {span for register in self._registers for span in register.spans}
        inside = sorted(span for span in wanted if block.holds(span))
        answers: dict[RegisterSpan, tuple[int, ...] | None] = {}
        for span in inside:
            try:
                answers[span] = None if span == block else await self._read(span)
            except MeterBusyError:
                raise
            except MeterRefusalError:
                answers[span] = None
        return answers

    async def profile_memory(self) -> ProfileMemory | None:
        """What the load profile holds; see `MeterDriver.profile_memory`."""
        ring = await self._ring()
        return None if ring is None else ring.memory

    async def read_profile(self, interval: Interval) -> AsyncIterator[ProfileChunk]:
        """Read the load profile; see `MeterDriver.read_profile`.

        Raises:
            MeterExchangedError: Another device answered by the end of a chunk, whose entries are
                not given out.
        """
        ring = await self._ring()
        if ring is None:
            return
        async for chunk in ring.chunks(interval):
            meter = await self.identify()
            if meter != ring.memory.meter:
                message = f"Meter {ring.memory.meter.serial} was replaced by {meter.serial}."
                raise MeterExchangedError(message, value=meter)
            yield chunk

    async def _ring(self) -> RingReader | None:
        layout = self._profile.load_profile
        if layout is None:
            return None
        meter = await self.identify()
        return await RingReader.open(self._read, layout, meter, self._profile.max_registers)

    async def _read(self, span: RegisterSpan) -> tuple[int, ...]:
        if self._link is None:
            message = "A driver reads only inside its context: `async with driver:`."
            raise RuntimeError(message)
        return await self._link.read(span, self._unit, self._timeout_s)


def _chosen(profile: MeterProfile, wanted: tuple[Obis, ...]) -> tuple[MeterRegister, ...]:
    if not wanted:
        return tuple(register for register in profile.registers if register.poll)
    unknown = [obis for obis in wanted if obis not in profile.by_obis]
    if unknown:
        known = ", ".join(str(obis) for obis in profile.by_obis)
        message = f"The model {profile.model} has no register {unknown[0]}."
        raise DriverSettingError(
            message, value=str(unknown[0]), remedy=f"Its registers are {known}."
        )
    return tuple(profile.by_obis[obis] for obis in dict.fromkeys(wanted))


def _number(register: MeterRegister, answers: _Answers) -> tuple[ScaledInteger | Absence, bytes]:
    """A register's value, or why there is none, and its bytes."""
    coding = register.field.coding
    words = _cut(answers, register.field.span)
    if words is None:
        return Absence.REFUSED, b""
    if not all(_is_set(setting, answers) for setting in register.settings):
        return Absence.NOT_AVAILABLE, to_bytes(words, coding.order)
    number, raw = decode(words, coding), to_bytes(words, coding.order)
    if register.magnitude and isinstance(number, ScaledInteger):
        number = replace(number, mantissa=abs(number.mantissa))
    if register.factor is None or not isinstance(number, ScaledInteger):
        return number, raw
    factor = _cut(answers, register.factor.span)
    if factor is None:
        return Absence.REFUSED, raw
    power = decode(factor, register.factor.coding)
    if not isinstance(power, ScaledInteger):
        return power, raw
    exponent = number.exponent + power.mantissa
    is_usable = abs(power.mantissa) <= FACTOR_MAX and abs(exponent) <= EXPONENT_MAX
    return (replace(number, exponent=exponent) if is_usable else Absence.OUT_OF_RANGE), raw


def _is_set(setting: DeviceSetting, answers: _Answers) -> bool:
    words = _cut(answers, setting.span)
    return words is not None and words[0] & setting.mask in setting.allowed


def _cut(answers: _Answers, wanted: RegisterSpan) -> tuple[int, ...] | None:
    for block, words in answers.items():
        if block.holds(wanted):
            start = wanted.address - block.address
            return None if words is None else words[start : start + wanted.count]
    message = f"The read plan has no request for {wanted}."
    raise AssertionError(message)


def serial_text(words: tuple[int, ...], field: SerialNumber) -> str:
    """The serial number in its registers.

    Raises:
        MeterAnswerError: They hold none: blank, a filler, all ones or unprintable.
    """
    raw = to_bytes(words, field.order)
    if field.form is SerialForm.ASCII:
        # Some pad each character to a register, some the end.
        text = raw.decode("latin-1").replace("\0", "").strip()
        usable = text.isascii() and text.isprintable() and 0 < len(text) <= SERIAL_MAX
    elif field.form is SerialForm.BCD:
        text = raw.hex().lstrip("0")
        usable = text.isdecimal()
    else:
        number = int.from_bytes(raw, "big")
        text = str(number)
        usable = 0 < number < (1 << (8 * len(raw))) - 1
    if not usable or is_filler(text):
        message = f"The meter's serial number registers have {raw.hex()}, which is not a number."
        remedy = "Set `serial` to the number on its nameplate."
        raise MeterAnswerError(message, value=raw, remedy=remedy)
    return text
