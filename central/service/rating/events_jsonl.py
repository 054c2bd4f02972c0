"""Events from a file of JSON lines: stream, id, at, and if need be value and fields."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from central.domain.rating.inputs.usage_event import Event, Events
from firmware_bridge.contract.errors import ConfigurationError

_KEYS = frozenset({"stream", "id", "at", "value", "fields"})
_DIGITS = 15


class EventsFileError(ConfigurationError):
    """A file of events cannot be read; nothing of it is used."""

    code = "EVENTS_FILE"


def read_events_file(text: str, file: str) -> Events:
    """The events of a file, by stream.

    A line is `{"stream": "api", "id": "a1", "at": "2026-06-01T10:00:00Z", "value": "1.5",
    "fields": {"region": "eu"}}`; a value that is not given is one.

    Args:
        text: A JSON object a line; blank lines are left out.
        file: Where it comes from, for messages.

    Raises:
        EventsFileError: A line is not an event.
    """
    found: dict[str, list[Event]] = {}
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if line.strip():
            stream, event = _event(line, f"Line {number} of {file}")
            found.setdefault(stream, []).append(event)
    return found


def _event(line: str, place: str) -> tuple[str, Event]:
    try:
        said = json.loads(line, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _refused(place, "is not valid JSON", line) from None
    if not isinstance(said, dict) or not {"stream", "id", "at"} <= set(said) <= _KEYS:
        raise _refused(place, f"is not an object with {', '.join(sorted(_KEYS))}", line)
    fields = said.get("fields", {})
    texts = [said["stream"], said["id"], said["at"]]
    if not isinstance(fields, dict) or not all(
        isinstance(one, str) for one in (*texts, *fields.values())
    ):
        raise _refused(place, "has something other than text where text is expected", line)
    event = Event(
        said["id"],
        _instant(said["at"], place),
        _value(said.get("value", "1"), place),
        tuple(sorted(fields.items())),
    )
    return said["stream"], event


def _no_constant(text: str) -> Decimal:
    raise ValueError(text)


def _instant(text: str, place: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(place, "has no time such as 2026-06-01T10:00:00Z", text) from None
    if at.tzinfo is None:
        raise _refused(place, "has a time without an offset", text)
    return at


def _value(said: Any, place: str) -> Decimal:  # noqa: ANN401 - whatever JSON holds
    try:
        value = Decimal(said) if isinstance(said, str | Decimal) else Decimal("NaN")
    except ArithmeticError:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() >= _DIGITS:
        raise _refused(place, "has a value that is not a number", said)
    return value


def _refused(place: str, why: str, value: object) -> EventsFileError:
    return EventsFileError(f"{place} {why}.", value=str(value)[:80])
