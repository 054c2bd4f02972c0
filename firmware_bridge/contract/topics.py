"""The MQTT topics of Meterline."""

from __future__ import annotations

import re

from firmware_bridge.contract.errors import InvalidValueError

ROOT = "meterline/v1"
ALL_DOWN = f"{ROOT}/all/down"
UP_FILTER = f"{ROOT}/gw/+/up"
STATUS_FILTER = f"{ROOT}/gw/+/status"
QOS = 1
# Who the centre is at a broker, by its certificate; names of its kind are no gateway's.
CENTRE = "meterline-central"
_RESERVED = "meterline-"

_GATEWAY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TOPIC = re.compile(rf"{ROOT}/gw/({_GATEWAY.pattern})/(up|down|status|cmd|cfg)")


def check_gateway(gateway: str) -> str:
    """The same text, if it can name a gateway.

    Raises:
        InvalidValueError: It is not 1 to 63 of a-z, 0-9 and hyphen, hyphen not first.
    """
    if _GATEWAY.fullmatch(gateway) is None:
        message = f"{gateway!r} is not a gateway's name: use a-z, 0-9 and -, such as gw-07."
        raise InvalidValueError(message, value=gateway)
    return gateway


def check_new_gateway(gateway: str) -> str:
    """The same text, if a new gateway may be called so.

    Raises:
        InvalidValueError: It cannot name a gateway, or a broker takes such names for the centre's.
    """
    if check_gateway(gateway).startswith(_RESERVED):
        message = f"{gateway!r} is reserved: names that begin with {_RESERVED} are the centre's."
        raise InvalidValueError(message, value=gateway)
    return gateway


def up(gateway: str) -> str:
    """Where a gateway publishes batches and hellos."""
    return f"{ROOT}/gw/{gateway}/up"


def down(gateway: str) -> str:
    """Where the centre answers one gateway."""
    return f"{ROOT}/gw/{gateway}/down"


def status(gateway: str) -> str:
    """Where a gateway's retained status and last will stand."""
    return f"{ROOT}/gw/{gateway}/status"


def configuration(gateway: str) -> str:
    """Where the centre leaves, retained, the configuration of one gateway."""
    return f"{ROOT}/gw/{gateway}/cfg"


def command(gateway: str) -> str:
    """Where the centre leaves, retained, the last update announced to one gateway."""
    return f"{ROOT}/gw/{gateway}/cmd"


def gateway_of(topic: str) -> str:
    """The gateway that a topic belongs to.

    Raises:
        InvalidValueError: The topic is not one of a gateway.
    """
    match = _TOPIC.fullmatch(topic)
    if match is None:
        message = f"{topic!r} is not the topic of a gateway."
        raise InvalidValueError(message, value=topic)
    return match[1]
