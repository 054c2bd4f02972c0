"""Which days of a bill a change of the registry may give another amount."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

Content = Mapping[str, Any]

_ZONE_SPREAD = timedelta(days=1)
_PRINTED = {"address", "capacity"}


@dataclass(frozen=True, slots=True)
class ConcernedDays:
    """Local days, both ends included; whoever hands over on the day after is concerned as well.

    Args:
        first: First day.
        last: Last day.
    """

    first: date = date.min
    last: date = date.max

    def overlap(self, first: date, last: date) -> bool:
        """Whether one of some days, both ends included, is among them."""
        return self.first <= last and first <= self.last


ALWAYS = ConcernedDays()


def concerned_days(kind: str, before: Content | None, after: Content) -> ConcernedDays | None:
    """The days of which a change of a record may change what is charged.

    Args:
        kind: Of the record, as the registry keeps it.
        before: What it said; None where it is new.
        after: What it says.

    Returns:
        None where nothing that is charged rests on it; all days where nobody can say.
    """
    changed = {
        name
        for name in {*(before or ()), *after}
        if before is None or before.get(name) != after.get(name)
    }
    if kind == "account" or not changed:
        return None
    if kind == "service_point":
        return None if changed <= _PRINTED else ALWAYS
    if kind == "agreement":
        return _of_agreement(before, after, changed)
    if kind == "installation":
        return _of_installation(before, after, changed)
    return ALWAYS


def _of_agreement(
    before: Content | None, after: Content, changed: AbstractSet[str]
) -> ConcernedDays | None:
    spans = [content for content in (before, after) if content is not None]
    ends = [_end(content, "end", _day) for content in spans]
    begins = [_begin(content) for content in spans]
    if before is not None and changed <= {"end", "facts"}:
        begins = [min(ends)] if "end" in changed else []
        if "facts" in changed:
            begins += [date.fromisoformat(fact["effective"]) for fact in _other(before, after)]
        begins = [max(min(begins), _begin(before))]
    return ConcernedDays(min(begins), max(ends))


def _begin(content: Content) -> date:
    names = ("first", "billing_from")
    return min(_day(content[name]) for name in names if content.get(name))


def _other(before: Content, after: Content) -> list[Content]:
    """Facts that only one of two says."""
    old, new = before["facts"], after["facts"]
    return [fact for fact in [*old, *new] if (fact in old) is not (fact in new)]


def _of_installation(
    before: Content | None, after: Content, changed: AbstractSet[str]
) -> ConcernedDays:
    spans = [content for content in (before, after) if content is not None]
    ends = [_end(content, "end", _utc_day) for content in spans]
    begins = [_utc_day(content["start"]) for content in spans]
    if before is not None and (
        changed == {"end"} or (changed <= {"end", "registers"} and _only_closing(before, after))
    ):
        begins = [min(ends)]
    first, last = min(begins), max(ends)
    return ConcernedDays(
        first if first == date.min else first - _ZONE_SPREAD,
        last if last == date.max else last + _ZONE_SPREAD,
    )


def _only_closing(before: Content, after: Content) -> bool:
    """Whether of the registers only what they showed when the meter came out is another."""
    return {**before, **_without_closing(before)} == {
        **after,
        **_without_closing(after),
        "end": before.get("end"),
    }


def _without_closing(content: Content) -> dict[str, Any]:
    return {
        "registers": {
            obis: {name: value for name, value in facts.items() if name != "closing"}
            for obis, facts in content["registers"].items()
        }
    }


def _end(content: Content, name: str, day_of: Any) -> date:  # noqa: ANN401
    value = content.get(name)
    return date.max if value is None else day_of(value)


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _utc_day(text: str) -> date:
    return datetime.fromisoformat(text).astimezone(UTC).date()
