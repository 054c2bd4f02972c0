"""Find a SunSpec meter in the registers of a device.

SunSpec devices give a chain of models: the mark "SunS", then for each model its number, its length
and its registers, up to the number 0xFFFF. Where the chain begins, and what stands before a meter,
differs from device to device and from firmware to firmware, so no address is known beforehand.

Source: https://sunspec.org/sunspec-modbus-specifications, Device Information Model Specification.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware_bridge.driver.interface import MeterAnswerError, MeterBusyError, MeterRefusalError
from firmware_bridge.modbus.frames import REGISTER_SPACE, RegisterSpan
from firmware_bridge.modbus.register_map import MeterProfile

BEGINNINGS: Final = (40_000, 50_000, 0)
MARK: Final = (0x5375, 0x6E53)
COMMON: Final = 1
END: Final = 0xFFFF
# A chain of more models than any device has is a device that answers anything.
MODELS_MAX: Final = 100
_FUNCTION: Final = 3
_HEADER: Final = 2
Read = Callable[[RegisterSpan], Awaitable[tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class MeterPosition:
    """Where a meter's registers begin.

    Args:
        common: Address of the common model before it, which has its serial number.
        model: Address of the meter's model.
        number: The model's number, such as 203.
    """

    common: int
    model: int
    number: int

    @property
    def header(self) -> RegisterSpan:
        """Where its number is, by which it is known again."""
        return RegisterSpan(_FUNCTION, self.model, 1)


async def find_meter(read: Read, models: Sequence[int], ordinal: int = 1) -> MeterPosition:
    """Walk a device's chain to one of its meters.

    Args:
        read: Reads registers of the device.
        models: Numbers of the models that are meters.
        ordinal: Which of them, counted from 1.

    Raises:
        MeterRefusalError: The device has no chain, or not so many meters.
        MeterAnswerError: Its chain does not end.
    """
    start = await _beginning(read)
    common, seen = start, 0
    for _ in range(MODELS_MAX):
        if start + _HEADER > REGISTER_SPACE:
            break
        number, length = await read(RegisterSpan(_FUNCTION, start, _HEADER))
        if number == END:
            message = f"The device has {seen} SunSpec meters of the models {_listed(models)}."
            remedy = "Correct `sunspec_meter`, or the profile."
            raise MeterRefusalError(message, value=ordinal, remedy=remedy)
        if number == COMMON:
            common = start
        if number in models:
            seen += 1
            if seen == ordinal:
                return MeterPosition(common, start, number)
        start += _HEADER + length
    message = "The device's chain of SunSpec models does not end."
    raise MeterAnswerError(message, value=start)


async def _beginning(read: Read) -> int:
    for start in BEGINNINGS:
        try:
            if await read(RegisterSpan(_FUNCTION, start, len(MARK))) == MARK:
                return start + len(MARK)
        except MeterBusyError:
            raise
        except MeterRefusalError:
            continue
    message = "The device has no SunSpec registers at 40000, 50000 or 0."
    remedy = "Switch SunSpec on in the device, or choose a profile that has its addresses."
    raise MeterRefusalError(message, value=BEGINNINGS, remedy=remedy)


def repositioned(profile: MeterProfile, position: MeterPosition) -> MeterProfile:
    """A profile whose addresses count from its models' beginnings, as one device has them.

    The serial number counts from the common model, all else from the meter's.

    Raises:
        MeterAnswerError: The chain puts the meter so far back that its registers do not exist.
    """
    serial = profile.serial
    last = max(span.end for register in profile.registers for span in register.spans)
    if position.model + last > REGISTER_SPACE:
        message = f"The device says that its meter begins at register {position.model}."
        raise MeterAnswerError(message, value=position.model)
    return replace(
        profile,
        registers=tuple(register.moved(position.model) for register in profile.registers),
        serial=None if serial is None else replace(serial, span=serial.span.moved(position.common)),
    )


def _listed(models: Sequence[int]) -> str:
    return ", ".join(str(number) for number in models)
