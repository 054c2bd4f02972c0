"""Events: what happened when, how much, and to whom or what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from central.domain.rating.hashing import digest
from central.domain.tariff.determinant_rules import Take
from firmware_bridge.contract.errors import InvalidValueError

Levels = dict[str, Fraction]
"""Value that holds now, by key."""
SECONDS = {"hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Args:
        id: Unique in its stream; the same event twice counts once.
        at: Instant. Aware.
        value: How much, in the determinant's unit.
        fields: Name to value, ascending by name.

    Raises:
        InvalidValueError: The instant has no zone.
    """

    id: str
    at: datetime
    value: Decimal = Decimal(1)
    fields: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            message = f"The time of the event {self.id!r} has no time zone."
            raise InvalidValueError(message, value=self.at)

    def field(self, name: str) -> str:
        """The value of a field, "" where it is absent."""
        return dict(self.fields).get(name, "")

    def to_json(self) -> list[Any]:
        """As JSON, for the hash of what went into a bill."""
        return [self.id, self.at.isoformat(), str(self.value), [list(pair) for pair in self.fields]]


Events = Mapping[str, Sequence[Event]]


class EventSource(NamedTuple):
    """Events that a determinant was made from, and how.

    Args:
        stream: Of the events.
        take: How they make a number.
        spans: (first instant, first instant after) of the times that count, ascending.
        fields: (field, whether among, values): all must hold of an event that counts.
        key: Field whose values are told apart, "" for none.
        per: Seconds that a time-weighted value is multiplied by; 0 averages it.
        opening: Value held at the beginning, by key.
        number: How many events count.
        sha256: Hex digest over them.
    """

    stream: str
    take: Take
    spans: tuple[tuple[datetime, datetime], ...]
    fields: tuple[tuple[str, bool, tuple[str, ...]], ...]
    key: str
    per: int
    opening: tuple[tuple[str, Fraction], ...]
    number: int = 0
    sha256: str = ""

    def chosen(self, events: Iterable[Event]) -> list[Event]:
        """The events that count, in order of time."""
        found = [
            event
            for event in events
            if any(begin <= event.at < end for begin, end in self.spans)
            and all((event.field(name) in values) is among for name, among, values in self.fields)
        ]
        return sorted(found, key=lambda event: (event.at, event.id))

    def signed(self, events: Sequence[Event]) -> EventSource:
        """With the number and hash of events as `chosen` gives them."""
        return self._replace(
            number=len(events), sha256=digest([event.to_json() for event in events])
        )

    def value(self, events: Sequence[Event]) -> tuple[Fraction, Levels]:
        """The number that events make, and the levels they leave.

            sum, max  of the values; count of the events; unique: number of different keys
            latest    = sum over keys of the last value
            time-weighted = sum over keys and time of value x seconds it held / seconds of all
                (or / seconds of an hour or day)

        Args:
            events: As `chosen` gives them.

        Source: docs/reference/charges.md, "Counted things"
        """
        levels = dict(self.opening)
        held = Fraction(0)
        begin = self.spans[0][0]
        since = begin
        for event in events:
            held += sum(levels.values(), Fraction(0)) * _seconds(event.at - since)
            since = event.at
            levels[event.field(self.key) if self.key else ""] = Fraction(event.value)
        now = sum(levels.values(), Fraction(0))
        end = self.spans[-1][1]
        held += now * _seconds(end - since)
        values = [Fraction(event.value) for event in events]
        match self.take:
            case "sum":
                return sum(values, Fraction(0)), levels
            case "count":
                return Fraction(len(events)), levels
            case "max":
                return max(values, default=Fraction(0)), levels
            case "unique":
                return Fraction(len({event.field(self.key) for event in events})), levels
            case "latest":
                return now, levels
            case "time_weighted":
                return held / (self.per or _seconds(end - begin)), levels

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "stream": self.stream,
            "take": self.take,
            "spans": [[begin.isoformat(), end.isoformat()] for begin, end in self.spans],
            "fields": [[name, among, list(values)] for name, among, values in self.fields],
            "key": self.key,
            "per": self.per,
            "opening": [[key, str(value)] for key, value in self.opening],
            "number": self.number,
            "sha256": self.sha256,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> EventSource:
        """The source that `to_json` wrote."""
        return cls(
            value["stream"],
            value["take"],
            tuple(
                (datetime.fromisoformat(begin), datetime.fromisoformat(end))
                for begin, end in value["spans"]
            ),
            tuple((name, among, tuple(values)) for name, among, values in value["fields"]),
            value["key"],
            value["per"],
            tuple((key, Fraction(level)) for key, level in value["opening"]),
            value["number"],
            value["sha256"],
        )


def _seconds(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), 1_000_000)
