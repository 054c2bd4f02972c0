"""A fault that was found between two passes, as a short life that meets it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from tests.life.events import Event, Life
from tests.life.utility import CHIEF, CLERK, FIRST, founding, month_after, office

_DAY = timedelta(days=1)
SEED = 11


@dataclass(frozen=True)
class Fault:
    """A fault, and the invariant that sees it.

    Args:
        name: Short.
        number: Of the invariant.
        months: It lives.
        events: What happens besides the monthly office; they come before it on their day.
        billed: Months that are billed as usual.
    """

    name: str
    number: int
    months: int
    events: tuple[Event, ...]
    billed: tuple[int, ...] = (0, 1)

    def life(self) -> Life:
        own = list(founding(FIRST))
        for number in self.billed:
            own += office(month_after(FIRST, number), (3,))
        found = sorted([*own, *self.events], key=lambda event: event.day)
        return Life(SEED, FIRST, month_after(FIRST, self.months) + 8 * _DAY, tuple(found))


def on(month: int, day: int) -> date:
    """A day of a month from `FIRST` on, 0 the first."""
    return month_after(FIRST, month) + (day - 1) * _DAY


def at(month: int, day: int, kind: str, **said: str | int | bool) -> Event:
    """What happens on a day of a month."""
    return Event(on(month, day), kind, said)


def leaves(month: int, day: int, point: str, end: date) -> Event:
    """Somebody says on a day that a customer goes on another."""
    return at(month, day, "leave", point=point, end=end.isoformat())


def bills(month: int, day: int, cycle: str) -> Iterable[Event]:
    """A run on a day, approved and issued on the next."""
    yield at(month, day, "run", cycle=cycle, by=CLERK)
    yield at(month, day + 1, "approve", cycle=cycle, by=CHIEF)
    yield at(month, day + 1, "issue", cycle=cycle, by=CHIEF)
