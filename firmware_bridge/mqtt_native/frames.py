"""Messages of devices that speak MQTT themselves: what they measure, and who they are.

How it works: topic and shape of the payload tell the firmware. Every device has an identity that
outlives its name where the message carries one (MAC, IEEE address), else its topic is its name.

native      any topic; see `firmware_bridge.mqtt_native.native`.
tasmota     `tele/<device>/SENSOR` with `ENERGY`; kWh and W, arrays are phases.
shelly 1    `shellies/<device>/emeter/<n>/total` and the like, one number each; Wh and W. The
            `energy` of a relay or roller counts watt-minutes: 60 J each.
shelly 2    `<device>/status/<component>:<n>`, and `<device>/events/rpc`; Wh and W.
zigbee      `zigbee2mqtt/<name>`, or any topic where the payload has `linkquality`; kWh and W,
            `power_a` or `power_phase_a` for a phase. `last_seen` is when the device was last heard:
            ISO 8601 or milliseconds since 1970 UTC.
others      as the files of `mappings` say.

Topics that ask a device for something (`.../set`, `.../get`, `cmnd/...`) and those of a bridge are
no device's. A time without offset is the device's local one; one before 2000 or from 2100 on is
none. A power factor from 2 to 100, of either sign, is in percent; up to 1.1 it is as sent, since
what meters round goes just above 1; any other is no value.

Sources: Tasmota docs (JSON status), Shelly Gen1 and Gen2 API references, Zigbee2MQTT exposes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from firmware_bridge.contract.reading import Quality, from_ms
from firmware_bridge.driver.local_clock import DEFAULT_ZONE, MeterZone
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.telegram import (
    Observation,
    TelegramError,
    TelegramSyntaxError,
    TelegramUnsupportedError,
)
from firmware_bridge.mqtt_native.mappings import NO_MAPPINGS, MqttMappings, shipped_mappings
from firmware_bridge.mqtt_native.measured import NO_TIME, Field, Seen, Time, seen
from firmware_bridge.mqtt_native.native import instant, native
from firmware_bridge.mqtt_native.payload import mapping, number, parse_payload
from firmware_bridge.mqtt_native.shapes import (
    asks,
    device_of_status,
    inner,
    measures_nothing,
    parts_of_status,
    topic_of,
)

# Codes of a first phase; C grows by 20 with each.
_TASMOTA: dict[str, Field] = {
    "Total": ("1.8.0", "kWh"),
    "ExportActive": ("2.8.0", "kWh"),
    "Power": ("1.7.0", "W"),
    "ApparentPower": ("9.7.0", "VA"),
    "ReactivePower": ("3.7.0", "var"),
    "Factor": ("13.7.0", "1"),
    "Frequency": ("14.7.0", "Hz"),
    "Voltage": ("12.7.0", "V"),
    "Current": ("11.7.0", "A"),
}
_ZIGBEE: dict[str, Field] = {
    "energy": ("1.8.0", "kWh"),
    "produced_energy": ("2.8.0", "kWh"),
    "energy_produced": ("2.8.0", "kWh"),
    # ZLinky and other meters with the cluster of metering.
    "current_summ_delivered": ("1.8.0", "kWh"),
    "current_summ_received": ("2.8.0", "kWh"),
    **{f"current_tier{n}_summ_delivered": (f"1.8.{n}", "kWh") for n in range(1, 10)},
    "apparent_power": ("9.7.0", "VA"),
    "reactive_power": ("3.7.0", "var"),
    "rms_voltage": ("12.7.0", "V"),
    "rms_current": ("11.7.0", "A"),
    "power": ("16.7.0", "W"),
    "voltage": ("12.7.0", "V"),
    "current": ("11.7.0", "A"),
    "ac_frequency": ("14.7.0", "Hz"),
    "power_factor": ("13.7.0", "1"),
}
_SHELLY_1: dict[tuple[str, str], Field] = {
    ("emeter", "total"): ("1.8.0", "Wh"),
    ("emeter", "total_returned"): ("2.8.0", "Wh"),
    ("emeter", "power"): ("16.7.0", "W"),
    ("emeter", "voltage"): ("12.7.0", "V"),
    ("emeter", "current"): ("11.7.0", "A"),
    ("emeter", "pf"): ("13.7.0", "1"),
    ("relay", "power"): ("16.7.0", "W"),
    ("relay", "energy"): ("1.8.0", "watt-minute"),
    ("roller", "power"): ("16.7.0", "W"),
    ("roller", "energy"): ("1.8.0", "watt-minute"),
}
_SHELLY_2: dict[str, Field] = {
    "apower": ("16.7.0", "W"),
    "act_power": ("16.7.0", "W"),
    "aprt_power": ("9.7.0", "VA"),
    "voltage": ("12.7.0", "V"),
    "current": ("11.7.0", "A"),
    "freq": ("14.7.0", "Hz"),
    "pf": ("13.7.0", "1"),
    "total_act": ("1.8.0", "Wh"),
    "total_act_ret": ("2.8.0", "Wh"),
    "total_act_energy": ("1.8.0", "Wh"),
    "total_act_ret_energy": ("2.8.0", "Wh"),
    "total_act_power": ("16.7.0", "W"),
    "total_aprt_power": ("9.7.0", "VA"),
}
_SHELLY_COMPONENT = re.compile(r"(?:switch|pm1|em|em1|emdata|em1data|cover|light):\d{1,3}")
_SHELLY_2_TOPIC = re.compile(r"(.{1,200})/(?:status/([a-z0-9]+:\d{1,3})|events/rpc)")
_SHELLY_1_TOPIC = re.compile(r"shellies/([^/]{1,100})/(emeter|relay|roller)/(\d{1,2})/(\w{1,20})")
_TASMOTA_TOPIC = re.compile(
    r"(?:.*/)?(?:tele/([^/]{1,100})/SENSOR|stat/([^/]{1,100})/STATUS\d{1,2})"
    r"|([^/]{1,100})/tele/SENSOR"
)
_TASMOTA_KIND = re.compile(
    r"(?:(?<=/)|^)(?:tele/(?=[^/]+/SENSOR$)|stat/(?=[^/]+/STATUS))|/(?:tele/)?SENSOR$|/STATUS\d+$"
)
_ZIGBEE_TOPIC = re.compile(r"zigbee2mqtt/(.{1,200})")
_ZIGBEE_PHASE = re.compile(r"(.+?)_(?:phase_)?([abc])")
_PHASES = {"a": 1, "b": 2, "c": 3}
_YEARS = range(2000, 2100)


class Decoded(NamedTuple):
    """What a message says.

    Args:
        observations: What it measures; empty for one of a known device that measures nothing.
        rest: Why something beside them could not be read; None where all was.
    """

    observations: tuple[Observation, ...]
    rest: TelegramError | None = None


def decode_message(
    topic: str,
    payload: bytes,
    zone: str = DEFAULT_ZONE,
    mappings: MqttMappings = NO_MAPPINGS,
) -> tuple[Observation, ...]:
    """What a message measures, see `decode`: for who asks for nothing else."""
    return decode(topic, payload, zone, mappings).observations


def decode(
    topic: str,
    payload: bytes,
    zone: str = DEFAULT_ZONE,
    mappings: MqttMappings = NO_MAPPINGS,
) -> Decoded:
    """What a message measures, and what of it could not be read.

    Args:
        topic: As published; empty where it is unknown: then the fields tell the firmware.
        payload: As published.
        zone: Of times without offset (Tasmota, Zigbee2MQTT).
        mappings: Of the gateway's own files; they go before the known firmware.

    Raises:
        TelegramSyntaxError: The payload is malformed, or a native one breaks its rules.
        TelegramTooLargeError: It is larger or deeper than any device's.
        TelegramUnsupportedError: Neither topic nor payload is of a known firmware.
    """
    if asks(topic):
        return Decoded(())
    is_valueless = measures_nothing(topic)
    try:
        content = parse_payload(payload)
    except TelegramError:
        if is_valueless:
            return Decoded(())
        raise
    mapped = mappings.observe(topic, content, zone)
    if mapped is not None:
        return _parted(mapped)
    if is_valueless:
        return Decoded(())
    fields = inner(mapping(content))
    return _parted(_observed(topic or topic_of(fields) or "", content, fields, zone))


def _parted(seen: Iterable[Seen]) -> Decoded:
    """What was read apart from what was not.

    Raises:
        TelegramError: Nothing was read, and this is the first reason.
    """
    observations: list[Observation] = []
    faults: list[TelegramError] = []
    for item in seen:
        if isinstance(item, TelegramError):
            faults.append(item)
        elif (fault := _without_place(item)) is not None:
            faults.append(fault)
        else:
            observations.append(item)
    if not faults:
        return Decoded(tuple(observations))
    first = faults[0]
    if not observations:
        raise first
    if len(faults) > 1:
        message = f"{first.message} In all {len(faults)} values of the message were not read."
        first = type(first)(message, value=first.value, remedy=first.remedy)
    return Decoded(tuple(observations), first)


def _without_place(seen: Observation) -> TelegramError | None:
    """Why a value has no place in the vocabulary; None where it has one."""
    if seen.obis is None or seen.storage or seen.meter_value() is not None:
        return None
    message = f"The value of {seen.obis}, {seen.value} {seen.unit}, has no place in 64 bits."
    remedy = "Correct its unit and scale in the mapping, or reset the device's counter."
    return TelegramSyntaxError(message, value=str(seen.value)[:100], remedy=remedy)


def device_topic(topic: str) -> str:
    """What the topics of one device have in common, where its firmware has several.

    Any other topic is taken whole: two topics that show one register are two devices then.
    """
    older = _SHELLY_1_TOPIC.fullmatch(topic)
    name = older[1] if older else device_of_status(topic)
    if name is not None:
        return f"shellies/{name}"
    newer = _SHELLY_2_TOPIC.fullmatch(topic)
    if newer is not None:
        return newer[1]
    return _TASMOTA_KIND.sub("", topic) if _TASMOTA_TOPIC.fullmatch(topic) else topic


def _observed(
    topic: str, content: object, fields: Mapping[str, object], zone: str
) -> Iterator[Seen]:
    if "readings" in fields and "serial" in fields:
        return native(fields)
    if "ENERGY" in fields:
        return _tasmota(topic, fields, zone)
    shelly = _shelly(topic, content, fields)
    if shelly is not None:
        return shelly
    named = _ZIGBEE_TOPIC.fullmatch(topic)
    if named is not None or "linkquality" in fields:
        # Under any other base the whole topic is its name.
        return _zigbee(named[1] if named else topic, fields, zone)
    shipped = shipped_mappings().observe(topic, content, zone)
    if shipped is not None:
        return iter(shipped)
    message = "Neither the topic nor the payload belongs to a known firmware."
    raise TelegramUnsupportedError(message, value=topic)


def _tasmota(topic: str, fields: Mapping[str, object], zone: str) -> Iterator[Seen]:
    match = _TASMOTA_TOPIC.fullmatch(topic)
    device = next((name for name in match.groups() if name), "") if match else topic
    meter = identity("Tasmota", device)
    at = _wall_time(fields.get("Time"), zone)
    energy = mapping(fields["ENERGY"])
    for name, kind in _TASMOTA.items():
        value = energy.get(name)
        if isinstance(value, list):
            for phase, part in enumerate(value[:3], start=1):
                yield from seen(meter, kind, part, at, phase)
        else:
            yield from seen(meter, kind, value, at)
    tariffs = energy.get("TotalTariff")
    for tariff, part in enumerate(tariffs[:4] if isinstance(tariffs, list) else (), start=1):
        yield from seen(meter, (f"1.8.{tariff}", "kWh"), part, at)


def _wall_time(text: object, zone: str) -> Time:
    """A device's own time; SUSPECT where autumn repeats it."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return NO_TIME
    if found.year not in _YEARS:
        return NO_TIME
    if found.tzinfo is not None:
        return found.astimezone(UTC), Quality.ACTUAL
    at, is_sure = MeterZone(zone).wall(found)
    return at, Quality.ACTUAL if is_sure else Quality.SUSPECT


def _shelly(topic: str, content: object, fields: Mapping[str, object]) -> Iterator[Seen] | None:
    """What a Shelly's message measures; None where it is none."""
    older = _SHELLY_1_TOPIC.fullmatch(topic)
    if older is not None:
        return _shelly_1(older, content)
    newer = _SHELLY_2_TOPIC.fullmatch(topic)
    if newer is not None:
        return _shelly_2(newer, fields)
    status = parts_of_status(topic, fields)
    return _shelly_1_status(status) if status else None


def _shelly_1(match: re.Match[str], value: object) -> Iterator[Seen]:
    device, group, channel, name = match.groups()
    kind = _SHELLY_1.get((group, name))
    if kind is not None:
        yield from seen(identity("Shelly", _channel(device, int(channel))), kind, value)


def _shelly_1_status(parts: list[tuple[str, object]]) -> Iterator[Seen]:
    for topic, value in parts:
        match = _SHELLY_1_TOPIC.fullmatch(topic)
        if match is not None:
            yield from _shelly_1(match, value)


def _channel(device: str, channel: int) -> str:
    return f"{device}#{channel}" if channel else device


def _shelly_2(match: re.Match[str], fields: Mapping[str, object]) -> Iterator[Seen]:
    device, component = match.groups()
    if component is not None:
        yield from _component(device, component, fields, NO_TIME)
        return
    source, params = fields.get("src"), mapping(fields.get("params"))
    moment = number(params.get("ts"))
    at = from_ms(int(moment * 1000)) if moment and 0 < moment < 10**11 else None
    time = (at, Quality.ACTUAL) if at is not None and at.year in _YEARS else NO_TIME
    for name, status in params.items():
        yield from _component(str(source or device), name, mapping(status), time)


def _component(
    device: str, component: str, status: Mapping[str, object], at: Time
) -> Iterator[Seen]:
    if _SHELLY_COMPONENT.fullmatch(component) is None:
        return
    meter = identity("Shelly", _channel(device, int(component.partition(":")[2])))
    for name, value in status.items():
        first, _, rest = name.partition("_")
        phase = _PHASES.get(first, 0) if rest else 0
        kind = _SHELLY_2.get(rest if phase else name)
        if kind is not None:
            yield from seen(meter, kind, value, at, phase)
    for name, text in (("aenergy", "1.8.0"), ("ret_aenergy", "2.8.0")):
        yield from seen(meter, (text, "Wh"), mapping(status.get(name)).get("total"), at)


def _zigbee(device_name: str, fields: Mapping[str, object], zone: str) -> Iterator[Seen]:
    device = mapping(fields.get("device"))
    address = device.get("ieeeAddr") or device.get("ieee_address") or device_name
    maker = str(device.get("manufacturerName") or "Zigbee")
    meter = identity(maker, str(address))
    at = _lastseen(fields.get("last_seen"), zone)
    for name, value in fields.items():
        phase = _ZIGBEE_PHASE.fullmatch(name)
        kind = _ZIGBEE.get(phase[1] if phase else name)
        if kind is not None:
            number_of = _PHASES[phase[2]] if phase else 0
            for item in seen(meter, kind, value, at, number_of):
                if isinstance(item, Observation):
                    yield replace(item, of_last_contact=True)
                else:
                    yield item


def _lastseen(at: object, zone: str) -> Time:
    try:
        return instant(at), Quality.ACTUAL
    except TelegramSyntaxError:
        return _wall_time(at, zone)  # "ISO_8601_local" may come without its offset; "N/A" is None
