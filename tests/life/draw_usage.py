"""What happens to subscriptions, from a seed; see `subscriptions.py`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tests.life.events import Event
from tests.life.utility import FIRST, MADRID, month_after, moves_in

_DAY = timedelta(days=1)
_SUBJECTS = ("acme", "hooli", "roamer", "umbrella")
# Of the 3rd of a month, at eleven o'clock: the first instant of it, and the minute before.
_AT_THE_BORDER = (3600, 3601, 3660, 3661)


def subscribed() -> Iterator[Event]:
    """Two subscriptions, and what belongs to them from the beginning."""
    for number, subject in ((1, "acme"), (2, "umbrella")):
        point, said = f"SUB-{number}", {"zone": MADRID}
        yield Event(FIRST, "subscribe", {"name": point, **said})
        yield from moves_in(FIRST, f"E-{number}", point, "CALLS", FIRST)
        yield _belongs(FIRST, subject, point, FIRST)
    yield _belongs(FIRST, "hooli", "SUB-1", FIRST)


def counted(chance: random.Random, days: Sequence[date], month: date) -> Iterator[Event]:
    """What happens in a month: also late, once more, and not at all.

    Args:
        chance: What draws it.
        days: Eventful ones of the month.
        month: Its first day.
    """
    known = [f"{month:%m%y}-{number}" for number in range(5)]
    for name in known:
        ago = chance.choice([5, 700, 4000, 9000, 30_000])
        said = {"name": name, "subject": chance.choice(_SUBJECTS), "ago": ago}
        yield Event(chance.choice(days[:-1]), "happens", {**said, "value": _value(chance)})
    if month > FIRST:
        said = {"name": f"{month:%m%y}-b", "subject": chance.choice(_SUBJECTS[:2])}
        border = {"ago": chance.choice(_AT_THE_BORDER), "value": _value(chance)}
        yield Event(month + 2 * _DAY, "happens", {**said, **border})
    # Those of this month, and of the one before, are said again, or taken back.
    earlier = f"{month_after(month, -1):%m%y}" if month > FIRST else f"{month:%m%y}"
    again = {"subject": "acme", "ago": 5, "value": _value(chance)}
    latest = days[-1]
    yield Event(latest, "happens", {"name": known[0], **again, "version": 3})
    # A version that comes behind a higher one counts for nothing.
    yield Event(latest, "happens", {"name": known[0], **again, "version": 2, "value": "77"})
    yield Event(
        latest, "happens", {"name": f"{earlier}-1", **again, "version": 4 + (month > FIRST)}
    )
    yield Event(chance.choice(days[-3:]), "undone", {"name": f"{earlier}-2"})
    if month == month_after(FIRST, 2):
        yield _belongs(chance.choice(days), "roamer", "SUB-2", FIRST + 10 * _DAY)
    if month == month_after(FIRST, 3):
        first = month + chance.choice([-20, -4, 9]) * _DAY
        yield _belongs(chance.choice(days), "hooli", "SUB-2", first)


def _value(chance: random.Random) -> str:
    return f"{chance.randint(1, 90_000) / 100}"


def _belongs(day: date, subject: str, point: str, first: date) -> Event:
    return Event(day, "belongs", {"subject": subject, "point": point, "first": first.isoformat()})
