"""How the events of a type are counted: the meters of usage, as dated documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any

from firmware_bridge.contract.errors import InvalidValueError


class UsageAggregate(StrEnum):
    """What is made of the events of an hour or day. Stored: never renamed."""

    COUNT = "count"
    """How many there are."""
    SUM = "sum"
    """Of their values."""
    MAX = "max"
    """Of their values."""
    UNIQUE = "unique"
    """The different texts of an attribute, each once."""


class UsageTime(StrEnum):
    """Whose events are counted together. Stored: never renamed."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class UsageMeter:
    """How events are counted, from a local day on.

    A tariff asks for the meter by its name, as a stream of events: each hour or day of each group
    is one of them, with the groups as its fields, and of `unique` each different text.

    Args:
        name: By which tariffs ask.
        event_type: Of the events that count.
        aggregate: What is made of them.
        value: Attribute whose number, or of `unique` whose text, is taken; "" for the event's own.
        group_by: Attributes that are told apart.
        where: Attribute to texts, one of which it must have.
        time: Whose events are counted together.

    Raises:
        InvalidValueError: `unique` names no attribute, or `count` names one.
    """

    name: str
    event_type: str
    aggregate: UsageAggregate = UsageAggregate.SUM
    value: str = ""
    group_by: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    time: UsageTime = UsageTime.HOUR

    def __post_init__(self) -> None:
        if self.aggregate is UsageAggregate.UNIQUE and not self.value:
            message = f"The meter {self.name} counts different texts of no attribute."
            raise InvalidValueError(message, value=self.name, remedy="Add `value: user`.")
        if self.aggregate is UsageAggregate.COUNT and self.value:
            message = f"The meter {self.name} counts events, and names a value."
            raise InvalidValueError(message, value=self.value, remedy="Drop `value`.")
        if len(set(self.group_by)) < len(self.group_by) or self.value in self.group_by:
            message = f"The meter {self.name} names an attribute twice."
            raise InvalidValueError(message, value=list(self.group_by))

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, without its name."""
        return {
            "event_type": self.event_type,
            "aggregate": self.aggregate.value,
            "value": self.value,
            "group_by": list(self.group_by),
            "where": {name: list(texts) for name, texts in self.where},
            "time": self.time.value,
        }

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> UsageMeter:
        """The meter that `to_json` wrote."""
        return cls(
            name,
            value["event_type"],
            UsageAggregate(value["aggregate"]),
            value["value"],
            tuple(value["group_by"]),
            tuple((key, tuple(texts)) for key, texts in value["where"].items()),
            UsageTime(value["time"]),
        )


@dataclass(frozen=True, slots=True)
class UsageMeterVersion:
    """A meter of usage as it counts from a local day on.

    Args:
        since: First local day.
        revision: Of that day, from 1; the highest counts.
        meter: How events are counted.
        withdrawn: Whether the day says nothing: entered by mistake.
    """

    since: date
    revision: int
    meter: UsageMeter
    withdrawn: bool = False


def in_force(versions: Iterable[UsageMeterVersion]) -> tuple[UsageMeterVersion, ...]:
    """The newest revisions that say something, ascending by day."""
    newest: dict[date, UsageMeterVersion] = {}
    for version in sorted(versions, key=lambda each: (each.since, each.revision)):
        newest[version.since] = version
    return tuple(newest[since] for since in sorted(newest) if not newest[since].withdrawn)


def spans_of(
    versions: Sequence[UsageMeterVersion], first: date, end: date
) -> tuple[tuple[UsageMeter | None, date, date], ...]:
    """Which meter counts which local days.

    Args:
        versions: As `in_force` gives them.
        first: First local day.
        end: Local day after the last.

    Returns:
        The meter, its first day and the day after its last; None where none is in force: then
        events of the type of that name count, each by itself.
    """
    borders = sorted({first, end, *(each.since for each in versions if first < each.since < end)})
    spans = []
    for begin, after in pairwise(borders):
        meters = [each.meter for each in versions if each.since <= begin]
        spans.append((meters[-1] if meters else None, begin, after))
    return tuple(spans)
