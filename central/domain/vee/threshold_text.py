"""The values of thresholds as text, exact: 3, 1.1, 24h, 5000 EUR."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from central.domain.vee.rule import Amounts, Names, ThresholdKind, ThresholdValue
from firmware_bridge.contract.errors import InvalidValueError

_UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_DURATION = re.compile(r"(\d{1,6})(s|min|h)")
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?")
_COUNT = re.compile(r"\d{1,9}")
_AMOUNT = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ([A-Z]{3})")


def threshold_text(value: ThresholdValue) -> str:
    """A value as `threshold_value` reads it."""
    if isinstance(value, timedelta):
        unit = next(unit for unit in ("h", "min", "s") if not value % _UNITS[unit])
        return f"{value // _UNITS[unit]}{unit}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return ", ".join(_listed(value))
    whole, rest = divmod(value, 1)
    digits = f"{rest * 10**9 // 1:09d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _listed(value: Names | Amounts) -> list[str]:
    return [
        entry if isinstance(entry, str) else f"{threshold_text(entry[1])} {entry[0]}"
        for entry in value
    ]


def threshold_value(kind: ThresholdKind, text: str) -> ThresholdValue:
    """The value that a text says.

    Args:
        kind: What it is to be.
        text: A count like 3; a ratio or quantity like 1.1; a duration like 30s, 15min or 24h; names
            like a, b; amounts like 5000 EUR, 20000000 COP.

    Raises:
        InvalidValueError: It is something else.
    """
    if kind is ThresholdKind.COUNT and _COUNT.fullmatch(text):
        return int(text)
    if kind in {ThresholdKind.RATIO, ThresholdKind.QUANTITY} and _NUMBER.fullmatch(text):
        return Fraction(text)
    if kind is ThresholdKind.DURATION and (parts := _DURATION.fullmatch(text)):
        return int(parts[1]) * _UNITS[parts[2]]
    listed = [entry.strip() for entry in text.split(",") if entry.strip()]
    if kind is ThresholdKind.NAMES:
        return tuple(sorted(set(listed)))
    if kind is ThresholdKind.AMOUNTS and all(map(_AMOUNT.fullmatch, listed)):
        pairs = (entry.split(" ") for entry in listed)
        return tuple(sorted({currency: Fraction(amount) for amount, currency in pairs}.items()))
    what = "a list of amounts" if kind is ThresholdKind.AMOUNTS else f"a {kind.value}"
    message = f"{text!r} is not {what}, such as {_EXAMPLES[kind]}."
    raise InvalidValueError(message, value=text)


_EXAMPLES = {
    ThresholdKind.COUNT: "3",
    ThresholdKind.RATIO: "1.1",
    ThresholdKind.QUANTITY: "25000",
    ThresholdKind.DURATION: "24h",
    ThresholdKind.NAMES: "residential, residential-tou",
    ThresholdKind.AMOUNTS: "5000 EUR, 20000000 COP",
}
