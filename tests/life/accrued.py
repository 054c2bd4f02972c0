"""What the days that no issued bill says come to, against the oracle: to the cent, by charge."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID, uuid5

from tests.life.books import Books, Occupancy, State
from tests.life.charged import Charged
from tests.life.invariants import GRACE, Judge, blocks_of
from tests.life.look import Accrual, Part, Place
from tests.life.validated import MISSING, Blocks, UnlikeTruthError, days_between, used_on
from tests.life.violation import ORACLE, Violation

_DAY = timedelta(days=1)
_NAMES = UUID(int=0)
_CARRIED = "adjustment"
Charges = Mapping[str, Decimal]
"""Amounts by charge."""
_EMPTY = Part(
    "",
    "",
    "",
    "",
    date.min,
    date.min,
    "open",
    _NAMES,
    State(),
    (),
    "",
    None,
    datetime.min.replace(tzinfo=UTC),
)


def accrues(day: date) -> bool:
    """Whether it is asked for on a day: before the office runs, and behind its last issue.

    Not in each month, since all that is not billed is rated again.
    """
    return (day.day, day.month % 3) in {(3, 1), (16, 2)}


def never(_: date) -> bool:
    """As `accrues`, for a life in which it is asked for on no day."""
    return False


def open_parts(
    books: Books, parts: Sequence[Part], validated_at: datetime
) -> dict[Place, list[Part]]:
    """The parts that bills of the days would have that no issued bill says, by occupancy."""
    issued = [part for part in parts if part.state == "issued"]
    numbers = count(-1, -1)
    found: dict[Place, list[Part]] = {}
    for one in books.occupancies():
        own = [part for part in issued if part.place == one.place and part.first >= one.first]
        spared = books.spared.of(one.place, one.first, one.end)
        ends = [*(part.end for part in own if _is_of(part, one)), *(each.end for each in spared)]
        reached = max([one.first, *ends])
        end = _closed_until(books, one.account, validated_at)
        until = end if one.end is None else min(end, one.end)
        if reached < until:
            cut = _cut(books, one, reached, until)
            found.setdefault(one.place, []).extend(
                replace(
                    _EMPTY,
                    key=next(numbers),
                    account=one.account,
                    point=one.point,
                    service=one.service,
                    plan=plan,
                    first=first,
                    end=stop,
                    bill=uuid5(_NAMES, f"{one.place} {period}"),
                )
                for plan, first, stop, period in cut
            )
    return found


def _is_of(part: Part, one: Occupancy) -> bool:
    return one.end is None or part.first < one.end


def _closed_until(books: Books, account: str, at: datetime) -> date:
    """The day after the last that is closed at all points where an account is."""
    found = []
    for one in books.occupancies():
        if one.account != account:
            continue
        for counter in books.points[one.point].counters:
            if counter.obis not in _billed(books, one):
                continue
            day = counter.start.date() - _DAY
            day = max(day, at.date() - 3 * _DAY)
            while counter.begins(day + _DAY) + GRACE <= at:
                day += _DAY
            if one.end is None or one.end > day:
                found.append(day)
    return min(found, default=at.date())


def _billed(books: Books, one: Occupancy) -> Sequence[str]:
    point = books.points[one.point]
    own = tuple(counter.obis for counter in point.counters)
    return point.services.get(one.service, own)


def _cut(
    books: Books, one: Occupancy, first: date, until: date
) -> Iterator[tuple[str, date, date, date]]:
    """Days by periods and agreements: plan, first day, the one after the last, and the period."""
    period = first
    while period < until:
        end = min(books.next_end(one.account, period), until)
        for agreed in sorted(books.agreements, key=lambda each: each.first):
            if agreed.place != one.place:
                continue
            begin, stop = max(agreed.first, period), min(agreed.end or date.max, end)
            if begin < stop:
                yield agreed.plan, begin, stop, period
        period = end


async def accrued_otherwise(
    charged: Charged, parts: Sequence[Part], validated_at: datetime
) -> list[Violation]:
    """What the product keeps otherwise than bills of the days would say.

    What a bill would carry of earlier ones is left out, and what lies behind the first day of an
    account that misses something.

    Args:
        charged: What stands; it is told which parts do.
        parts: All that are live.
        validated_at: When it was validated last.
    """
    charged.stand(parts)
    books, noted = charged.books, set(charged.charges)
    wanted = open_parts(books, parts, validated_at)
    blocks = await blocks_of(charged.look, [part for own in wanted.values() for part in own])
    accruals = await charged.look.accruals()
    issued = [part for part in parts if part.state == "issued"]
    found: list[Violation] = []
    for place in sorted(accruals.keys() - wanted.keys()):
        settling = _settlement(books, issued, place)
        found += _compared(settling, _settles(books, issued, settling, noted), accruals[place])
    for account in sorted({place[0] for place in wanted}):
        mine = {place: own for place, own in wanted.items() if place[0] == account}
        try:
            expected = _expected(books, issued, mine, blocks, noted)
        except UnlikeTruthError as error:
            found.append(Violation(ORACLE, str(error)))
            continue
        for place, charges in expected.items():
            found += _compared(mine[place][0], charges, accruals.get(place))
    return found


def _settlement(books: Books, issued: Sequence[Part], place: Place) -> Part | None:
    """The part without a day that settles what a customer who has gone leaves, if there is one."""
    ended = [one.end for one in books.occupancies() if one.place == place and one.end is not None]
    own = [part for part in issued if part.place == place and not part.settles]
    if not ended or not own:
        return None
    gone, last = max(ended), max(own, key=lambda part: part.end)
    account, point, service = place
    return replace(
        _EMPTY,
        key=-1,
        account=account,
        point=point,
        service=service,
        plan=last.plan,
        first=gone,
        end=gone,
        bill=uuid5(_NAMES, f"{place} {gone}"),
        settles=True,
    )


def _settles(
    books: Books, issued: Sequence[Part], settling: Part | None, noted: Collection[int]
) -> Charges:
    """What a part without a day says by charge: nothing where there is none."""
    if settling is None:
        return {}
    judge = Judge(books, [*issued, settling], {}, Blocks({}), noted=noted)
    return _charges(judge, [settling]) or {}


def _compared(first: Part | None, charges: Charges, kept: Accrual | None) -> Iterator[Violation]:
    if kept is None:
        yield Violation(ORACLE, f"nothing is kept of {first}, which is not billed")
        return
    if sum(kept.charges.values(), Decimal(0)) != kept.amount:
        yield Violation(ORACLE, f"{first} is kept as {kept.amount}, its days as {kept.charges}")
    found = {name: amount for name, amount in kept.charges.items() if amount and name != _CARRIED}
    if found != charges:
        shown = f"{found} instead of {charges}"
        yield Violation(ORACLE, f"{first}, {kept.days}, {kept.holds}: {shown} are not billed")


def _expected(
    books: Books,
    issued: Sequence[Part],
    own: Mapping[Place, Sequence[Part]],
    blocks: Blocks,
    noted: Collection[int],
) -> Mapping[Place, Charges]:
    """What the parts of an account say, by occupancy and charge."""
    every = [part for parts in own.values() for part in parts]
    judge = Judge(books, [*issued, *every], {}, blocks, noted=noted)
    found = {place: _charges(judge, parts) for place, parts in own.items()}
    if None not in found.values():
        return {place: charges for place, charges in found.items() if charges is not None}
    until = min(_first_missing(books, part, blocks) for part in every)
    shorter = {
        place: [replace(part, end=min(part.end, until)) for part in parts if part.first < until]
        for place, parts in own.items()
    }
    every = [part for parts in shorter.values() for part in parts]
    judge = Judge(books, [*issued, *every], {}, blocks, noted=noted)
    return {place: _charges(judge, parts) or {} for place, parts in shorter.items()}


def _charges(judge: Judge, parts: Sequence[Part]) -> Charges | None:
    """What parts that follow one another say together; None where values are missing."""
    charges: dict[str, Decimal] = {}
    state: State | None = None
    for number, part in enumerate(parts):
        opening = judge.opening(part) if number == 0 else state
        rated = judge.rate(part, opening, ends=judge.ends(part))
        if rated is None:
            return None
        for (charge, _), amount in rated.lines.items():
            charges[charge] = charges.get(charge, Decimal(0)) + amount
        state = rated.closing
    return {name: amount for name, amount in charges.items() if amount}


def _first_missing(books: Books, part: Part, blocks: Blocks) -> date:
    """The first day of a part of which something that is counted there is missing."""
    for day in days_between(part.first, part.end):
        for counter in books.points[part.point].counters:
            if (used_on(counter, day, blocks) == MISSING).any():
                return day
    return date.max
