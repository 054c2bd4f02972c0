"""What a virtual device publishes whose firmware is known by a mapping: the mapping backwards.

Source: docs/reference/mqtt-mappings.md.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import to_ms
from firmware_bridge.driver.local_clock import DEFAULT_ZONE
from firmware_bridge.driver.telegram import normalise, shift
from firmware_bridge.mqtt_native.mappings.document import (
    EVERY,
    PART,
    MappedDevice,
    MappedTime,
    MappedValue,
)
from firmware_bridge.mqtt_native.payload import dumped
from firmware_bridge.simulator.display import instant
from firmware_bridge.simulator.meter import VirtualMeter

Message = tuple[str, bytes]
_MEMBER = "meter"
_TARIFF = 4
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_ALONE = "devices/"


def mapped_messages(device: MappedDevice, meter: VirtualMeter) -> list[Message]:
    """What the device publishes now, each value in the unit that its mapping names.

    Args:
        device: How it is read.
        meter: What it shows.
    """
    at = instant(meter)
    serial = meter.serial_at(at)
    topic = mapped_topic(device, serial)
    messages: list[Message] = []
    for below in dict.fromkeys(value.topic for value in device.values):
        content: object = None
        written: set[Obis] = set()
        for value in device.values:
            if value.topic == below and value.obis not in written:
                written.add(value.obis)
                content = _put(content, value.path, _sent(meter, value, at))
        content = _with_context(device, content, serial, at)
        messages.append((topic if below is None else f"{topic}/{below}", dumped(content)))
    return messages


def mapped_topic(device: MappedDevice, serial: str) -> str:
    """Where the device with a number publishes."""
    named = {name for text in device.serials for name, _ in PART.findall(text)}

    def filled(match: re.Match[str]) -> str:
        return "" if match[2] and match[1] not in named else serial

    topic = PART.sub(filled, device.topic)
    return topic or f"{_ALONE}{serial}"


def _sent(meter: VirtualMeter, value: MappedValue, at: datetime) -> Decimal:
    shown = meter.show(_register(value.obis), at)
    base = normalise(Decimal(1), value.unit)[0]
    return shift(Decimal(shown.mantissa), shown.exponent - base.adjusted() - value.scale)


def _register(code: Obis) -> Obis:
    """What a device counts as a code: all of it in its first tariff."""
    tariff = code.code[_TARIFF]
    return Obis(bytes((*code.code[:_TARIFF], 0, code.code[-1]))) if tariff == 1 else code


def _with_context(device: MappedDevice, values: object, serial: str, at: datetime) -> object:
    """The values with what else their mapping looks for in a message."""
    if device.each is None and not isinstance(values, dict):
        return values
    content = values
    for text in device.serials[:1]:
        if not PART.search(text):
            is_hex = device.serial_form == "hex"
            content = _put(content, text, serial.encode().hex() if is_hex else serial)
    for path, text in device.where.items():
        content = _put(content, path, text)
    if device.time is not None and device.each is None:
        content = _put(content, device.time.path, _time(device.time, at))
    if device.each is not None:
        content = {_MEMBER: content} if device.each == EVERY else _put(None, device.each, [content])
        if device.time is not None:
            content = _put(content, device.time.path, _time(device.time, at))
    for path in device.needs:
        content = content if _holds(content, path) else _put(content, path, "1")
    return content


def _time(time: MappedTime, at: datetime) -> object:
    local = at.astimezone(ZoneInfo(DEFAULT_ZONE))
    return {
        "rfc3339": at.isoformat(),
        "local": f"{local:%Y-%m-%dT%H:%M:%S}",
        "stamp": f"{local:%y%m%d%H%M%S}",
        "seconds": to_ms(at) // 1000,
        "milliseconds": to_ms(at),
    }[time.form]


def _put(content: object, path: str | None, value: object) -> object:
    """The content with a value at a place."""
    if path is None:
        return value
    step, rest = _STEP.findall(path)[0], path[len(_STEP.findall(path)[0]) :].lstrip(".")
    if step.startswith("["):
        index = int(step[1:-1])
        items = list(content) if isinstance(content, list) else []
        items += [Decimal(0)] * (index + 1 - len(items))
        items[index] = _put(items[index], rest or None, value)
        return items
    fields = dict(content) if isinstance(content, dict) else {}
    fields[step] = _put(fields.get(step), rest or None, value)
    return fields


def _holds(content: object, path: str) -> bool:
    return isinstance(content, dict) and path in content
