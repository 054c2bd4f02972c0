"""The native payload: what own firmware publishes, on any topic, as JSON or msgpack.

How it works: `{"v": 1, "manufacturer", "serial", "at", "readings": [...]}`. A reading is a counter
at an instant, `{"obis", "value", "unit", "quality", "at"}`, or what was counted in an interval,
`{"obis", "value", "unit", "quality", "from", "period_s"}`. `value` is a string or an integer, `at`
and `from` are RFC 3339 or milliseconds since 1970 UTC; the `at` of a reading wins over that of the
payload. `unit` as printed by meters (kWh, m3); `quality` actual (the default), estimated, suspect,
power_failure. A reading that breaks these rules is named, and costs no other one.

Source: docs/reference/native-payload.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from firmware_bridge.contract.errors import InvalidValueError
from firmware_bridge.contract.obis import Obis
from firmware_bridge.contract.quantity import Quantity, Unit
from firmware_bridge.contract.reading import PERIOD_MAX_S, Kind, Quality, from_ms
from firmware_bridge.driver.code_units import counted_in
from firmware_bridge.driver.interface import MeterIdentity
from firmware_bridge.driver.naming import identity
from firmware_bridge.driver.telegram import (
    Observation,
    TelegramError,
    TelegramSyntaxError,
    TelegramUnsupportedError,
    normalise,
)
from firmware_bridge.mqtt_native.payload import has_no_value, mapping, number

READINGS_MAX = 1000
_VERSION = 1
_YEARS = range(2000, 2100)
_SHOWN_MAX = 200


def native(fields: Mapping[str, object]) -> Iterator[Observation | TelegramError]:
    """What a native payload measures, and why a reading of it could not be taken.

    Args:
        fields: As parsed.

    Raises:
        TelegramSyntaxError: What goes for all of its readings breaks the rules.
        TelegramUnsupportedError: Its version is not known.
    """
    version = number(fields.get("v"))
    if version != _VERSION:
        message = f"Version {version} of the native payload is unknown."
        remedy = f'Send `"v": {_VERSION}`, as docs/reference/native-payload.md has it.'
        raise TelegramUnsupportedError(message, value=str(fields.get("v"))[:50], remedy=remedy)
    meter = identity(_name(fields, "manufacturer"), _name(fields, "serial"))
    readings = fields["readings"]
    if not isinstance(readings, list) or len(readings) > READINGS_MAX:
        message = f"`readings` is not a list of at most {READINGS_MAX}."
        remedy = "Send more readings in a payload of their own."
        raise TelegramSyntaxError(message, remedy=remedy)
    for number_of, item in enumerate(map(mapping, readings), start=1):
        if has_no_value(item.get("value", "")):
            continue
        try:
            yield _observed(meter, item, fields)
        except TelegramSyntaxError as error:
            message = f"Reading {number_of} ({str(item.get('obis'))[:30]}): {error.message}"
            yield TelegramSyntaxError(message, value=str(item)[:_SHOWN_MAX], remedy=error.remedy)


def _name(fields: Mapping[str, object], member: str) -> str:
    value = fields.get(member, "")
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        message = f"`{member}` is not text."
        raise TelegramSyntaxError(message, remedy=f"Send `{member}` as text in quotes.")
    return str(value)


def _observed(
    meter: MeterIdentity, item: Mapping[str, object], fields: Mapping[str, object]
) -> Observation:
    value = number(item.get("value"))
    if value is None:
        message = "`value` is not an integer or a decimal number as text."
        remedy = "Send up to 18 digits, with a point and without an exponent; null for no value."
        raise TelegramSyntaxError(message, remedy=remedy)
    try:
        code = Obis.parse(str(item.get("obis")))
    except InvalidValueError as error:
        message = "`obis` is no OBIS code."
        remedy = "Send it as 1-0:1.8.0."
        raise TelegramSyntaxError(message, remedy=remedy) from error
    try:
        quality = Quality[str(item.get("quality", "actual")).upper()]
    except KeyError as error:
        message = f"`quality` is {str(item.get('quality'))[:30]!r}."
        remedy = f"Send one of {', '.join(each.name.lower() for each in Quality)}."
        raise TelegramSyntaxError(message, remedy=remedy) from error
    exact, unit = _in_unit(code, value, item.get("unit"))
    kind, at, period_s = _span(item, fields)
    is_own = kind is Kind.INTERVAL or "at" in item
    return Observation(meter, code, exact, unit, quality, at, kind, period_s, sampled=is_own)


def _in_unit(code: Obis, value: Decimal, spelled: object) -> tuple[Decimal, str]:
    """The value in the vocabulary's unit, which must be one that the code is counted in."""
    if not isinstance(spelled, str) or not spelled.strip():
        message = "The reading has no `unit`."
        remedy = 'Send the unit that the meter shows, such as kWh or m3; "1" for a plain count.'
        raise TelegramSyntaxError(message, remedy=remedy)
    exact, unit = normalise(value, spelled)
    expected = counted_in(code)
    try:
        quantity = Quantity.from_decimal(exact, Unit(unit))
    except InvalidValueError as error:
        message = "`value` has more digits than a counter of 64 bits."
        remedy = "Send up to 18 digits; subtract nothing: send the counter that the meter shows."
        raise TelegramSyntaxError(message, remedy=remedy) from error
    except ValueError as error:
        message = f"The unit {spelled[:20]!r} is unknown."
        remedy = "Send one of those that docs/reference/native-payload.schema.json lists."
        raise TelegramSyntaxError(message, remedy=remedy) from error
    if expected is not None and quantity.unit.value != expected:
        message = f"The unit is {spelled[:20]!r}, but this code is counted in {expected}."
        remedy = "Correct `unit`, or send the code of what was measured."
        raise TelegramSyntaxError(message, remedy=remedy)
    return exact, unit


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
        remedy = "Send `at` for a counter at an instant, `from` and `period_s` for an interval."
        raise TelegramSyntaxError(message, remedy=remedy)
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
        found = datetime.fromisoformat(str(at).upper())
    except (ValueError, OverflowError) as error:
        message = f"{str(at)[:40]!r} is no RFC 3339 time, and no milliseconds since 1970 UTC."
        remedy = "Send 2026-01-01T00:00:00Z or 1767225600000, or no time while the clock is unset."
        raise TelegramSyntaxError(message, value=str(at)[:100], remedy=remedy) from error
    if found.tzinfo is None:
        message = f"The time {str(at)[:40]!r} has no UTC offset."
        remedy = "Send 2026-01-01T00:00:00Z."
        raise TelegramSyntaxError(message, value=str(at)[:100], remedy=remedy)
    return _in_range(found)


def _in_range(at: datetime) -> datetime:
    if at.year not in _YEARS:
        message = f"The time {at.isoformat()} is not between {_YEARS.start} and {_YEARS.stop}."
        remedy = "Set the device's clock; until then send no time."
        raise TelegramSyntaxError(message, value=str(at), remedy=remedy)
    return at.astimezone(UTC)
