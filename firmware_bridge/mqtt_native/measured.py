"""One value of a device's message as an observation, or why it is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import Quality
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.telegram import (
    Observation,
    TelegramError,
    TelegramSyntaxError,
    normalise,
)
from firmware_bridge.iec62056_21.datasets import checked_obis
from firmware_bridge.mqtt_native.payload import has_no_value, number

Field = tuple[str, str]
"""An OBIS code, whose C is that of a first phase, and a unit."""
Seen = Observation | TelegramError
"""A value, or why it could not be read."""
# No factor lies above the one, and no firmware sends percents below the other.
_FACTOR_MAX = Decimal("1.1")
_PERCENT_MIN, _PERCENT_MAX = Decimal(2), Decimal(100)


def _code(text: str, phase: int = 0) -> Obis:
    c, _, rest = text.partition(".")
    return checked_obis(f"1-0:{int(c) + 20 * phase}.{rest}")


Time = tuple[datetime | None, Quality]
"""When a device measured, by its own word, and what that is worth."""
NO_TIME: Time = (None, Quality.ACTUAL)


def seen(
    meter: MeterIdentity,
    kind: Field,
    value: object,
    time: Time = NO_TIME,
    phase: int = 0,
) -> Iterator[Seen]:
    """A value of a message, or why it is none; nothing where the device says that it has none.

    Args:
        meter: The device.
        kind: What it measures.
        value: As sent.
        time: When.
        phase: From 1; 0 for the device as a whole.
    """
    text, unit = kind
    sent = number(value)
    if sent is None:
        if isinstance(value, str) and not has_no_value(value):
            message = f"The value of {_code(text, phase)}, {value[:40]!r}, is not a number."
            remedy = "Look at what the device shows; a number has up to 38 digits."
            yield TelegramSyntaxError(message, value=value[:100], remedy=remedy)
        return
    if unit == "watt-minute":
        sent, unit = sent * 60, "J"
    if text.startswith("13."):
        factor = _power_factor(sent)
        if factor is None:
            return
        sent = factor
    exact, base = normalise(sent, unit)
    at, quality = time
    yield Observation(meter, _code(text, phase), exact, base, quality, meter_time=at)


def _power_factor(sent: Decimal) -> Decimal | None:
    """A power factor as a number near 1 or below; None for what is none in any unit."""
    if abs(sent) <= _FACTOR_MAX:
        return sent
    return sent.scaleb(-2) if _PERCENT_MIN <= abs(sent) <= _PERCENT_MAX else None
