"""The values of thresholds as text, exact: 3, 1.1, 24h."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from central.domain.vee.rule import ThresholdKind, ThresholdValue
from firmware_bridge.contract.errors import InvalidValueError

_UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_DURATION = re.compile(r"(\d{1,6})(s|min|h)")
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?")
_COUNT = re.compile(r"\d{1,9}")


def threshold_text(value: ThresholdValue) -> str:
    """A value as `threshold_value` reads it."""
    if isinstance(value, timedelta):
        unit = next(unit for unit in ("h", "min", "s") if not value % _UNITS[unit])
        return f"{value // _UNITS[unit]}{unit}"
    if isinstance(value, int):
        return str(value)
    whole, rest = divmod(value, 1)
    digits = f"{rest * 10**9 // 1:09d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def threshold_value(kind: ThresholdKind, text: str) -> ThresholdValue:
    """The value that a text says.

    Args:
        kind: What it is to be.
        text: A count like 3; a ratio or quantity like 1.1; a duration like 30s, 15min or 24h.

    Raises:
        InvalidValueError: It is something else.
    """
    if kind is ThresholdKind.COUNT and _COUNT.fullmatch(text):
        return int(text)
    if kind in {ThresholdKind.RATIO, ThresholdKind.QUANTITY} and _NUMBER.fullmatch(text):
        return Fraction(text)
    if kind is ThresholdKind.DURATION and (parts := _DURATION.fullmatch(text)):
        return int(parts[1]) * _UNITS[parts[2]]
    message = f"{text!r} is not a {kind.value}, such as {_EXAMPLES[kind]}."
    raise InvalidValueError(message, value=text)


_EXAMPLES = {
    ThresholdKind.COUNT: "3",
    ThresholdKind.RATIO: "1.1",
    ThresholdKind.QUANTITY: "25000",
    ThresholdKind.DURATION: "24h",
}
