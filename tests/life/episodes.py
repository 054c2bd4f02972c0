"""What every life meets: sequences of events in which faults were found."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from tests.life.events import Event
from tests.life.truth import EXPORT, IMPORT
from tests.life.utility import CORE, FIRST, PLANS, Site, month_after, moves_in

_DAY = timedelta(days=1)
GRID, ROOF, HOUSE = "SP-7", "SP-8", "SP-9"
SHOP, COUNTER = "SP-5", "SP-12"
OWN = {ROOF, HOUSE, SHOP}
"""Points whose customers move here and nowhere else."""


def episodes(chance: random.Random, months: int, sites: Sequence[Site]) -> list[Event]:
    """Those of a life, where it is long enough; they stop on days of the office alone.

    Args:
        chance: What draws them.
        months: From `FIRST` on.
        sites: Of the utility.
    """
    if len(sites) == len(CORE):
        return []
    return [
        event
        for found in (
            _grid(chance),
            _house(chance),
            _dearer(HOUSE, "HOME2", 2),
            _dearer(SHOP, "SHOP2", 3),
            _dearer(SHOP, "SHOP2", 22),
            _sun(),
            _roof(chance),
            _part_of_a_gap(chance, "SP-13", 86400),
            _part_of_a_gap(chance, "SP-1", 3600),
            _hole(chance),
            _late(chance, SHOP, "SHOP"),
            _late(chance, COUNTER, "PREPAID"),
            _skipped(chance),
        )
        for event in found
        if event.day < month_after(FIRST, months)
    ]


def _on(month: int, day: int) -> date:
    return month_after(FIRST, month) + (day - 1) * _DAY


def _ends(told: date, point: str, end: date, service: str | None = None) -> Event:
    said = {"point": point, "end": end.isoformat()}
    return Event(told, "leave", said if service is None else {**said, "service": service})


def _grid(chance: random.Random) -> Iterator[Event]:
    """Two services bill one channel, and a day is another when the second one reads it."""
    yield Event(FIRST, "service", {"point": GRID, "name": "grid", "bills": [IMPORT]})
    yield _sold(FIRST, "A-7", FIRST)
    month = chance.randrange(3, 9)
    yield _ends(_on(month - 1, 16), GRID, _on(month, 1), "grid")
    read = _on(month + 1, 8)
    yield Event(read, "conflict", {"point": GRID, "back": chance.randint(220, 500), "more": 1})
    yield Event(read, "decide", {"point": GRID, "choice": "replace"})
    yield Event(read + _DAY, "customer", {"account": "G-1", "name": "Customer G-1"})
    yield _sold(read + _DAY, "G-1", _on(month, 1))


def _sold(day: date, account: str, first: date) -> Event:
    said = {"account": account, "point": GRID, "service": "grid", "plan": "GRID"}
    return Event(day, "agree", {**said, "first": first.isoformat()})


def _house(chance: random.Random) -> Iterator[Event]:
    """The day on which a customer goes is mistyped, and corrected before the approval."""
    for number, month in enumerate((4, 11)):
        yield _ends(_on(month, 16), HOUSE, _on(month, 25))
        right = _on(month, chance.choice([27, 28]) if number else chance.choice([20, 23]))
        said = {"point": HOUSE, "end": right.isoformat()}
        yield Event(_on(month + 1, 4), "right_end", said)
        yield from moves_in(_on(month + 1, 9), f"H-{number + 1}", HOUSE, "HOME", right)


def _dearer(point: str, plan: str, month: int) -> Iterator[Event]:
    """A customer goes on under another tariff within a month: both share its bill."""
    said = {"point": point, "plan": plan, "first": _on(month, 12).isoformat()}
    yield Event(_on(month, 9), "switch", said)


def _sun() -> Iterator[Event]:
    """A house gets the sun on the roof: its meter counts something else, behind issued bills."""
    yield Event(_on(14, 9), "channel", {"point": HOUSE, "obis": EXPORT})
    said = {"point": HOUSE, "plan": "SOLAR", "first": _on(15, 1).isoformat()}
    yield Event(_on(14, 16), "switch", said)


def _part_of_a_gap(chance: random.Random, point: str, period_s: int) -> Iterator[Event]:
    """Some of what was missing comes after all was estimated, and before the bill is made."""
    month, day = chance.randrange(2, 12), chance.choice([9, 16])
    count = 4 * 86400 // period_s
    yield Event(_on(month, day), "lost", {"point": point, "hours": 5, "count": count})
    through = _on(month, day + chance.choice([2, 3]))
    yield Event(_on(month + 1, 9), "read_out", {"point": point, "through": through.isoformat()})


def _roof(chance: random.Random) -> Iterator[Event]:
    """What becomes of a bank changes between draft and approval; ends are told after the bill."""
    # The next tariff is changed after the last draft under this one.
    yield _version(_on(3, 4), "SOLAR2", _on(3, 1), takes_over=chance.random() < 0.5)
    # The customer has gone, and the last bill was issued before anybody said so.
    yield _ends(_on(6, 9), ROOF, _on(6, 1))
    first = _on(6, chance.choice([1, 6]))
    yield from moves_in(_on(6, 9), "R-1", ROOF, "SOLAR", first)
    # A change of tariff is told after the bill; then what is left is worth something else.
    yield _version(_on(7, 9), "SOLAR2", _on(7, 1), takes_over=False)
    said = {"point": ROOF, "plan": "SOLAR2"}
    yield Event(_on(8, 9), "switch", {**said, "first": _on(8, 1).isoformat()})
    yield _version(_on(9, 4), "SOLAR", _on(7, 1), at_end="0.051")
    yield _version(_on(9, 9), "SOLAR2", _on(9, 1))
    # A change of tariff was a mistake, which is seen after the last bill before it.
    yield _ends(_on(10, 16), ROOF, _on(11, 1))
    yield from moves_in(_on(10, 16), "R-2", ROOF, "SOLAR", _on(11, 1))
    yield Event(_on(12, 16), "switch", {**said, "first": _on(13, 1).isoformat()})
    yield Event(_on(13, 9), "unagree", {"point": ROOF})
    # The customer leaves on the day of the next tariff, which is told after the bill before it.
    yield Event(_on(16, 16), "switch", {**said, "first": _on(17, 1).isoformat()})
    yield Event(_on(17, 9), "unagree", {"point": ROOF})
    yield _ends(_on(17, 9), ROOF, _on(17, 1))
    yield from moves_in(_on(17, 9), "R-3", ROOF, "SOLAR", _on(17, 1))


def _version(
    day: date, plan: str, effective: date, *, takes_over: bool = True, at_end: str | None = None
) -> Event:
    """What ends with a tariff, corrected."""
    said = dict(PLANS[plan])
    if not takes_over:
        del said["takes_over"]
    if at_end is not None:
        said["at_end"] = at_end
    named = {"plan": plan, "effective": effective.isoformat(), "reason": "as the contract says"}
    return Event(day, "tariff", {**named, **said})


def _hole(chance: random.Random) -> Iterator[Event]:
    """A batch is found missing after a draft with estimates was made."""
    month = chance.randrange(2, 12)
    yield Event(_on(month, 9), "lost", {"point": "SP-2", "hours": 5, "count": 1})
    yield Event(_on(month + 1, 4), "poison", {"gateway": "gw-2", "what": "nul"})


def _late(chance: random.Random, point: str, plan: str) -> Iterator[Event]:
    """Who pays for a demand, or has paid before, leaves, which is told after the last bill."""
    month = chance.randrange(4, 20)
    yield _ends(_on(month, 9), point, _on(month, 1))
    first = _on(month, chance.choice([1, 6]))
    yield from moves_in(_on(month, 9), f"{point}-2", point, plan, first)


def _skipped(chance: random.Random) -> Iterator[Event]:
    """A batch never comes, which nobody knows before later ones do; and something is not read."""
    for gateway, point in (("gw-2", "SP-6"), ("gw-1", "SP-4")):
        month = chance.randrange(2, 20)
        yield Event(_on(month, 9), "lost", {"point": point, "hours": 7, "count": 1})
        yield Event(_on(month, chance.choice([9, 16])), "skip", {"gateway": gateway})


def stays(event: Event, found: Sequence[Event]) -> bool:
    """Whether an event leaves to some others what they are about."""
    if event.kind == "pay_in":
        # Who has left pays nothing in any more.
        gone = [one for one in found if one.kind == "leave" and one.said["point"] == COUNTER]
        return all(event.day < date.fromisoformat(one.said["end"]) for one in gone)
    if event.kind != "read_out" or "through" in event.said:
        return True
    near = [
        one for one in found if one.kind == "read_out" and one.said["point"] == event.said["point"]
    ]
    return not any(0 <= (one.day - event.day).days < 28 for one in near)
