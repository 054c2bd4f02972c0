"""What topics are for, and what the fields of a message alone say of its firmware.

Sources: Tasmota docs (STATUS 10), Shelly Gen1 (`/status`) and Gen2 (`Shelly.GetStatus`,
`NotifyStatus`) API references, Zigbee2MQTT message format.
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
_ASKS = re.compile(
    r"(?:^|/)cmnd/|/(?:set|get|command)$|(?:^|/)bridge/(?:state|info|devices|groups|definitions"
    r"|extensions|converters|logging|health|event|log|config|request/.+|response/.+)$"
    r"|^zigbee2mqtt/(?:bridge/|.+/(?:set|get)/)",
    re.ASCII,
)


def asks(topic: str) -> bool:
    """Whether what is published on a topic asks a device, or a bridge, for something."""
    return _ASKS.search(topic) is not None


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


def parts_of_status(fields: Mapping[str, object]) -> list[tuple[str, object]]:
    """Topics and values of a first generation Shelly's whole status; empty for anything else."""
    found: list[tuple[str, object]] = []
    device = fields.get("mac") or mapping(fields.get("device")).get("mac") or "unknown"
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
