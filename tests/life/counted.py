"""Usage events as their senders and the utility wrote them down: what happened when, to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Happened:
    """An event, in its newest version.

    Args:
        subject: To whom.
        at: When, aware.
        value: How much; nothing where it is cancelled.
        version: From 1; the highest counts, whichever comes first.
        counts: Whether it was not cancelled.
    """

    subject: str
    at: datetime
    value: Fraction
    version: int
    counts: bool = True


@dataclass
class Counted:
    """All events, and whose they are.

    Args:
        zones: Of the points that they are counted at.
        events: By name.
        subjects: From which days on a subject belongs to which point; "" for nobody.
        moved: Points, with days of which something else is counted since it was asked.
    """

    zones: dict[str, str] = field(default_factory=dict)
    events: dict[str, Happened] = field(default_factory=dict)
    subjects: dict[str, dict[date, str]] = field(default_factory=dict)
    moved: set[tuple[str, date]] = field(default_factory=set)

    def take(self, name: str, event: Happened) -> None:
        """An event comes, or another version of it."""
        known = self.events.get(name)
        if known is not None and known.version >= event.version:
            return
        self._note(*(one for one in (known, event) if one is not None))
        self.events[name] = event

    def assign(self, subject: str, point: str, first: date) -> None:
        """A subject belongs to a point from a day on."""
        own = [one for one in self.events.values() if one.subject == subject]
        self._note(*own)
        self.subjects.setdefault(subject, {})[first] = point
        self._note(*own)

    def total(self, point: str, first: date, end: date) -> Fraction:
        """What is counted at a point in days from one to another."""
        return sum(
            (
                one.value
                for one in self.events.values()
                for at, day in self._places(one)
                if at == point and first <= day < end
            ),
            Fraction(0),
        )

    def nobodys(self) -> int:
        """How many events count for something, and belong to no point."""
        return sum(1 for one in self.events.values() if one.counts and not self._places(one))

    def _note(self, *events: Happened) -> None:
        for one in events:
            self.moved |= {*self._places(one)}

    def _places(self, event: Happened) -> list[tuple[str, date]]:
        """The point that an event belongs to, and the day; none where it is nobody's."""
        said = self.subjects.get(event.subject, {})
        places = []
        for point, zone in self.zones.items():
            day = event.at.astimezone(ZoneInfo(zone)).date()
            since = [first for first in said if first <= day]
            if since and said[max(since)] == point:
                places.append((point, day))
        return places
