"""What a validated day must be, from what its meter truly counted and what of it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tests.life.truth import GAP, Counter

MISSING = -(2**63)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Block:
    """A validated day of the product.

    Args:
        values: In the unit; `MISSING` where there is none.
    """

    values: NDArray[np.int64]
    estimated: bool = False
    """Whether the job that estimates what held bills lack made it."""


class Blocks:
    """The newest validated days of the product, by point, quantity and day."""

    def __init__(self, found: dict[tuple[str, str, date], Block]) -> None:
        self.found = found

    def of(self, counter: Counter, day: date) -> Block | None:
        return self.found.get((counter.point, counter.obis, day))


class UnlikeTruthError(Exception):
    """A validated day says something else than its readings do."""


def days_between(first: date, end: date) -> list[date]:
    return [first + _DAY * number for number in range((end - first).days)]


def used_on(counter: Counter, day: date, blocks: Blocks) -> NDArray[np.int64]:
    """What was used in each interval of a day; `MISSING` where nobody can know.

    Raises:
        UnlikeTruthError: The product's block says otherwise.
    """
    block = _closed(counter, day, blocks)
    decided = counter.decided_days.get(day)
    found = _read(counter, day, block, blocks) if decided is None else decided.values
    if not np.array_equal(found, block.values):
        raise _unlike(counter, day, found, block.values)
    return found


def _closed(counter: Counter, day: date, blocks: Blocks) -> Block:
    """The block of a day, which has as many intervals as the day."""
    own = counter.of_day(day)
    block = blocks.of(counter, day)
    if block is None:
        message = f"{counter.point} {counter.obis} has no block of {day}"
        raise UnlikeTruthError(message)
    count = own.stop - own.start
    if len(block.values) != count:
        message = f"{counter.point} {day}: {len(block.values)} intervals instead of {count}"
        raise UnlikeTruthError(message)
    return block


def _read(counter: Counter, day: date, block: Block, blocks: Blocks) -> NDArray[np.int64]:
    """What the readings of a day say, with the estimates of what they lack."""
    own = counter.of_day(day)
    inner = counter.known(own.start, own.stop + 1)
    found = np.where(inner[:-1] & inner[1:], counter.metered(day), MISSING)
    if inner.all():
        return found
    for first, end in _gaps(counter.known(), own):
        inside = slice(max(first, own.start), own.stop if end < 0 else min(end, own.stop))
        if block.estimated or day in counter.guessed or _is_short(counter, first, end):
            place = slice(inside.start - own.start, inside.stop - own.start)
            found[place] = block.values[place]
        if first >= 0 and end >= 0:
            taken = _taken(counter, first, end, day, blocks)
            if taken not in {None, _advanced(counter, first, end)}:
                message = f"{counter.point} {day}: estimates do not sum to the register's advance"
                raise UnlikeTruthError(message)
    return found


def _advanced(counter: Counter, first: int, end: int) -> int:
    """What the register advanced between two boundaries, as its readings say."""
    level = counter.level(first, end + 1)
    return int(level[-1] - level[0] + counter.misread_in(first, end).sum())


def is_long(counter: Counter, place: int) -> bool:
    """Whether the gap that a boundary lies in is left to people and jobs."""
    day = next(
        day
        for day in days_between(
            counter.instant(place).date() - _DAY, counter.instant(place).date() + 2 * _DAY
        )
        if counter.of_day(day).start <= place < counter.of_day(day).stop
    )
    gaps = _gaps(counter.known(), counter.of_day(day))
    return any(not _is_short(counter, first, end) for first, end in gaps)


def _is_short(counter: Counter, first: int, end: int) -> bool:
    """Whether a gap is one that validation estimates by itself."""
    longest = int(GAP.total_seconds()) // counter.period_s
    return first >= 0 and first < end <= first + longest


def _taken(counter: Counter, first: int, end: int, day: date, blocks: Blocks) -> int | None:
    """What blocks say of a gap in all; None where one of its values is not there."""
    total = 0
    near = day - _DAY * 40
    for one in days_between(near, day + _DAY * 40):
        own = counter.of_day(one)
        if own.stop <= first or own.start >= end:
            continue
        block = blocks.of(counter, one)
        if block is None:
            return None
        values = block.values[max(first - own.start, 0) : end - own.start]
        if (values == MISSING).any():
            return None
        total += int(values.sum())
    return total


def _gaps(known: NDArray[np.bool_], own: slice) -> list[tuple[int, int]]:
    """Stretches between known boundaries that reach into a day; -1 where there is no end."""
    gaps = []
    place = own.start
    while place < own.stop:
        if known[place] and known[place + 1]:
            place += 1
            continue
        first = place
        while first >= 0 and not known[first]:
            first -= 1
        end = place + 1
        while end < len(known) and not known[end]:
            end += 1
        gaps.append((first, end if end < len(known) else -1))
        place = end if end < len(known) else own.stop
    return gaps


def _unlike(
    counter: Counter, day: date, expected: NDArray[np.int64], got: NDArray[np.int64]
) -> UnlikeTruthError:
    place = int(np.flatnonzero(expected != got)[0])
    return UnlikeTruthError(
        f"{counter.point} {counter.obis} {day}, interval {place}:"
        f" {got[place]} instead of {expected[place]}"
    )
