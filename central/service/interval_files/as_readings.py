"""What the store keeps of a file of metered values: a reading for each, or why there is none.

The market names connection points and not meters, so a point is what the store calls a meter, made
by `NMI` or `ESPI`. Values of intervals stay values of intervals; of what a register counted between
two reads both reads are kept, where their difference is the quantity. What has no place in a
reading is said of each row: the method and reason of a value, its cost, the serial number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from central.domain.interval_files.green_button import GreenButtonFile
from central.domain.interval_files.values import MeteredFile, MeteredValue
from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import (
    SERIAL_MAX,
    Channel,
    Kind,
    Quality,
    Reading,
    Source,
)

_UNITS: Final[dict[str, tuple[Unit | None, int]]] = {
    "wh": (Unit.WATT_HOUR, 0),
    "kwh": (Unit.WATT_HOUR, 3),
    "mwh": (Unit.WATT_HOUR, 6),
    "varh": (Unit.VAR_HOUR, 0),
    "kvarh": (Unit.VAR_HOUR, 3),
    "vah": (Unit.VOLT_AMPERE_HOUR, 0),
    "kvah": (Unit.VOLT_AMPERE_HOUR, 3),
}
# Group C of the OBIS code, by what the file's kind calls the direction.
_OF_NEM: Final[dict[tuple[str, Unit | None], int]] = {
    ("E", Unit.WATT_HOUR): 1,
    ("I", Unit.WATT_HOUR): 2,
    ("B", Unit.WATT_HOUR): 2,
    ("Q", Unit.VAR_HOUR): 3,
    ("K", Unit.VAR_HOUR): 4,
}
_OF_ESPI: Final[dict[tuple[str, Unit | None], int]] = {
    ("1", Unit.WATT_HOUR): 1,
    ("19", Unit.WATT_HOUR): 2,
    ("1", Unit.VAR_HOUR): 3,
    ("19", Unit.VAR_HOUR): 4,
    ("1", Unit.VOLT_AMPERE_HOUR): 9,
    ("19", Unit.VOLT_AMPERE_HOUR): 10,
}
_QUALITIES: Final = {
    **dict.fromkeys("EFS", Quality.ESTIMATED),
    **dict.fromkeys(("7", "8", "9", "11", "12"), Quality.ESTIMATED),
    **dict.fromkeys(("10", "13"), Quality.SUSPECT),
}
# What says no more than that a value is as it was metered.
_PLAIN: Final = frozenset({"", "A", "0", "14", "17", "18", "19"})
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ORDINALS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class MeteredRow:
    """A value of a file, and what is stored of it.

    Args:
        metered: The value.
        readings: What is stored: one of an interval, two of what a register counted, none where
            `left_out` says why.
        left_out: NO_VALUE, UNKNOWN_UNIT, UNKNOWN_REGISTER, UNNAMED_POINT, NO_PERIOD or
            READS_DIFFER; None where it is stored.
        lost: What of it no reading says: METHOD, REASON, COST, SERIAL.
    """

    metered: MeteredValue
    readings: tuple[Reading, ...] = ()
    left_out: str | None = None
    lost: tuple[str, ...] = ()


def rows_of(file: MeteredFile | GreenButtonFile) -> Iterator[MeteredRow]:
    """Every value of a file, in its order, with what is stored of it."""
    of_market = isinstance(file, MeteredFile)
    registers: dict[tuple[str, str], list[str]] = {}
    for metered in file.values():
        beside = registers.setdefault((metered.point, metered.direction), [])
        if metered.register not in beside:
            beside.append(metered.register)
        yield _row(metered, beside.index(metered.register), of_market=of_market)


def _row(metered: MeteredValue, ordinal: int, *, of_market: bool) -> MeteredRow:
    unit, exponent = _UNITS.get(metered.unit.lower(), (None, 0))
    counted = (_OF_NEM if of_market else _OF_ESPI).get((metered.direction, unit))
    serial = _serial(metered.point)
    why = _left_out(metered, unit, counted, serial)
    if why is not None or unit is None or counted is None or serial is None:
        return MeteredRow(metered, left_out=why)
    maker = "NMI" if of_market else "ESPI"
    if metered.reads is not None or metered.start is None:
        obis = Obis.parse(_accumulated(metered.register, counted))
        channel = Channel(maker, serial, obis, Kind.REGISTER, 0, Source.LIVE, unit)
        return _of_reads(metered, channel, exponent)
    # Registers that count the same are told apart as channels.
    number = _ORDINALS.find(metered.register[1:2].upper()) if of_market else ordinal
    obis = Obis.parse(f"1-{max(number, 0)}:{counted}.8.0")
    period_s = int((metered.end - metered.start).total_seconds())
    try:
        channel = Channel(maker, serial, obis, Kind.INTERVAL, period_s, Source.PROFILE, unit)
    except InvalidValueError:
        return MeteredRow(metered, left_out="NO_PERIOD")
    reading = _reading(channel, metered, metered.start, metered.value, exponent)
    return MeteredRow(metered, (reading,), lost=_lost(metered))


def _left_out(
    metered: MeteredValue, unit: Unit | None, counted: int | None, serial: str | None
) -> str | None:
    lacking = {
        "NO_VALUE": metered.value is None,
        "UNKNOWN_UNIT": unit is None,
        "UNKNOWN_REGISTER": counted is None,
        "UNNAMED_POINT": serial is None,
    }
    return next((code for code, lacks in lacking.items() if lacks), None)


def _of_reads(metered: MeteredValue, channel: Channel, exponent: int) -> MeteredRow:
    if metered.reads is None or metered.start is None:
        return MeteredRow(metered, left_out="NO_PERIOD")
    before, now = metered.reads
    if now - before != metered.value:
        return MeteredRow(metered, left_out="READS_DIFFER")
    readings = (
        _reading(channel, metered, metered.start, before, exponent, Quality.ACTUAL),
        _reading(channel, metered, metered.end, now, exponent),
    )
    return MeteredRow(metered, readings, lost=_lost(metered))


def _reading(  # noqa: PLR0913, PLR0917 - what, of which value, when and how much
    channel: Channel,
    metered: MeteredValue,
    at: datetime,
    value: Decimal | None,
    exponent: int,
    quality: Quality | None = None,
) -> Reading:
    quantity = Quantity.from_decimal((value or Decimal(0)).scaleb(exponent), channel.unit)
    judged = quality if quality is not None else _quality(metered)
    return Reading(channel, at.astimezone(UTC), quantity.mantissa, quantity.exponent, judged)


def _quality(metered: MeteredValue) -> Quality:
    """The worst of what the file says of a value."""
    return max(
        (_QUALITIES.get(code, Quality.ACTUAL) for code in metered.qualities),
        default=Quality.ACTUAL,
    )


def _lost(metered: MeteredValue) -> tuple[str, ...]:
    says = {
        "METHOD": metered.flag.method not in _PLAIN,
        "REASON": bool(metered.flag.reason or metered.flag.text),
        "COST": metered.cost is not None,
        "SERIAL": bool(metered.serial),
    }
    return tuple(name for name, there in says.items() if there)


def _accumulated(suffix: str, counted: int) -> str:
    """The register of a suffix such as 41: its first sign is the meter, its second the rate."""
    meter, rate = (max(_ORDINALS.find(sign), 0) for sign in f"{suffix.upper():0<2}"[:2])
    return f"1-{meter}:{counted}.8.{rate}"


def _serial(point: str) -> str | None:
    """What a point is called as a meter: its name, or the identifier within where that is long."""
    named = _UUID.search(point)
    name = point if len(point) <= SERIAL_MAX or named is None else named[0].replace("-", "")
    return name if 0 < len(name) <= SERIAL_MAX and name.isascii() and name.isprintable() else None
