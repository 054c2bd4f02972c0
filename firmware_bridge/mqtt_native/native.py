"""The native payload: what own firmware publishes, on any topic, as JSON or msgpack.

How it works: `{"v": 1, "manufacturer", "serial", "at", "readings": [...]}`. A reading is a counter
at an instant, `{"obis", "value", "unit", "quality", "at"}`, or what was counted in an interval,
`{"obis", "value", "unit", "quality", "from", "period_s"}`. `value` is a string or an integer, `at`
and `from` are RFC 3339 or milliseconds since 1970 UTC; the `at` of a reading wins over that of the
payload. `unit` as printed by meters (kWh, m3); `quality` actual (the default), estimated, suspect,
power_failure.

Source: docs/reference/native-payload.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.reading import PERIOD_MAX_S, Kind, Quality, from_ms
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.telegram import (
    Observation,
    TelegramSyntaxError,
    TelegramUnsupportedError,
    normalise,
)
from firmware_bridge.mqtt_native.payload import mapping, number

READINGS_MAX = 1000
_VERSION = 1
_YEARS = range(2000, 2100)


def native(fields: Mapping[str, object]) -> Iterator[Observation]:
    """What a native payload measures.

    Args:
        fields: As parsed.

    Raises:
        TelegramSyntaxError: It breaks its rules.
        TelegramUnsupportedError: Its version is not known.
    """
    version = number(fields.get("v"))
    if version != _VERSION:
        message = f"Version {version} of the native payload is unknown."
        raise TelegramUnsupportedError(message, value=version)
    meter = identity(str(fields.get("manufacturer", "")), str(fields["serial"]))
    readings = fields["readings"]
    if not isinstance(readings, list) or len(readings) > READINGS_MAX:
        message = f"`readings` is not a list of at most {READINGS_MAX}."
        raise TelegramSyntaxError(message)
    for item in map(mapping, readings):
        if _has_no_value(item):
            continue
        value = number(item.get("value"))
        if value is None:
            message = "A `value` is not an integer or a decimal number as text."
            raise TelegramSyntaxError(message, value=item.get("value"))
        try:
            code = Obis.parse(str(item.get("obis")))
            quality = Quality[str(item.get("quality", "actual")).upper()]
        except (InvalidValueError, KeyError) as error:
            message = "A reading's `obis` or `quality` is not valid."
            raise TelegramSyntaxError(message, value=str(item)[:200]) from error
        exact, unit = normalise(value, str(item.get("unit", "")))
        kind, at, period_s = _span(item, fields)
        is_own = kind is Kind.INTERVAL or "at" in item
        yield Observation(meter, code, exact, unit, quality, at, kind, period_s, sampled=is_own)


def _has_no_value(item: Mapping[str, object]) -> bool:
    """Whether the device says that it has none: null, or a binary NaN or infinity."""
    value = item.get("value", "")
    return value is None or (isinstance(value, float) and not isfinite(value))


def _span(
    item: Mapping[str, object], fields: Mapping[str, object]
) -> tuple[Kind, datetime | None, int]:
    """Whether a reading is a counter at an instant, or what was counted in an interval."""
    if "from" not in item and "period_s" not in item:
        return Kind.REGISTER, instant(item.get("at", fields.get("at"))), 0
    start, period = instant(item.get("from")), number(item.get("period_s"))
    whole = period is not None and period == int(period) and 1 <= period <= PERIOD_MAX_S
    if start is None or period is None or not whole or "at" in item:
        message = f"An interval has `from`, and `period_s` of 1 to {PERIOD_MAX_S}, and no `at`."
        raise TelegramSyntaxError(message, value=str(item)[:200])
    return Kind.INTERVAL, start, int(period)


def instant(at: object) -> datetime | None:
    """The instant that RFC 3339, or milliseconds since 1970 UTC, tell; None for none.

    Raises:
        TelegramSyntaxError: It is neither, or no clock that was set shows it.
    """
    if at is None:
        return None
    moment = number(at)
    try:
        if moment is not None:
            return _in_range(from_ms(int(moment)))
        found = datetime.fromisoformat(str(at))
    except (ValueError, OverflowError) as error:
        message = "`at` is not an RFC 3339 time or milliseconds since 1970 UTC."
        raise TelegramSyntaxError(message, value=str(at)[:100]) from error
    if found.tzinfo is None:
        message = "`at` has no UTC offset. Write 2026-01-01T00:00:00Z."
        raise TelegramSyntaxError(message, value=str(at))
    return _in_range(found)


def _in_range(at: datetime) -> datetime:
    if at.year not in _YEARS:
        message = f"`at` is not between {_YEARS.start} and {_YEARS.stop}."
        raise TelegramSyntaxError(message, value=str(at))
    return at.astimezone(UTC)
