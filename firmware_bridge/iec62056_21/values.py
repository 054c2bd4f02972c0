"""What the data sets of a read-out say. Sources: EN 62056-61 (OBIS, reduced codes), VDEW 2.0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.local_clock import DEFAULT_ZONE, MeterZone
from firmware_bridge.driver.naming import identity, is_filler
from firmware_bridge.driver.telegram import Observation, Telegram, normalise, storage_of
from firmware_bridge.iec62056_21.datasets import DataSet, checked_obis, parse_number, unread
from firmware_bridge.iec62056_21.frames import ReadOut62056, ReadOutSplitter
from firmware_bridge.iec62056_21.p1_frames import P1Telegram
from firmware_bridge.iec62056_21.p1_values import fault_of, observed

# Code C.D.E of the meter's own number, in the order in which it is looked for.
_SERIALS = ((96, 1, 0), (96, 1, 255), (0, 0, 0), (0, 0, 9), (96, 1, 1), (0, 0, 255))
_TIME = (0, 9, 1)
_DATE = (0, 9, 2)
_PRESENT = 255
# Heat meters write C.D of a list of their own. Source: EN 1434-3, optical interface.
_HEAT = {"6.8": checked_obis("6-0:1.0.0"), "6.26": checked_obis("6-0:2.0.0")}
_HEAT_COUNTED = frozenset({"kwh", "mwh", "mj", "gj", "m3"})
_HEAT_SERIALS = ("9.21", "9.20")
_HEAT_UNITS = {"m3ph": "m3/h", "C": "degC"}
_FIRST_ABSTRACT = 93
_CENTURY = re.compile(r"^20(?=\d{2}-)")
_NOT_DIGITS = re.compile(r"[^0-9SW]")


def observe(block: ReadOut62056, zone: str | None = None) -> tuple[Observation, ...]:
    """The measured values of a block.

    Args:
        block: Checked by `parse_block_frame`.
        zone: Zone of the meter's clock; None for central Europe.

    Values of earlier billing periods (`1.8.0*12`) keep their F and are marked as stored.
    """
    if any(map(_counts_heat, block.objects)):
        return _observe_heat(block)
    clock = MeterZone(zone or DEFAULT_ZONE)
    own = (item for item in reversed(block.objects) if item.values and not _is_of_port(item))
    by_code = {_cde(item): item.values[0] for item in own}
    serial = next((by_code[code] for code in _SERIALS if not is_filler(by_code.get(code, ""))), "")
    meter = identity(block.manufacturer, serial, block.identification)
    at = _clock_time(clock, by_code.get(_DATE, ""), by_code.get(_TIME, ""))
    found = []
    for item in block.objects:
        code = item.obis
        number = parse_number(item.values[0]) if item.values else None
        if code is None or number is None:
            continue
        electrical = code.code[0] != 0 and 0 < code.code[2] < _FIRST_ABSTRACT
        if not (electrical or number[1]) or _cde(item) in (_TIME, _DATE):
            continue
        value, unit = normalise(*number)
        stored = storage_of(code)
        dated = _stamp(clock, item.values[1]) if len(item.values) > 1 else None
        seen = dated or (None if stored else at)
        quality = Quality.ACTUAL if seen is None or seen[1] else Quality.SUSPECT
        instant: datetime | None = seen[0] if seen else None
        found.append(
            Observation(
                meter,
                code,
                value,
                unit,
                quality,
                instant,
                storage=stored,
                sampled=dated is not None,
            )
        )
    return tuple(found)


def _counts_heat(item: DataSet) -> bool:
    number = parse_number(item.values[0]) if item.values and item.address in _HEAT else None
    return number is not None and number[1].lower() in _HEAT_COUNTED


def _observe_heat(block: ReadOut62056) -> tuple[Observation, ...]:
    """A heat meter's read-out: C.D from a list of its own, which electricity codes mean otherwise.

    Brackets that hold several values, and counts without a unit, are not measured.
    """
    named = {item.address: item.values[0] for item in block.objects if item.values}
    serial = next((named[code] for code in _HEAT_SERIALS if not is_filler(named.get(code, ""))), "")
    meter = identity(block.manufacturer, serial, block.identification)
    found = []
    for item in block.objects:
        number = parse_number(item.values[0]) if len(item.values) == 1 else None
        if number is None or not number[1] or "&" in number[1]:
            continue
        address, _, period = item.address.partition("*")
        stored = int(period) if period.isdecimal() and len(period) <= 3 else 0  # noqa: PLR2004 - F is a byte
        value, unit = normalise(number[0], _HEAT_UNITS.get(number[1], number[1]))
        code = _HEAT.get(address)
        if code is not None and 0 < stored < _PRESENT:
            code = Obis(code.code[:5] + bytes([stored]))
        found.append(Observation(meter, code, value, unit, storage=stored))
    return tuple(found)


def _is_of_port(item: DataSet) -> bool:
    """Whether an object names or counts a device that hangs on a port of the meter."""
    code = item.obis
    return code is not None and code.code[0] == 0 and code.code[1] != 0


def _cde(item: DataSet) -> tuple[int, ...]:
    code = item.obis
    return tuple(code.code[2:5]) if code else ()


def _stamp(clock: MeterZone, text: str) -> tuple[datetime, bool] | None:
    return clock.stamp(_NOT_DIGITS.sub("", _CENTURY.sub("", text)))


def _clock_time(clock: MeterZone, date: str, time: str) -> tuple[datetime, bool] | None:
    digits = _NOT_DIGITS.sub("", _CENTURY.sub("", date))
    letter = ""
    if len(digits) == 7:  # noqa: PLR2004 - a season digit stands before the date
        letter = {"0": "W", "1": "S"}.get(digits[0], "")
        digits = digits[1:]
    hours = _NOT_DIGITS.sub("", time)
    if len(hours) == 7:  # noqa: PLR2004 - and before the time
        hours = hours[1:]
    return clock.stamp(digits + hours + letter) if len(digits) == 6 else None  # noqa: PLR2004


class ReadOutScanner:
    """Bytes in, observed telegrams out.

    Args:
        zone: Zone of the meters' clocks; None for central Europe.
    """

    def __init__(self, zone: str | None = None) -> None:
        self._zone = zone
        self._splitter = ReadOutSplitter()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The read-outs that these bytes complete."""
        yield from map(self._observe, self._splitter.feed(data))

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        yield from map(self._observe, self._splitter.close())

    def _observe(self, found: ReadOut62056 | P1Telegram | Telegram) -> Telegram:
        if isinstance(found, ReadOut62056):
            heat = any(map(_counts_heat, found.objects))
            rest = None if heat else fault_of(unread(found.objects))
            return Telegram(found.raw, observe(found, self._zone), rest=rest)
        if isinstance(found, P1Telegram):
            return observed(found, self._zone)
        return found
