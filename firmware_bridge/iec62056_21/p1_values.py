"""What the objects of a P1 telegram say, by content and not by the name of a version.

Sources: DSMR P1 5.0.2 chapter 6.12 and 2.2 annex; e-MUCS P1 1.7; DIN 43863-5 (identifiers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from firmware_bridge.contract.obis import GAS_VOLUME, WATER_VOLUME, Obis
from firmware_bridge.contract.quantity import Unit
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.local_clock import DEFAULT_ZONE, MeterZone
from firmware_bridge.driver.naming import identity, is_filler, sub_meter
from firmware_bridge.driver.telegram import (
    Observation,
    Telegram,
    TelegramUnsupportedError,
    normalise,
    storage_of,
)
from firmware_bridge.iec62056_21.datasets import (
    DataSet,
    checked_obis,
    hex_text,
    parse_address,
    parse_number,
    unread,
)
from firmware_bridge.iec62056_21.p1_frames import P1Splitter, P1Telegram
from firmware_bridge.iec62056_21.p1_months import MONTHS, months_of

_CLOCK = "0-0:1.0.0"
# In the order in which a meter's own number is looked for.
_SERIALS = (
    "0-0:96.1.1",  # DSMR and Belgium: equipment identifier
    "0-0:96.1.255",  # EasyMeter: the plate's identifier
    "1-0:0.0.0",
    "0-0:96.1.0",  # Hungary, Ireland: device id
    "0-0:42.0.0",  # Luxembourg: logical device name
    "1-0:96.1.0",
    "0-0:96.1.4",
)
# Belgium writes the version there (50217), which is every meter's; numbers of meters are longer.
_VERSION = re.compile(r"\d{1,5}", re.ASCII)
_VERSION_OR_SERIAL = "0-0:96.1.4"
_CODED_SERIAL = re.compile(r"\d([A-Z]{3})\d{10}", re.ASCII)
_SUB_METER_SERIALS = ("96.1.0", "96.1.1", "96.1.2")
_HOURLY_LIST = "24.3.0"
_LIST_HEAD = 6
# M-Bus device types and the commodity's own code. Sources: EN 13757-3 table 3, EN 13757-1.
_COMMODITIES = {
    2: checked_obis("1-0:1.8.0"),
    3: GAS_VOLUME,
    4: checked_obis("6-0:1.0.0"),
    6: checked_obis("9-0:1.0.0"),
    7: WATER_VOLUME,
    10: checked_obis("5-0:1.0.0"),
    11: checked_obis("5-0:1.0.0"),
    12: checked_obis("6-0:1.0.0"),
    13: checked_obis("6-0:1.0.0"),
    21: checked_obis("9-0:1.0.0"),
    22: WATER_VOLUME,
}
# Hungary's meters give the unit of a reactive power to reactive energies.
_POWER_OF_ENERGY = {Unit.VAR.value: Unit.VAR_HOUR.value}
_ENERGY = 8
_IRISH = re.compile(r"MIE\d")
_MINUTE_S = 60
_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class _Host:
    meter: MeterIdentity
    clock: MeterZone
    at: datetime | None
    quality: Quality


def observed(telegram: P1Telegram, zone: str | None = None, raw: bytes | None = None) -> Telegram:
    """A telegram's values, and what of it has a form that nobody knows.

    Args:
        telegram: Checked by `parse_telegram`.
        zone: As `observe`.
        raw: The bytes as they came, where the telegram was in an envelope.
    """
    listed = [item for item in telegram.objects if _is_months(parse_address(item.address))]
    faults = [f"{item.address}: {fault}" for item in listed if (fault := months_of(item).fault)]
    rest = None
    if faults:
        message = f"What the meter keeps of past months is not all read. {'; '.join(faults)}."
        remedy = "Report the telegram, so that its form becomes known; all else in it is read."
        rest = TelegramUnsupportedError(message, value=faults[0], remedy=remedy)
    rest = rest or fault_of(unread(telegram.objects))
    return Telegram(telegram.raw if raw is None else raw, observe(telegram, zone), rest=rest)


def fault_of(objects: Sequence[str]) -> TelegramUnsupportedError | None:
    """What is said of objects that should be values and are none; None where there are none."""
    if not objects:
        return None
    shown = ", ".join(objects[:_NAMED_MAX])
    more = f" and {len(objects) - _NAMED_MAX} more" if len(objects) > _NAMED_MAX else ""
    message = f"What stands under {shown}{more} is no number with a unit, and is not read."
    remedy = "Report the telegram, so that its form becomes known; all else in it is read."
    return TelegramUnsupportedError(message, value=objects[0], remedy=remedy)


def observe(telegram: P1Telegram, zone: str | None = None) -> tuple[Observation, ...]:
    """The measured values of a telegram, sub-meters under their own identity and time.

    Args:
        telegram: Checked by `parse_telegram`.
        zone: Zone of the meter's clock; None for the country's that the content tells.

    Values of a version that requires a CRC and came without it are SUSPECT, as is a value whose
    time without a letter falls into the hour that autumn repeats.
    """
    irish = _IRISH.search(telegram.identification) is not None
    clock = MeterZone(zone or ("Europe/Dublin" if irish else DEFAULT_ZONE))
    stamp = telegram.first(_CLOCK)
    at = clock.stamp(stamp.values[0]) if stamp else None
    quality = Quality.SUSPECT if telegram.crc_missing else Quality.ACTUAL
    if at and not at[1]:
        quality = Quality.SUSPECT
    host = _Host(_host_meter(telegram), clock, at[0] if at else None, quality)
    found = []
    for item in telegram.objects:
        code = parse_address(item.address)
        if code is None:
            continue
        if _is_months(code):
            found += list(_months(host, item))
        elif code.code[0] == 0 and code.code[1] and code.code[2] == 24:  # noqa: PLR2004 - M-Bus group
            found += list(_sub_meter(telegram, host, code, item))
        else:
            found += list(_own_value(host, code, item))
    return tuple(found)


def _host_meter(telegram: P1Telegram) -> MeterIdentity:
    for address in _SERIALS:
        item = telegram.first(address)
        text = hex_text(item.values[0]) if item is not None else ""
        is_version = address == _VERSION_OR_SERIAL and _VERSION.fullmatch(text) is not None
        if not is_filler(text) and not is_version:
            return identity(telegram.manufacturer, text, telegram.identification)
    # Sweden's P1 names no meter, and the identification line names every one of its model.
    return identity(telegram.manufacturer, "", telegram.identification)


def _own_value(host: _Host, code: Obis, item: DataSet) -> Iterator[Observation]:
    at, quality, values, sampled = host.at, host.quality, item.values, False
    if len(values) == 2:  # noqa: PLR2004 - a time of its own, then the value
        own = host.clock.stamp(values[0])
        if own is None:
            return
        at, quality = own[0], quality if own[1] else Quality.SUSPECT
        values, sampled = values[1:], True
    if len(values) != 1:
        return
    number = parse_number(values[0])
    if number is None or not (number[1] or _counts(code)):
        return
    value, unit = normalise(*number)
    if code.code[0] == 1 and code.code[3] == _ENERGY:
        unit = _POWER_OF_ENERGY.get(unit, unit)
    stored = storage_of(code)
    yield Observation(host.meter, code, value, unit, quality, at, storage=stored, sampled=sampled)


def _is_months(code: Obis | None) -> bool:
    return code is not None and code.code[0] <= 1 and code.code[1:4] == MONTHS.code[1:4]


def _months(host: _Host, item: DataSet) -> Iterator[Observation]:
    """What a meter keeps of months that ended: stored values, the newest month under F = 1."""
    for number, entry in enumerate(months_of(item).months, start=1):
        for code, text, value, unit in entry:
            at = host.clock.stamp(text)
            exact, base = normalise(value, unit)
            if at is None:
                continue
            stored = Obis(code.code[:5] + bytes([number]))
            quality = host.quality if at[1] else Quality.SUSPECT
            yield Observation(
                host.meter,
                stored,
                exact,
                base,
                quality,
                at[0],
                storage=number,
                sampled=True,
                label=f"{code}, {number} months ago",
            )


def _counts(code: Obis) -> bool:
    """Whether a bare number under this code is a measured value and not a name or a state."""
    a, _, c, d, *_ = code.code
    failures = a == 0 and c == 96 and d == 7  # noqa: PLR2004 - 96.7.x counts power failures
    electrical = a == 1 and 0 < c < 96  # noqa: PLR2004 - from 96 on abstract and maker's codes
    return failures or electrical


def _sub_meter(
    telegram: P1Telegram, host: _Host, code: Obis, item: DataSet
) -> Iterator[Observation]:
    channel = code.code[1]
    kind = _device_type(telegram, channel)
    reading = _list_reading(item) if item.address.endswith(_HOURLY_LIST) else _timed_reading(item)
    if reading is None:
        return
    sent_code, text, number, unit, period_s = reading
    at = host.clock.stamp(text)
    if at is None or not unit:
        return
    value, base = normalise(number, unit)
    yield Observation(
        meter=_sub_meter_identity(telegram, host, channel),
        obis=sent_code or code,
        value=value,
        unit=base,
        quality=host.quality if at[1] else Quality.SUSPECT,
        meter_time=at[0],
        period_s=period_s,
        commodity_obis=_COMMODITIES.get(kind) if kind is not None else None,
        sampled=True,
        port=channel,
    )


_Reading = tuple[Obis | None, str, Decimal, str, int]


def _timed_reading(item: DataSet) -> _Reading | None:
    """DSMR 4 and later: `0-n:24.2.1(time)(value*unit)`."""
    if len(item.values) != 2:  # noqa: PLR2004 - time and value
        return None
    number = parse_number(item.values[1])
    return (None, item.values[0], *number, 0) if number else None


def _list_reading(item: DataSet) -> _Reading | None:
    """DSMR 2.2 and 3: `0-n:24.3.0(time)(status)(minutes)(count)(code)(unit)` and `(value)`."""
    if len(item.values) != _LIST_HEAD + 1:
        return None
    text, _, minutes, count, address, unit, last = item.values
    number = parse_number(last)
    if number is None or count.lstrip("0") != "1":
        return None
    period_s = int(minutes) * _MINUTE_S if minutes.isdigit() and len(minutes) <= 4 else 0  # noqa: PLR2004 - a month at most
    return parse_address(address), text, number[0], unit, period_s


def _device_type(telegram: P1Telegram, channel: int) -> int | None:
    item = telegram.first(f"0-{channel}:24.1.0")
    if item is None or not item.values[0].isdigit() or len(item.values[0]) > 3:  # noqa: PLR2004 - one byte
        return None
    return int(item.values[0])


def _sub_meter_identity(telegram: P1Telegram, host: _Host, channel: int) -> MeterIdentity:
    items = (telegram.first(f"0-{channel}:{address}") for address in _SUB_METER_SERIALS)
    texts = (hex_text(item.values[0]) for item in items if item is not None)
    text = next((text for text in texts if not is_filler(text)), "")
    if not text:
        return sub_meter(host.meter, channel)
    coded = _CODED_SERIAL.fullmatch(text)
    return identity(coded[1] if coded else "P1", text)


class P1Scanner:
    """Bytes in, observed telegrams out.

    Args:
        zone: Zone of the meters' clocks; None for the one that the content tells.
    """

    def __init__(self, zone: str | None = None) -> None:
        self._zone = zone
        self._splitter = P1Splitter()

    def feed(self, data: bytes) -> Iterator[Telegram]:
        """The telegrams that these bytes complete."""
        yield from map(self._observe, self._splitter.feed(data))

    def close(self) -> Iterator[Telegram]:
        """What is left when the stream ends."""
        yield from map(self._observe, self._splitter.close())

    def _observe(self, found: P1Telegram | Telegram) -> Telegram:
        if isinstance(found, Telegram):
            return found
        return observed(found, self._zone)
