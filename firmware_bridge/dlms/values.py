"""What the entries of a push list measure, as observations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from firmware_bridge.contract.reading import Quality
from firmware_bridge.dlms.attributes import Item
from firmware_bridge.dlms.axdr import NUMBERS, Tag
from firmware_bridge.dlms.clock import SIZE as CLOCK_SIZE
from firmware_bridge.dlms.clock import instant
from firmware_bridge.dlms.layouts import (
    KAIFA_MAKER,
    PLAIN,
    Scales,
    is_measured,
    scales_by_name,
    text_of,
    unsupported,
)
from firmware_bridge.dlms.list_files import NOTHING_TAUGHT, TaughtLists
from firmware_bridge.dlms.lists import PushList, read_list
from firmware_bridge.dlms.notification import Notification
from firmware_bridge.dlms.units import UNITS
from firmware_bridge.driver.code_units import kind_of
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.local_clock import DEFAULT_ZONE, MeterZone
from firmware_bridge.driver.naming import identity, is_filler
from firmware_bridge.driver.telegram import UNKNOWN, Observation, normalise, shift, storage_of
from firmware_bridge.iec62056_21.datasets import checked_obis

_CLOCKS = frozenset(map(checked_obis, ("0-0:1.0.0", "0-1:1.0.0")))
_SERIALS = tuple(
    map(
        checked_obis,
        (
            "0-0:96.1.0",
            "1-1:0.0.5",  # Kamstrup: the meter's GS1 number
            "1-1:0.0.1",
            "0-0:96.1.1",
            "1-0:0.0.0",
            "0-0:42.0.0",
            "1-1:96.1.1",
        ),
    )
)
_LIST_NAMES = frozenset(map(checked_obis, ("1-1:0.2.129", "1-0:0.2.129")))
# List names whose maker also ciphers, so that one meter has one identity.
_MAKERS = {"Kamstrup": "KAM"}
_MODEL = checked_obis("0-0:96.1.7")
_LOGICAL_NAME = checked_obis("0-0:42.0.0")


def observe(
    found: Notification, zone: str | None = None, taught: TaughtLists = NOTHING_TAUGHT
) -> tuple[Observation, ...]:
    """The measured values of a notification.

    A value without scaler and unit is read only where its maker's list documents them, or where
    the code itself says enough (energies and powers, in base units).

    Args:
        found: Parsed, and decrypted where it was ciphered.
        zone: Zone of the meter's clock, for times without deviation; None for central Europe.
        taught: The lists that the gateway's own files explain.

    Raises:
        TelegramUnsupportedError: An unexplained list, or one whose members have other
            types than its maker says.
    """
    sent = read_list(found.body, _sender(found), taught)
    items = sent.items
    clock = MeterZone(zone or DEFAULT_ZONE)
    list_name = _list_name(items)
    meter = _meter(found, items, list_name)
    at = _time(found, items, clock)
    scales = _scales(found, sent, list_name, meter)
    values = []
    for item in items:
        scaled = _scaled(item, scales)
        if item.obis is None or scaled is None:
            continue
        number, unit = normalise(*scaled)
        quality = Quality.ACTUAL if at is None or at[1] else Quality.SUSPECT
        instant_: datetime | None = at[0] if at else None
        is_float = item.node.tag in (Tag.FLOAT32, Tag.FLOAT64)
        values.append(
            Observation(
                meter,
                item.obis,
                number,
                unit,
                quality,
                instant_,
                storage=storage_of(item.obis),
                approximate=is_float,
            )
        )
    return (*values, *_others(sent.others, meter))


def _sender(found: Notification) -> str:
    """Who sent a list, as far as something beside it says so; empty where nothing does."""
    if found.title:
        return found.title[:3].decode("latin-1")
    return KAIFA_MAKER if found.tagged else ""


def _others(items: tuple[Item, ...], meter: MeterIdentity) -> Iterator[Observation]:
    """Numbers that are no values though their objects' codes count something, for people."""
    for item in items:
        number, source = item.node.value, item.source
        if item.obis is None or source is None or kind_of(item.obis) is None:
            continue
        if item.node.tag in NUMBERS and isinstance(number, int | Decimal):
            label = f"attribute {source.attribute} of class {source.class_id}, {item.obis}"
            yield Observation(meter, None, Decimal(number), "", label=label)


def _scales(found: Notification, sent: PushList, list_name: str, meter: MeterIdentity) -> Scales:
    """How the list's bare numbers are to be read.

    Raises:
        TelegramUnsupportedError: Nobody explains one of them.
    """
    members = found.body.items
    maker = "" if meter.manufacturer == UNKNOWN else meter.manufacturer
    maker = maker or next((text for node in members if (text := text_of(node))), "")
    if sent.scales is not None:
        return sent.scales
    if any(item.obis is None and is_measured(item.node) for item in sent.items):
        why = "it has numbers without an OBIS code"
        raise unsupported(members, maker, why)
    scales = scales_by_name(list_name, maker)
    for item in sent.items:
        kind = kind_of(item.obis) if item.obis is not None and item.unit is None else None
        if item.doubt and is_measured(item.node):
            raise unsupported(members, maker, item.doubt)
        if kind is None or not is_measured(item.node):
            continue
        if scales is None:
            of = f"the list {list_name!r}" if list_name else "a list of its without a name"
            raise unsupported(members, maker, f"no scales are known for {of}")
        scale = scales.get(kind[0])
        if scale is not None and item.node.tag not in scale.types:
            raise unsupported(members, maker, f"the type of {item.obis} is not that of its scale")
    return scales or PLAIN


def _scaled(item: Item, scales: Scales) -> tuple[Decimal, str] | None:
    number = item.node.value
    if item.node.tag not in NUMBERS or not isinstance(number, int | Decimal) or item.obis is None:
        return None
    value = Decimal(number)
    if item.unit is not None and item.scaler is not None:
        unit = UNITS.get(item.unit)
        return None if unit is None else (shift(value, item.scaler), unit)
    kind = kind_of(item.obis)
    scale = scales.get(kind[0]) if kind is not None else None
    if kind is None or scale is None or item.node.tag not in scale.types:
        return None
    return shift(value, scale.power), kind[1]


def _list_name(items: tuple[Item, ...]) -> str:
    """A list's name stands under its code, or bare before all else."""
    named = [text_of(item.node) for item in items if item.obis in _LIST_NAMES]
    bare = takewhile(lambda item: item.obis is None, items)
    return next(filter(None, (*named, *(text_of(item.node) for item in bare))), "")


def _last_text(items: tuple[Item, ...]) -> str:
    """The meter's number where it stands bare after all values (Austria)."""
    last = items[-1] if len(items) > 1 else None
    return text_of(last.node) if last and last.obis is None else ""


def _meter(found: Notification, items: tuple[Item, ...], list_name: str) -> MeterIdentity:
    """Maker by system title, list name or logical name; number by object or system title."""
    names = {item.obis: _name(item) for item in items if item.obis is not None}
    serial = next((names[code] for code in _SERIALS if not is_filler(names.get(code, ""))), "")
    last = _last_text(items)
    serial = serial or ("" if is_filler(last) else last)
    maker = list_name.partition("_")[0]
    maker = _MAKERS.get(maker, maker)
    if found.title:
        maker = found.title[:3].decode("latin-1")
        serial = serial or found.title[3:].hex().upper()
    if not maker:
        maker = names.get(_LOGICAL_NAME, "")[:3]
    return identity(maker, serial, names.get(_MODEL, ""))


def _name(item: Item) -> str:
    value = item.node.value
    return str(value) if isinstance(value, int) else text_of(item.node)


def _time(
    found: Notification, items: tuple[Item, ...], clock: MeterZone
) -> tuple[datetime, bool] | None:
    """The list's clock object, else the APDU's time, else a date-time that stands for itself."""
    objects = [item.node.value for item in items if item.obis in _CLOCKS]
    bare = [
        item.node.value
        for item in items
        if item.obis is None and item.node.tag in (Tag.OCTETS, Tag.DATE_TIME)
    ]
    for raw in (*objects, found.time, *bare):
        if isinstance(raw, bytes) and len(raw) == CLOCK_SIZE:
            at = instant(raw, clock)
            if at is not None:
                return at
    return None
