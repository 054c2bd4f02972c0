"""What is asked of people about days: what a meter counted or dated wrongly, overtaken edits."""

from __future__ import annotations

from datetime import date

from tests.life.books import Books
from tests.life.truth import Counter


def asked(books: Books, point: str, days: tuple[date, date], *, surely: bool) -> bool:
    """Whether something of a point's days, from one to another, waits for somebody.

    Args:
        books: Of the utility.
        point: Name.
        days: From the first to the day after the last.
        surely: Whether all that is asked about must lie in them, and nobody has answered before.
    """
    return any(
        _jumped(counter, days, surely=surely)
        or _overtaken(counter, days)
        or _stood_still(books, counter, days, surely=surely)
        or _dated_wrongly(counter, days, surely=surely)
        for counter in books.points[point].counters
    )


def _jumped(counter: Counter, days: tuple[date, date], *, surely: bool) -> bool:
    """Whether it counted more than its connection carries, as its readings say."""
    first, end = (counter.boundary(counter.begins(day)) for day in days)
    known = counter.known(first, end + 1)
    found = counter.jumps if surely else counter.jumps | counter.doubted_jumps
    jumps = (place for place in found if first <= place < end)
    return any(known[place - first : place - first + 2].all() for place in jumps)


def _overtaken(counter: Counter, days: tuple[date, date]) -> bool:
    own = (day for day in counter.decided_days if days[0] <= day < days[1])
    return any(counter.is_overtaken(day) for day in own)


def _stood_still(books: Books, counter: Counter, days: tuple[date, date], *, surely: bool) -> bool:
    """Whether it stood still for longer than ever, and no storm says why."""
    stills = (one for one in counter.stills if (counter.point, one[0]) not in books.suspended)
    if surely:
        return any(days[0] <= first and end <= days[1] for first, end in stills)
    return any(days[0] < end and first < days[1] for first, end in stills)


def _dated_wrongly(counter: Counter, days: tuple[date, date], *, surely: bool) -> bool:
    """Whether the meter's own clock dated readings while it was wrong.

    What the gateway saw comes with the reading of then; nobody knows before.
    """
    found = (day for day in counter.clock_days if days[0] <= day < days[1])
    if not surely:
        doubted = counter.clock_days | counter.doubted_clock_days
        return any(days[0] <= day < days[1] for day in doubted)
    return any(_is_seen(counter, day) for day in found if day not in counter.decided_days)


def _is_seen(counter: Counter, day: date) -> bool:
    own = counter.of_day(day)
    return any(
        counter.validated[one.first]
        and any(counter.validated[at] for at in one.places if own.start <= at < own.stop)
        for one in counter.clocks
    )
