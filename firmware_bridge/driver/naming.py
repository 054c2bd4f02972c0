"""Who counted: what a telegram names, what the meter's table names, and what neither does.

How it works: a reading belongs to a manufacturer and a serial number for ever, so a meter whose
telegrams name none must not share `unknown`, or its model, with every other one of its kind. Its
table names it then; what the table says goes before what telegrams say. A table that names a meter
is for one meter: telegrams of a second one are refused instead of becoming the first. What fills a
memory where no number was ever set names no meter either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field, StringConstraints

from firmware_bridge.contract.errors import DeviceError
from firmware_bridge.contract.reading import MANUFACTURER_MAX, SERIAL_MAX
from firmware_bridge.driver.interface import MeterIdentity, MeterValue, ReadOut
from firmware_bridge.driver.telegram import UNKNOWN, Observation, meter_values

# Printable, and no placeholder in angle brackets that nobody filled in.
_PRINTABLE = r"^[!-;=?-~]([ -;=?-~]*[!-;=?-~])?$"
SerialNumber = Annotated[
    str, Field(strict=True), StringConstraints(max_length=SERIAL_MAX, pattern=_PRINTABLE)
]
MakersName = Annotated[
    str, Field(strict=True), StringConstraints(max_length=MANUFACTURER_MAX, pattern=_PRINTABLE)
]
REMEDY = "Set `serial` (and `manufacturer`) in the meter's table to what its nameplate shows."


class MeterUnnamedError(DeviceError):
    """The meter's telegrams hold values and no serial number, and its table names none."""

    code = "METER_UNNAMED"


class MeterSeveralError(DeviceError):
    """Telegrams of two meters come from where the table names one."""

    code = "METER_SEVERAL"


@dataclass(frozen=True, slots=True)
class ConfiguredIdentity:
    """What a meter's table says of who it is.

    Args:
        serial: The number on its nameplate; None for what its telegrams say.
        manufacturer: Its maker; None for what its telegrams say.
    """

    serial: str | None = None
    manufacturer: str | None = None

    def __bool__(self) -> bool:
        return self.serial is not None or self.manufacturer is not None

    def on(self, meter: MeterIdentity) -> MeterIdentity:
        """A meter as its telegram names it, named as its table says."""
        return replace(
            meter,
            serial=self.serial or meter.serial,
            manufacturer=self.manufacturer or meter.manufacturer,
        )


NOT_CONFIGURED = ConfiguredIdentity()


# A meter whose memory was erased, or never written, shows one of these in every place; so do
# display placeholders. Of the digits only these two: 0 is an empty memory, and 9 the end of what
# decimal places hold. 11111111 may be a test number, but a maker's count comes to it as to any
# other, and to refuse it would stop a real meter; whoever owns the real 99999999 has its table say
# so. A sign or two may be a name that somebody gave, such as a device of MQTT.
_FILLED = 4


def is_filler(text: str) -> bool:
    """Whether a text in a serial number's place names no meter, as one repeated filler does.

    Zeros, and what is neither letter nor digit, are fillers in any number, a letter or 9 from four
    places on; what divides them (`FFFF-FFFF`) does not count.

    Args:
        text: As a device sent it.
    """
    signs = "".join(char for char in text if char.isascii() and char.isalnum()).upper()
    if not signs.strip("0"):
        return True
    first = signs[0]
    filled = len(signs) >= _FILLED and set(signs) == {first}
    return filled and (first.isalpha() or first == "9")


def identity(manufacturer: str, serial: str, model: str = "") -> MeterIdentity:
    """An identity that a channel accepts, from texts as a device sent them.

    Unprintable characters are dropped. A serial above the channel's bound keeps its end, since
    makers put their own part first; a filler was never set.
    """
    maker = _printable(manufacturer)[:MANUFACTURER_MAX] or UNKNOWN
    number = _printable(serial)[-SERIAL_MAX:]
    return MeterIdentity(maker, UNKNOWN if is_filler(number) else number, _printable(model))


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isprintable()).strip()


def is_named(meter: MeterIdentity) -> bool:
    """Whether a device has a serial number of its own."""
    return meter.serial != UNKNOWN


def own_meters(seen: Iterable[Observation]) -> tuple[MeterIdentity, ...]:
    """The port's own meters as a telegram names them, in order; mostly one or none."""
    named = {o.meter.serial: o.meter for o in seen if not o.port and is_named(o.meter)}
    return tuple(named.values())


def sub_meter(host: MeterIdentity, port: int) -> MeterIdentity:
    """A device without a number of its own, which is known by the port it hangs on."""
    serial = f"{host.serial[:28]}#{port}" if is_named(host) else UNKNOWN
    return MeterIdentity(host.manufacturer, serial)


def host_of(
    seen: Sequence[Observation], configured: ConfiguredIdentity, met: MeterIdentity | None = None
) -> MeterIdentity:
    """The port's own meter; `UNKNOWN` if it has no name.

    Args:
        seen: Of one telegram or answer; at least one.
        configured: What the meter's table says.
        met: The port's meter as it was named last, for telegrams that name none.
    """
    named = next(iter(own_meters(seen)), None)
    if named is not None or configured.serial is not None:
        return configured.on(named or next((o.meter for o in seen if not o.port), seen[0].meter))
    if met is not None:
        return met
    # A child that its telegram named has its host's number before the sign.
    serial = seen[0].meter.serial.rpartition("#")[0] if seen[0].port else ""
    return configured.on(replace(seen[0].meter, serial=serial or UNKNOWN))


def named_values(seen: Sequence[Observation], host: MeterIdentity) -> tuple[MeterValue, ...]:
    """The values that have a place in the shared vocabulary, each under its meter's name.

    Args:
        seen: Of one telegram or answer.
        host: The port's own meter, as `host_of` it.
    """
    first = next(iter(own_meters(seen)), None)
    named = []
    for item, value in meter_values(seen):
        if item.port:
            meter = sub_meter(host, item.port) if _is_child(item) else item.meter
        elif first is None or item.meter.serial in (first.serial, UNKNOWN):
            meter = host
        else:
            meter = item.meter
        named.append(replace(value, meter=meter))
    return tuple(named)


def _is_child(item: Observation) -> bool:
    return not is_named(item.meter) or item.meter.serial.endswith(f"#{item.port}")


def check_named(values: Sequence[MeterValue], where: str) -> None:
    """See to it that every value belongs to a meter that has a number.

    Raises:
        MeterUnnamedError: One does not; its `value` is what was read, a `ReadOut`.
    """
    unnamed = next((value.meter for value in values if not is_named(value.meter)), None)
    if unnamed is not None:
        message = f"The meter at {where} ({unnamed.manufacturer}) does not report a serial number."
        raise MeterUnnamedError(message, value=ReadOut(unnamed, tuple(values)), remedy=REMEDY)


def check_same(met: Iterable[MeterIdentity], where: str) -> None:
    """See to it that a table that names a meter hears that one alone.

    Args:
        met: The own meters of its telegrams so far, as these name them.
        where: For people.

    Raises:
        MeterSeveralError: They are several.
    """
    meters = {meter.serial: meter for meter in met}
    if len(meters) > 1:
        names = " and ".join(f"{m.manufacturer}/{m.serial}" for m in meters.values())
        message = f"The table of {where} is for one meter, but several answered: {names}."
        remedy = "Write a table for each, or correct `serial` if the meter was exchanged."
        raise MeterSeveralError(message, value=tuple(meters.values()), remedy=remedy)
