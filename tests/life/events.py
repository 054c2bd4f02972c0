"""A life as data: what happens to a small utility, day by day, as JSON says it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens on a day; what it says depends on its kind, see `world.py`."""

    day: date
    kind: str
    said: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"day": self.day.isoformat(), "kind": self.kind, **self.said}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Event:
        said = {name: one for name, one in value.items() if name not in {"day", "kind"}}
        return cls(date.fromisoformat(value["day"]), value["kind"], said)

    def __str__(self) -> str:
        said = " ".join(f"{name}={one}" for name, one in self.said.items())
        return f"{self.day} {self.kind} {said}"


@dataclass(frozen=True, slots=True)
class Life:
    """All that happens, in order; the seed says only what the meters count."""

    seed: int
    first: date
    end: date
    events: tuple[Event, ...]

    def with_events(self, events: Iterable[Event]) -> Life:
        return replace(self, events=tuple(events))

    def text(self) -> str:
        """As JSON, an event a line."""
        head = {"seed": self.seed, "first": self.first.isoformat(), "end": self.end.isoformat()}
        lines = ",\n".join(json.dumps(event.to_json()) for event in self.events)
        return f'{json.dumps(head)[:-1]}, "events": [\n{lines}\n]}}\n'

    @classmethod
    def parse(cls, text: str) -> Life:
        value = json.loads(text)
        return cls(
            value["seed"],
            date.fromisoformat(value["first"]),
            date.fromisoformat(value["end"]),
            tuple(map(Event.from_json, value["events"])),
        )

    def keep(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(), encoding="utf-8")
        return path
