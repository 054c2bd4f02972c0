"""When the local days of a service begin: at midnight, or at 06:00 as gas days do."""

from __future__ import annotations

import re
from datetime import time

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.interval import MIDNIGHT

NOON = time(12)
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def read_day_start(text: str) -> time:
    """The time of day that a text such as 06:00 says.

    Raises:
        InvalidValueError: It is no such text, or not before noon.
    """
    match = _TIME.fullmatch(text)
    at = None if match is None else time(int(match[1]), int(match[2]))
    if at is None or at >= NOON:
        message = f"{text!r} is not a time before noon at which days begin."
        raise InvalidValueError(message, value=text, remedy="Write it as 06:00.")
    return at


def day_start_text(at: time) -> str:
    """A time of day as `read_day_start` reads it."""
    return f"{at:%H:%M}"


def from_day_start(at: time) -> str:
    """What a sentence says of days that do not begin at midnight; nothing of others."""
    return "" if at == MIDNIGHT else f" from {day_start_text(at)}"
