"""Usage events as they are kept: what happened when, how much, and to whom.

An event is known by its source, its sender's identifier and its version. The highest version
counts: a sender replaces what he sent by a higher one, or cancels it by one that says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from firmware_bridge.contract.errors import OperatorError
from firmware_bridge.contract.plain_text import flaw

TEXT_MAX = 200
"""How many characters a source, identifier, subject or type has at most."""
ATTRIBUTES_MAX = 32
"""How many attributes an event has at most."""
ATTRIBUTE_MAX = 1_000
"""How many characters the text of an attribute has at most."""
DIGITS_MAX, PLACES_MAX = 15, 12
"""Of a value, before and behind the point."""
_VERSION_MAX = 2**31 - 1
_encode = json.JSONEncoder(separators=(",", ":")).encode


class UsageEventRefusedError(OperatorError):
    """An event says something that cannot be; nothing of it is kept."""

    code = "EVENT_REFUSED"
    default_remedy = "Correct the event and send it again."


class EventKey(NamedTuple):
    """What tells an event from all others.

    Args:
        source: Who sends, such as `https://api.example.com/eu`.
        id: Given by the source, unique there for ever.
        version: From 1; the highest counts.
    """

    source: str
    id: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """Something that happened.

    Args:
        source: Who sends.
        id: Given by the source, unique there for ever.
        subject: To whom it happened; it belongs to service points from days on.
        type: What happened, such as `com.example.api.call`.
        at: When. Aware; microseconds.
        value: How much, exact; 1 where the number of events is what counts.
        attributes: Names to texts, ascending by name.
        version: From 1; the highest counts.
        cancelled: Whether it counts for nothing.
        key: What tells it from all others.

    Raises:
        UsageEventRefusedError: A text is empty, too long or cannot be kept, the time has no zone,
            or the value has too many digits.
    """

    source: str
    id: str
    subject: str
    type: str
    at: datetime
    value: Decimal = Decimal(1)
    attributes: tuple[tuple[str, str], ...] = ()
    version: int = 1
    cancelled: bool = False
    key: EventKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_texts()
        object.__setattr__(self, "key", EventKey(self.source, self.id, self.version))
        if self.at.tzinfo is None:
            message = "The time has no offset."
            remedy = "Write it with one, such as 2026-10-31T23:00:00Z."
            raise UsageEventRefusedError(message, value=self.at.isoformat(), remedy=remedy)
        if not is_value(self.value):
            message = (
                f"The value is not a number with up to {DIGITS_MAX} digits and {PLACES_MAX} places."
            )
            raise UsageEventRefusedError(message, value=str(self.value)[:80])
        if not 0 < self.version <= _VERSION_MAX:
            message = "The version is not a number from 1 on."
            raise UsageEventRefusedError(message, value=self.version)

    def _check_texts(self) -> None:
        """Look at all texts at once; one by one only where something is wrong."""
        named = (self.source, self.id, self.subject, self.type)
        names = tuple(name for name, _ in self.attributes)
        texts = tuple(text for _, text in self.attributes)
        fit = (
            min(map(len, (*named, *names))) > 0
            and max(map(len, (*named, *names))) <= TEXT_MAX
            and max(map(len, texts), default=0) <= ATTRIBUTE_MAX
            and len(names) <= ATTRIBUTES_MAX
        )
        if fit and flaw("".join((*named, *names, *texts))) is None:
            return
        for name in ("source", "id", "subject", "type"):
            _check_text(name, getattr(self, name), TEXT_MAX)
        if len(self.attributes) > ATTRIBUTES_MAX:
            message = f"The event has more than {ATTRIBUTES_MAX} attributes."
            raise UsageEventRefusedError(message, value=len(self.attributes))
        for name, text in self.attributes:
            _check_text("name of an attribute", name, TEXT_MAX)
            if text:
                _check_text(f"attribute {name}", text, ATTRIBUTE_MAX)

    @property
    def sha256(self) -> bytes:
        """Hash of all that it says beside its key: the same event has the same, however written."""
        return sha256(_encode(self._content()).encode()).digest()

    def _content(self) -> list[Any]:
        at = self.at.astimezone(UTC).isoformat()
        value = format(self.value.normalize(), "f")
        return [self.type, self.subject, at, value, self.cancelled, self.attributes]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "source": self.source,
            "id": self.id,
            "version": self.version,
            "subject": self.subject,
            "type": self.type,
            "time": self.at.astimezone(UTC).isoformat(),
            "value": format(self.value, "f"),
            "attributes": dict(self.attributes),
            "cancelled": self.cancelled,
        }


def is_value(value: Decimal) -> bool:
    """Whether a number can be kept exactly as the value of an event."""
    if not value.is_finite() or value.adjusted() >= DIGITS_MAX:
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -PLACES_MAX


def _check_text(name: str, text: str, longest: int) -> None:
    if not 0 < len(text) <= longest:
        message = f"The {name} has not 1 to {longest} characters."
        raise UsageEventRefusedError(message, value=text[:80])
    fault = flaw(text)
    if fault is not None:
        message = f"The {name} contains {fault}."
        raise UsageEventRefusedError(message, value=name)
