"""What topics are for, and what the fields of a message alone say of its firmware.

Sources: Tasmota docs (MQTT, STATUS 10), Shelly Gen1 (MQTT, `/status`) and Gen2 (MQTT,
`Shelly.GetStatus`, `NotifyStatus`) API references, Zigbee2MQTT message format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from firmware_bridge.mqtt_native.payload import mapping

_SHELLY_2_FIELDS = frozenset(
    {
        *("apower", "aenergy", "act_power", "aprt_power", "total_act_power", "a_act_power"),
        *("total_act", "total_act_energy", "a_total_act_energy"),
    }
)
_SHELLY_1_GROUPS = {"emeters": "emeter", "meters": "relay"}
# What a relay calls its energy in its status, and what it publishes it as.
_SHELLY_1_NAMES = {("relay", "total"): "energy"}
_SHELLY_1_STATUS = re.compile(r"shellies/([^/]{1,100})/(?:info|status)")
_ASKS = re.compile(
    r"(?:^|/)cmnd/|/(?:set|get|command)$|(?:^|/)bridge/(?:state|info|devices|groups|definitions"
    r"|extensions|converters|logging|health|event|log|config|request/.+|response/.+)$"
    r"|^zigbee2mqtt/(?:bridge/|.+/(?:set|get)/)",
    re.ASCII,
)
# Of the first generation, what `frames` reads stands under a group and a channel.
_SHELLY_1_OTHERS = (
    r"^shellies/(?:announce$|[^/]+/(?!(?:emeter|relay|roller)/\d{1,2}/\w+$|(?:info|status)$).)"
    r"|^shellies/[^/]+/(?:emeter|relay|roller)/\d{1,2}/(?:overpower_value|command|on|energy_reset"
    r"|pos|last_direction|stop_reason)$"
)
# `shellyplus1pm-441793d69718`: the name that a device of the second generation gives itself.
_SHELLY_2_OTHERS = (
    r"^(?!shellies/)(?:.+/)?shelly[a-z0-9]+-[0-9a-fA-F]{6,12}/(?:announce|debug/log|info|status)$"
    r"|/status/(?:sys|wifi|cloud|mqtt|ble|ws|eth|bthome|ui)$"
)
_TASMOTA_OTHERS = (
    r"(?:^|/)tele/(?:[^/]+/)?(?:STATE|LWT|UPTIME|INFO\d|HASS_STATE|MARGINS|WAKEUP|RESULT)$"
    r"|(?:^|/)stat/(?:[^/]+/)?(?:RESULT|LOGGING|UPGRADE|POWER\d*|STATUS[1-79]?|STATUS11)$"
    r"|^tasmota/discovery/"
)
_OTHERS = re.compile(f"{_SHELLY_1_OTHERS}|{_SHELLY_2_OTHERS}|{_TASMOTA_OTHERS}", re.ASCII)


def asks(topic: str) -> bool:
    """Whether what is published on a topic asks a device, or a bridge, for something."""
    return _ASKS.search(topic) is not None


def measures_nothing(topic: str) -> bool:
    """Whether a known firmware says there what is no value, such as whether a relay is on.

    Args:
        topic: As published. What stands there need not be JSON.
    """
    return _OTHERS.search(topic) is not None


def topic_of(fields: Mapping[str, object]) -> str | None:
    """The topic under which a device would have published these fields; None for no known one."""
    if "ENERGY" in fields:
        return ""
    if "src" in fields and "params" in fields:
        return f"{fields['src']}/events/rpc"
    if fields.keys() & _SHELLY_2_FIELDS:
        part = fields.get("id")
        return f"unknown/status/switch:{part if _is_channel(part) else 0}"
    if "linkquality" in fields:
        return "zigbee2mqtt/unknown"
    return None


def inner(fields: Mapping[str, object]) -> Mapping[str, object]:
    """The fields that an answer to a query wraps, else the fields themselves."""
    if "StatusSNS" in fields:
        return mapping(fields["StatusSNS"])
    if isinstance(fields.get("result"), dict) and "src" in fields:
        return {"src": fields["src"], "params": fields["result"]}
    if "sys" in fields and any(":" in name for name in fields):
        device = mapping(fields["sys"]).get("mac", "unknown")
        return {"src": device, "params": dict(fields)}
    return fields


def device_of_status(topic: str) -> str | None:
    """The first generation Shelly that tells its whole status on a topic; None for any other."""
    named = _SHELLY_1_STATUS.fullmatch(topic)
    return named[1] if named else None


def parts_of_status(topic: str, fields: Mapping[str, object]) -> list[tuple[str, object]]:
    """Topics and values of a first generation Shelly's whole status; empty for anything else.

    Args:
        topic: As published; the device's own (`shellies/shellyem-B9F6A4/info`) names it as its
            other topics do. Empty for an answer over HTTP, which has its address alone.
        fields: Of the message.
    """
    found: list[tuple[str, object]] = []
    address = fields.get("mac") or mapping(fields.get("device")).get("mac")
    device = device_of_status(topic) or address or "unknown"
    for name, group in _SHELLY_1_GROUPS.items():
        channels = fields.get(name)
        for place, channel in enumerate(channels[:8] if isinstance(channels, list) else ()):
            values = mapping(channel)
            if values.get("is_valid") is False:
                continue
            for field, value in values.items():
                published = _SHELLY_1_NAMES.get((group, field), field)
                found.append((f"shellies/{device}/{group}/{place}/{published}", value))
    return found


def _is_channel(part: object) -> bool:
    return str(part).isdecimal() and len(str(part)) <= 3  # noqa: PLR2004 - as the topic bounds it
