"""What virtual devices that speak MQTT themselves publish: topics and payloads.

Sources: Tasmota docs (JSON status), Shelly Gen1 and Gen2 API references, Zigbee2MQTT exposes;
docs/reference/meter-protocols.md for the native payload.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgpack

from firmware_bridge.contract.obis import ACTIVE_EXPORT, ACTIVE_IMPORT, ACTIVE_POWER_IMPORT
from firmware_bridge.contract.reading import to_ms
from firmware_bridge.driver.local_clock import DEFAULT_ZONE
from firmware_bridge.mqtt_native.mappings import mapping_names, shipped_mapping
from firmware_bridge.simulator.display import MAKER, instant, numbers, signed_power
from firmware_bridge.simulator.meter import VirtualMeter
from firmware_bridge.simulator.mqtt.mapped import mapped_messages, mapped_topic

Message = tuple[str, bytes]


class Device(StrEnum):
    """The firmware."""

    TASMOTA = "tasmota"
    SHELLY_1 = "shelly1"
    SHELLY_2 = "shelly2"
    ZIGBEE = "zigbee2mqtt"
    NATIVE_JSON = "native-json"
    NATIVE_MSGPACK = "native-msgpack"


def device_names() -> tuple[str, ...]:
    """All firmware that a virtual device can have: this module's, and the shipped mappings."""
    return (*Device, *mapping_names())


def messages(device: str, meter: VirtualMeter) -> list[Message]:
    """What the device publishes now: energies in Wh resolution, power in W.

    Args:
        device: One of `device_names`.
        meter: What it shows.
    """
    if device in mapping_names():
        return mapped_messages(shipped_mapping(device)[0], meter)
    return _DEVICES[Device(device)](meter)


def topics(device: str, serial: str) -> list[str]:
    """Filters that match what it publishes."""
    if device in mapping_names():
        mapped = shipped_mapping(device)[0]
        topic = mapped_topic(mapped, serial)
        return [f"{topic}/#"] if any(value.topic for value in mapped.values) else [topic]
    firmware = Device(device)
    name = _name(firmware, serial)
    return {
        Device.TASMOTA: [f"tele/{name}/SENSOR"],
        Device.SHELLY_1: [f"shellies/{name}/emeter/0/+"],
        Device.SHELLY_2: [f"{name}/events/rpc"],
        Device.ZIGBEE: [f"zigbee2mqtt/{name}"],
    }.get(firmware, [f"meters/{name}"])


def _name(device: Device, serial: str) -> str:
    prefixes = {Device.TASMOTA: "tasmota_", Device.SHELLY_1: "shellyem-"}
    prefixes |= {Device.SHELLY_2: "shellypro3em-", Device.ZIGBEE: "plug-"}
    return prefixes.get(device, "") + serial


def _tasmota(meter: VirtualMeter) -> list[Message]:
    at = instant(meter)
    shown = numbers(meter, at)
    energy = {
        "Total": _kwh(shown[ACTIVE_IMPORT]),
        "ExportActive": _kwh(shown[ACTIVE_EXPORT]),
        "Power": shown[ACTIVE_POWER_IMPORT],
    }
    # Numbers of three decimals are written as they are, so nothing passes through a float.
    body = ",".join(f'"{key}":{value}' for key, value in energy.items())
    # Its own local time, without an offset.
    local = at.astimezone(ZoneInfo(DEFAULT_ZONE))
    payload = f'{{"Time":"{local:%Y-%m-%dT%H:%M:%S}","ENERGY":{{{body}}}}}'
    return [(f"tele/{_name(Device.TASMOTA, meter.serial)}/SENSOR", payload.encode())]


def _shelly_1(meter: VirtualMeter) -> list[Message]:
    at = instant(meter)
    shown = numbers(meter, at)
    base = f"shellies/{_name(Device.SHELLY_1, meter.serial)}/emeter/0"
    return [
        (f"{base}/total", str(shown[ACTIVE_IMPORT]).encode()),
        (f"{base}/total_returned", str(shown[ACTIVE_EXPORT]).encode()),
        (f"{base}/power", str(signed_power(meter, at)).encode()),
    ]


def _shelly_2(meter: VirtualMeter) -> list[Message]:
    at = instant(meter)
    shown = numbers(meter, at)
    name = _name(Device.SHELLY_2, meter.serial)
    params = {
        "ts": int(at.timestamp()),
        "em:0": {"id": 0, "total_act_power": signed_power(meter, at)},
        "emdata:0": {
            "id": 0,
            "total_act": shown[ACTIVE_IMPORT],
            "total_act_ret": shown[ACTIVE_EXPORT],
        },
    }
    call = {"src": name, "dst": f"{name}/events", "method": "NotifyStatus", "params": params}
    return [(f"{name}/events/rpc", json.dumps(call).encode())]


def _zigbee(meter: VirtualMeter) -> list[Message]:
    at = instant(meter)
    shown = numbers(meter, at)
    address = f"0x00158d00{int(meter.serial):08x}"
    payload = (
        f'{{"energy":{_kwh(shown[ACTIVE_IMPORT])},'
        f'"produced_energy":{_kwh(shown[ACTIVE_EXPORT])},"power":{signed_power(meter, at)},'
        f'"device":{{"ieeeAddr":"{address}","manufacturerName":"{MAKER}"}}}}'
    )
    return [(f"zigbee2mqtt/{_name(Device.ZIGBEE, meter.serial)}", payload.encode())]


def _native(meter: VirtualMeter, pack: Callable[[object], bytes]) -> list[Message]:
    at = instant(meter)
    shown = numbers(meter, at)
    readings = [
        {"obis": "1-0:1.8.0", "value": _kwh(shown[ACTIVE_IMPORT]), "unit": "kWh"},
        {"obis": "1-0:2.8.0", "value": shown[ACTIVE_EXPORT], "unit": "Wh"},
    ]
    serial = meter.serial_at(at)
    body = {"v": 1, "manufacturer": MAKER, "serial": serial, "at": to_ms(at), "readings": readings}
    return [(f"meters/{_name(Device.NATIVE_JSON, meter.serial)}", pack(body))]


def _kwh(wh: int) -> str:
    return f"{wh // 1000}.{wh % 1000:03d}"


_DEVICES: dict[Device, Callable[[VirtualMeter], list[Message]]] = {
    Device.TASMOTA: _tasmota,
    Device.SHELLY_1: _shelly_1,
    Device.SHELLY_2: _shelly_2,
    Device.ZIGBEE: _zigbee,
    Device.NATIVE_JSON: lambda meter: _native(meter, lambda body: json.dumps(body).encode()),
    Device.NATIVE_MSGPACK: lambda meter: _native(meter, msgpack.packb),
}
