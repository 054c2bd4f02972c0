"""The invariants 2 and 3 of docs/explanation/life.md: who claims which days, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from tests.life.books import Books, Occupancy
from tests.life.look import Part
from tests.life.spared import Spared
from tests.life.violation import Violation

BILLED = {"approved", "issued"}
_DAY = timedelta(days=1)


def claimed_twice(books: Books, parts: Sequence[Part]) -> Iterator[Violation]:
    """2: a day of a service is claimed at most once, and the claims of an occupancy tile time."""
    by_service: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        by_service.setdefault((part.point, part.service), []).append(part)
    for found in by_service.values():
        found.sort(key=lambda part: (part.first, part.end))
        for before, after in pairwise(found):
            if after.first < before.end:
                yield Violation(2, f"{before} and {after} bill the same days")
    for occupancy in books.occupancies():
        spoken_for = _spoken_for(books, occupancy, parts)
        if spoken_for and spoken_for[0].first != occupancy.first:
            yield Violation(2, f"{spoken_for[0]} does not begin where the customer moved in")
        for one, following in pairwise(spoken_for):
            if one.end < following.first:
                yield Violation(2, f"no part lies between {one} and {following}")
            # What nobody is billed for may reach behind the customer's last day.
            if one.end > following.first and following.first != occupancy.end:
                yield Violation(2, f"{one} and {following} have the same days")


def out_of_order(books: Books, parts: Sequence[Part]) -> Iterator[Violation]:
    """3: what lies before a bill that is approved or issued is so too."""
    for occupancy in books.occupancies():
        for before, after in pairwise(_chain(occupancy, parts)):
            if after.state == "issued" and before.state != "issued":
                yield Violation(3, f"{after} is issued before {before}")
            elif after.state in BILLED and before.state not in BILLED:
                yield Violation(3, f"{after} is approved before {before}")


def unbilled(books: Books, parts: Sequence[Part], end: date) -> Iterator[Violation]:
    """3: a run bills all that is due."""
    for occupancy in books.occupancies():
        due = books.due(occupancy.account, occupancy.first, end)
        until = due if occupancy.end is None else min(due, occupancy.end)
        reached = occupancy.first
        for part in _spoken_for(books, occupancy, parts):
            reached = max(reached, part.end)
        if reached < until:
            yield Violation(3, f"{occupancy.account} at {occupancy.point}: {reached} is not billed")


def unsettled(books: Books, parts: Sequence[Part], end: date) -> Iterator[Violation]:
    """3: what is left of a customer who has gone is settled, also where that is told late."""
    settled = {(part.place, part.first) for part in parts if part.settles}
    for occupancy in books.occupancies():
        gone = occupancy.end
        if gone is None or gone > end or (occupancy.place, gone) in settled:
            continue
        for part in _chain(occupancy, parts):
            left = part.closing.bank or part.closing.peaks
            reached = books.spared.reached(part.place, part.end)
            if left and reached >= gone and part.state == "issued":
                yield Violation(3, f"what {part} leaves is not settled")


def cut_short(books: Books, parts: Sequence[Part]) -> Iterator[Violation]:
    """3: what a run bills ends with its period, its agreement or the customer's last day."""
    ends = {(one.place, one.end) for one in books.agreements}
    for occupancy in books.occupancies():
        for part in _chain(occupancy, parts):
            period = books.due(occupancy.account, occupancy.first, part.end)
            right = part.end in {period, occupancy.end} or (part.place, part.end) in ends
            if part.state in {"draft", "held"} and not right:
                yield Violation(3, f"{part} ends where nothing does")


def _chain(occupancy: Occupancy, parts: Sequence[Part]) -> list[Part]:
    own = [
        part
        for part in parts
        if part.place == occupancy.place
        and occupancy.first <= part.first
        and (occupancy.end is None or part.first < occupancy.end)
    ]
    return sorted(own, key=lambda part: (part.first, part.end))


def _spoken_for(books: Books, occupancy: Occupancy, parts: Sequence[Part]) -> list[Part | Spared]:
    """By time, what bills its days and what says that nobody does."""
    spared = books.spared.of(occupancy.place, occupancy.first, occupancy.end)
    own: list[Part | Spared] = [*_chain(occupancy, parts), *spared]
    return sorted(own, key=lambda one: (one.first, one.end))
