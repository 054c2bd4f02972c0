"""Keys on the command line. They are secrets: no message repeats one."""

from __future__ import annotations

from typing import Never

import typer

from firmware_bridge.codec.hex_dump import from_hex

METER_KEY, METER_AUTH_KEY = "METERLINE_METER_KEY", "METERLINE_METER_AUTH_KEY"
MQTT_PASSWORD = "METERLINE_MQTT_PASSWORD"  # noqa: S105 - the name of a variable
_KEY_SIZES = (16, 24, 32)


def parse_key(text: str) -> bytes | None:
    """The key that hex digits spell; None for an empty text.

    Raises:
        typer.BadParameter: They spell none.
    """
    if not text:
        return None
    key = from_hex(text.encode("utf-8", "replace"))
    if key is None or len(key) not in _KEY_SIZES:
        _refuse()
    return key


def _refuse() -> Never:
    message = "A key is 32 hex digits."
    raise typer.BadParameter(message)
