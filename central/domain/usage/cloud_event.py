"""Events as senders write them: CloudEvents 1.0 in JSON, and rows of a table.

`subject` and `time` are optional there and needed here; `version` and `cancelled` are extension
attributes of ours.

Source: docs/reference/usage-events.md, "An event"
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from central.domain.usage.usage_event import UsageEvent, UsageEventRefusedError
from firmware_bridge.contract.plain_number import plain_decimal

VALUE = "value"
"""The member of `data` that is an event's value; the others are its attributes."""
_NEEDED = ("source", "id", "subject", "type", "time")
_KNOWN = frozenset(
    {*_NEEDED, "specversion", "datacontenttype", "dataschema", "data", "version", "cancelled"}
)
_JSON = "application/json"
_TRUE = {"true": True, "false": False, "": False}
_DEEPEST = 8
_EXPONENT_MAX = 100


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """JSON with exact numbers.

    Raises:
        UsageEventRefusedError: It is not valid JSON.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = "The text is not valid JSON."
        raise UsageEventRefusedError(message, value=str(text[:80])) from error


def event_of(given: Any) -> UsageEvent:  # noqa: ANN401 - whatever JSON holds
    """The event that a JSON object is.

        {"specversion": "1.0", "source": "api", "id": "a1", "type": "api.call", "subject": "acme",
         "time": "2026-10-01T10:00:00Z", "data": {"value": "1.5", "region": "eu"}}

    Members of `data` become attributes; those of objects in it as `name.inner`.

    Args:
        given: As `read_json` gives it.

    Raises:
        UsageEventRefusedError: It is no such object.
    """
    if not isinstance(given, dict):
        raise _refused("The event is not a JSON object.", given)
    if given.get("specversion", "1.0") != "1.0":
        raise _refused("The specversion is not 1.0.", given["specversion"])
    if given.get("datacontenttype", _JSON) != _JSON:
        raise _refused(f"The datacontenttype is not {_JSON}.", given["datacontenttype"])
    for name in _NEEDED:
        if not isinstance(given.get(name), str):
            raise _refused(f"The event has no text {name!r}.", given.get(name))
    if not given.keys() <= _KNOWN:
        unknown = min(given.keys() - _KNOWN)
        message = f"The event has a member {unknown!r}, which nothing reads."
        raise _refused(message, unknown, "Put it into `data`, or leave it out.")
    data = given.get("data") or {}
    if not isinstance(data, dict):
        raise _refused("The data is not a JSON object.", data)
    attributes = _flat(data)
    value = attributes.pop(VALUE, "1")
    version, cancelled = given.get("version", 1), given.get("cancelled", False)
    if not isinstance(version, int) or isinstance(version, bool):
        raise _refused("The version is not a number from 1 on.", version)
    if not isinstance(cancelled, bool):
        raise _refused("`cancelled` is neither true nor false.", cancelled)
    texts = (given["source"], given["id"], given["subject"], given["type"])
    at = _instant(given["time"])
    return UsageEvent(
        *texts, at, _value(value), tuple(sorted(attributes.items())), version, cancelled
    )


def event_of_row(row: Mapping[str, str]) -> UsageEvent:
    """The event that a row of a table is.

    Args:
        row: `source`, `id`, `subject`, `type` and `time`, if need be `value`, `version` and
            `cancelled`; every other column that is not empty is an attribute.

    Raises:
        UsageEventRefusedError: It is no such row.
    """
    texts = {name: row.get(name) or "" for name in _NEEDED}
    version = plain_decimal(row.get("version") or "1")
    if version is None or version != version.to_integral_value():
        raise _refused("The version is not a number from 1 on.", row["version"])
    cancelled = _TRUE.get((row.get("cancelled") or "").strip().lower())
    if cancelled is None:
        raise _refused("`cancelled` is neither true nor false.", row["cancelled"])
    reserved = {*_NEEDED, VALUE, "version", "cancelled"}
    attributes = {name: text for name, text in row.items() if name not in reserved and text}
    return UsageEvent(
        texts["source"],
        texts["id"],
        texts["subject"],
        texts["type"],
        _instant(texts["time"]),
        _value(row.get(VALUE) or "1"),
        tuple(sorted(attributes.items())),
        int(version),
        cancelled,
    )


def _flat(data: dict[str, Any]) -> dict[str, str]:
    """The attributes that `data` is.

    Raises:
        UsageEventRefusedError: A member is a list, or two have one name.
    """
    if all(type(member) is str for member in data.values()):
        return dict(data)  # as most are: nothing to spell or to flatten
    members = list(_attributes(data, "", 0))
    attributes = dict(members)
    if len(attributes) < len(members):
        raise _refused("The data says an attribute twice.", min(attributes))
    return attributes


def _attributes(data: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        raise _refused(f"The data is more than {_DEEPEST} objects deep.", before)
    for name, member in data.items():
        where = f"{before}{name}"
        if isinstance(member, dict):
            yield from _attributes(member, f"{where}.", depth + 1)
        elif isinstance(member, bool):
            yield where, "true" if member else "false"
        elif isinstance(member, str):
            yield where, member
        elif isinstance(member, Decimal):
            if not -_EXPONENT_MAX < member.adjusted() < _EXPONENT_MAX:
                raise _refused(f"The number {where!r} has too many digits.", where)
            yield where, format(member, "f")
        elif isinstance(member, int):
            yield where, str(member)
        elif member is not None:
            message = f"The data has a list {where!r}."
            raise _refused(message, where, "Send texts, numbers, or objects of them.")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _refused("The time is not written as 2026-10-31T23:00:00Z.", text) from error


def _value(text: str) -> Decimal:
    value = plain_decimal(text)
    if value is None:
        raise _refused("The value is not a number.", text)
    return value


def _no_constant(text: str) -> Decimal:
    raise ValueError(text)


def _refused(message: str, value: object, remedy: str | None = None) -> UsageEventRefusedError:
    return UsageEventRefusedError(message, value=str(value)[:80], remedy=remedy)
